import { type Mount, parseMountinfo, readMountLines } from './mountinfo.ts'

/** The kernel gives no event for what is mounted over a directory: its table is read so often. */
const READ_EVERY_MS = 1_000

/** What the table says of each mount point: file system and options of the mount on top of it. */
const topsOf = (mountinfo: string): ReadonlyMap<string, string> =>
  new Map(
    parseMountinfo(mountinfo).map(({ point, id, device, options, superOptions }) => [
      point,
      [id, device, options.join(), superOptions.join()].join(' '),
    ]),
  )

/** The mount points that came, went, or changed their file system or its options. */
export function changedPoints(mountinfo: string, later: string): string[] {
  const [before, after] = [topsOf(mountinfo), topsOf(later)]
  const points = new Set([...before.keys(), ...after.keys()])
  return [...points].filter((point) => before.get(point) !== after.get(point))
}

/**
 * Tells at once what was mounted, unmounted, or made read-only by the kernel: one small read for all paths. Reads nothing
 * while nobody listens; asks no file system.
 */
export class MountTable {
  readonly #read: () => string | null
  readonly #listeners = new Set<(points: string[]) => void>()
  #timer: NodeJS.Timeout | null = null
  #text: string | null = null

  constructor(read = readMountLines) {
    this.#read = read
  }

  /** Calls `listener` after each change; returns the function that ends this. */
  onChange(listener: (points: string[]) => void): () => void {
    this.#listeners.add(listener)
    if (this.#timer === null) {
      this.#text = this.#read()
      this.#timer = setInterval(() => this.look(), READ_EVERY_MS)
    }
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size > 0 || this.#timer === null) return
      clearInterval(this.#timer)
      this.#timer = null
    }
  }

  /**
   * What was mounted at the last reading, or null where the system does not tell. A listener that goes by this
   * alone cannot miss a change and its undoing, after which the table reads as before.
   */
  get mounts(): readonly Mount[] | null {
    return this.#text === null ? null : parseMountinfo(this.#text)
  }

  /** Reads it now, and tells of a change. */
  look(): void {
    const text = this.#read()
    // The system may refuse just now: then the next look tells.
    if (text === null || text === this.#text) return
    const points = changedPoints(this.#text ?? '', text)
    this.#text = text
    for (const listener of [...this.#listeners]) listener(points)
  }
}
