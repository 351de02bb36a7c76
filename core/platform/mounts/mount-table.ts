import { type Mount, readMounts } from './mountinfo.ts'

/** The kernel gives no event for what is mounted over a directory: its table is read so often. */
const READ_EVERY_MS = 1_000

/** What the table says of each mount point: file system and options of the mount on top of it. */
const topsOf = (mounts: readonly Mount[]): ReadonlyMap<string, string> =>
  new Map(
    mounts.map(({ point, id, device, options, superOptions }) => [
      point,
      [id, device, options.join(), superOptions.join()].join(' '),
    ]),
  )

/** The mount points that came, went, or changed their file system or its options. */
export function changedPoints(earlier: readonly Mount[], later: readonly Mount[]): string[] {
  const [before, after] = [topsOf(earlier), topsOf(later)]
  const points = new Set([...before.keys(), ...after.keys()])
  return [...points].filter((point) => before.get(point) !== after.get(point))
}

/**
 * Tells at once what was mounted, unmounted, or made read-only by the kernel: one small read for all paths. Reads nothing
 * while nobody listens; asks no file system.
 */
export class MountTable {
  readonly #read: () => readonly Mount[] | null
  readonly #listeners = new Set<(points: string[]) => void>()
  #timer: NodeJS.Timeout | null = null
  #mounts: readonly Mount[] | null = null

  constructor(read: () => readonly Mount[] | null = readMounts) {
    this.#read = read
  }

  /** Calls `listener` after each change; returns the function that ends this. */
  onChange(listener: (points: string[]) => void): () => void {
    this.#listeners.add(listener)
    if (this.#timer === null) {
      this.#mounts = this.#read()
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
    return this.#mounts
  }

  /** Reads it now, and tells of a change. */
  look(): void {
    const mounts = this.#read()
    // The system may refuse just now: then the next look tells. Linux's table is the same one while its text is.
    if (mounts === null || mounts === this.#mounts) return
    const points = changedPoints(this.#mounts ?? [], mounts)
    this.#mounts = mounts
    if (points.length === 0) return
    for (const listener of [...this.#listeners]) listener(points)
  }
}
