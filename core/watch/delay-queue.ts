/** Things that may wait; more are left to their next event and to the comparison with the ledger. */
export const MAX_WAITING = 10_000

/** Things that are due a fixed time after they were put here, each once, whatever is done to the clock. */
export class DelayQueue<T> {
  readonly #delayMs: number
  /** All wait equally long, so the order of their coming is the order in which they are due. */
  readonly #waiting = new Map<string, { what: T; due: number }>()

  constructor(delayMs: number) {
    this.#delayMs = delayMs
  }

  /** Puts it here unless it waits already; false if it did, or if there is no room. */
  put(key: string, what: T): boolean {
    if (this.#waiting.has(key) || this.#waiting.size >= MAX_WAITING) return false
    this.#waiting.set(key, { what, due: performance.now() + this.#delayMs })
    return true
  }

  get size(): number {
    return this.#waiting.size
  }

  get(key: string): T | undefined {
    return this.#waiting.get(key)?.what
  }

  has(key: string): boolean {
    return this.#waiting.has(key)
  }

  values(): T[] {
    return [...this.#waiting.values()].map(({ what }) => what)
  }

  delete(key: string): void {
    this.#waiting.delete(key)
  }

  /** When the next one is due, as performance.now() tells it; infinite if nothing waits. */
  get nextDue(): number {
    for (const { due } of this.#waiting.values()) return due
    return Number.POSITIVE_INFINITY
  }

  /** Those that are due, which wait no more. */
  *due(): Generator<T> {
    for (const [key, { what, due }] of this.#waiting) {
      if (due > performance.now()) return
      this.#waiting.delete(key)
      yield what
    }
  }

  clear(): void {
    this.#waiting.clear()
  }
}
