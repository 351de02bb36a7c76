import type { Unsendable } from '../tree/walk.ts'
import type { BatchFacts } from './rules.ts'
import { identityOf } from './rules.ts'

/** In which look of its session each batch directory was first there; of those that are gone nothing is kept. */
export class FirstSeen {
  #seen = new Map<string, { look: number; name: string }>()
  #looks = 0

  /**
   * Another look. `unsendable`: what is there, though it could not be found out what it is.
   * @returns the number of the look in which a directory was first there.
   */
  note(batches: readonly BatchFacts[], unsendable: readonly Unsendable[]): (directory: BatchFacts) => number {
    this.#looks += 1
    const before = this.#seen
    const now: typeof before = new Map()
    for (const one of batches) {
      const identity = identityOf(one)
      now.set(identity, { look: before.get(identity)?.look ?? this.#looks, name: one.name })
    }
    const unasked = new Set(unsendable.map(({ path }) => path))
    for (const [identity, one] of before)
      if (unasked.has(one.name) && !now.has(identity)) now.set(identity, one)
    this.#seen = now
    return (directory) => now.get(identityOf(directory))?.look ?? this.#looks
  }
}
