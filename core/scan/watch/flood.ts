import { readFileSync } from 'node:fs'

/** Where the system does not say how many events its queue holds. */
const USUAL_QUEUE = 16_384

/**
 * Notices that the kernel's queue of events may have overflowed where nobody is told: Node's fs.watch passes on
 * what it reads and is silent about IN_Q_OVERFLOW (inotify(7)). All its watches share one queue, which is read
 * to its end in one turn of the event loop; so a turn that brings half as many events as the queue holds may
 * come after a loss. One object serves the whole process.
 */
export class Flood {
  readonly #threshold: number
  readonly #listeners = new Set<() => void>()
  #events = 0
  #counting = false

  /** @param threshold events in one turn of the event loop that count as a flood */
  constructor(threshold = queueLength() / 2) {
    this.#threshold = threshold
  }

  /** The system has told of a change. */
  event(): void {
    this.#events += 1
    if (this.#counting) return
    this.#counting = true
    // After the turn's reading: every event of the queue has been passed on by then.
    setImmediate(() => {
      this.#counting = false
      const flooded = this.#events >= this.#threshold
      this.#events = 0
      if (flooded) for (const listener of [...this.#listeners]) listener()
    })
  }

  /** Calls `listener` after each flood; returns the function that ends this. */
  onFlood(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}

/** Events that the kernel keeps for one reader: proc_sys_fs(5). */
function queueLength(): number {
  try {
    const length = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'))
    return length > 0 ? length : USUAL_QUEUE
  } catch {
    return USUAL_QUEUE
  }
}
