/**
 * Divides a limit among those who use it: each may use one more while as many others would still find room. The first
 * one gets half, the next one half of the rest, and some is left for everybody else.
 */
export class Shares {
  readonly #most: number
  readonly #used = new Map<string, number>()

  constructor(most: number) {
    this.#most = most
  }

  /** Returns the function that gives the use back; null: there is no room for this one. */
  take(who: string): (() => void) | null {
    const free = this.#most - [...this.#used.values()].reduce((sum, count) => sum + count, 0)
    const own = this.#used.get(who) ?? 0
    if (own >= free) return null
    this.#used.set(who, own + 1)
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      const left = (this.#used.get(who) ?? 1) - 1
      if (left === 0) this.#used.delete(who)
      else this.#used.set(who, left)
    }
  }
}
