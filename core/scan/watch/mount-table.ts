import { readMountLines } from '../../mounts/mount-list.ts'
import type { Mount } from '../../mounts/mountinfo.ts'
import { parseMountinfo } from '../../mounts/mountinfo.ts'

/** The kernel gives no event for what is mounted over a watched directory: its table is read so often. */
const READ_EVERY_MS = 1_000

/** Tells when something was mounted or unmounted. Reads nothing while nobody listens; asks no file system. */
export class MountTable {
  readonly #listeners = new Set<() => void>()
  #timer: NodeJS.Timeout | null = null
  #text: string | null = null

  /** Calls `listener` after each change; returns the function that ends this. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    if (this.#timer === null) {
      this.#text = readMountLines()
      // Where there is no such table nothing will ever change.
      if (this.#text !== null) this.#timer = setInterval(() => this.look(), READ_EVERY_MS)
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
    const text = readMountLines()
    if (text === null || text === this.#text) return
    this.#text = text
    for (const listener of [...this.#listeners]) listener()
  }
}
