import { type Mount, readMounts } from './mountinfo.ts'

/** Interval of reading the mount table, because the kernel reports no event for a mount over a directory. */
const READ_EVERY_MS = 1_000

/** Returns the file system and options of the topmost mount at each mount point. */
const getTopMounts = (mounts: readonly Mount[]): ReadonlyMap<string, string> =>
  new Map(
    mounts.map(({ point, id, device, options, superOptions }) => [
      point,
      [id, device, options.join(), superOptions.join()].join(' '),
    ]),
  )

/** Returns the mount points that were added, removed, or changed their file system or its options. */
export function changedPoints(earlier: readonly Mount[], later: readonly Mount[]): string[] {
  const [before, after] = [getTopMounts(earlier), getTopMounts(later)]
  const points = new Set([...before.keys(), ...after.keys()])
  return [...points].filter((point) => before.get(point) !== after.get(point))
}

/**
 * Reports mounts, unmounts, and file systems that the kernel made read-only, with one small read for all paths. Reads
 * only while there are listeners; queries no file system.
 */
export class MountTable {
  readonly #read: () => readonly Mount[] | null
  readonly #listeners = new Set<(points: string[]) => void>()
  #timer: NodeJS.Timeout | null = null
  #mounts: readonly Mount[] | null = null

  constructor(read: () => readonly Mount[] | null = readMounts) {
    this.#read = read
  }

  /** Calls `listener` after each change; returns a function that removes it. */
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
   * The mounts as of the last read, or null if the system does not provide them. A listener that uses only this list
   * stays consistent: it sees neither of a change and its reversal between two reads.
   */
  get mounts(): readonly Mount[] | null {
    return this.#mounts
  }

  /** Reads the table now, and notifies the listeners of a change. */
  look(): void {
    const mounts = this.#read()
    // If the system refuses, the next read reports the change. On Linux an unchanged table is the same object.
    if (mounts === null || mounts === this.#mounts) return
    const points = changedPoints(this.#mounts ?? [], mounts)
    this.#mounts = mounts
    if (points.length === 0) return
    for (const listener of [...this.#listeners]) listener(points)
  }
}
