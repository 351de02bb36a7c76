/** Limit of waiting items; more are left to their next event and to the comparison with the ledger. */
export const MAX_WAITING = 10_000

/** Items that become due a fixed time after they were put in, each once; independent of changes of the clock. */
export class DelayQueue<T> {
  readonly #delayMs: number
  /** All items wait equally long, so their order of arrival is the order in which they become due. */
  readonly #waiting = new Map<string, { what: T; due: number }>()

  constructor(delayMs: number) {
    this.#delayMs = delayMs
  }

  /** Adds an item. Returns false if its key is waiting already, or if there is no room. */
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

  /** When the next item is due, as a time of performance.now(); infinite if none waits. */
  get nextDue(): number {
    for (const { due } of this.#waiting.values()) return due
    return Number.POSITIVE_INFINITY
  }

  /** Removes and yields the items that are due. */
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
