/** Slots that were taken are given back when there are so many of them, and more than that wait. */
const TAKEN_KEPT = 1024

/** First in, first out, at a constant cost however long it is. */
export class Queue<T> {
  #items: T[] = []
  #taken = 0

  get isEmpty(): boolean {
    return this.#taken === this.#items.length
  }

  add(item: T): void {
    this.#items.push(item)
  }

  take(): T | undefined {
    if (this.isEmpty) return undefined
    const item = this.#items[this.#taken]
    this.#taken += 1
    if (this.isEmpty || (this.#taken > TAKEN_KEPT && this.#taken * 2 > this.#items.length)) {
      this.#items = this.#items.slice(this.#taken)
      this.#taken = 0
    }
    return item
  }

  /** Takes out what matches, in its order. */
  remove(matches: (item: T) => boolean): T[] {
    const waiting = this.#items.slice(this.#taken)
    this.#items = waiting.filter((item) => !matches(item))
    this.#taken = 0
    return waiting.filter(matches)
  }
}
