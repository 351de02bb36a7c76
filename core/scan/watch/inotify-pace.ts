/**
 * Between two reads of the kernel's queue in a burst. A wake-up and a message for every single event cost several times
 * what the event itself does; together they cost the files' writer its processor, too.
 */
const GATHER_MS = 1
/** Reads at once after a silence, so that a lone file's creation and close are known as they happen. */
const EAGER = 4
/** A queue that was not read for so long was silent. */
const SILENCE_MS = 10

/** When the kernel's queue is read: at once after a silence, and every GATHER_MS in a burst. */
export class Pace {
  #readAt = Number.NEGATIVE_INFINITY
  #eager = EAGER

  /** Milliseconds, whole as poll(2) takes them, until the queue is to be read; `now` is of a monotonic clock. */
  waitMs(now: number): number {
    const since = now - this.#readAt
    if (since >= SILENCE_MS) this.#eager = EAGER
    return this.#eager > 0 ? 0 : Math.max(0, Math.ceil(GATHER_MS - since))
  }

  /** The queue was read at `now`. */
  read(now: number): void {
    this.#readAt = now
    this.#eager = Math.max(0, this.#eager - 1)
  }
}
