import type { Unsendable } from '../tree/walk.ts'
import type { BatchFacts } from './rules.ts'
import { identityOf } from './rules.ts'

/** A directory that was made, or filled, less than this ago, in milliseconds, is new; one that was brought is older. */
const NEW_MS = 60_000

interface Seen {
  look: number
  name: string
  mtimeNs: bigint
}

/**
 * In which look of its session each batch directory was first there, and new: 0 for what was there in the first one,
 * and for what comes with an older time, moved or copied in, or because it could not be looked at before. Of those
 * that are gone nothing is kept.
 */
export class FirstSeen {
  readonly #now: () => number
  #seen = new Map<string, Seen>()
  #looks = 0

  /** @param now milliseconds since 1970. */
  constructor(now = () => Date.now()) {
    this.#now = now
  }

  /**
   * Another look. `unsendable`: what is there, though it could not be found out what it is.
   * @returns the number of the look in which a directory was first there.
   */
  note(batches: readonly BatchFacts[], unsendable: readonly Unsendable[]): (directory: BatchFacts) => number {
    const before = this.#seen
    const now: typeof before = new Map()
    for (const one of batches) {
      const identity = identityOf(one)
      const look = this.#lookOf(one, before.get(identity))
      now.set(identity, { look, name: one.name, mtimeNs: one.mtimeNs })
    }
    const unasked = new Set(unsendable.map(({ path }) => path))
    for (const [identity, one] of before)
      if (unasked.has(one.name) && !now.has(identity)) now.set(identity, one)
    this.#seen = now
    this.#looks += 1
    return (directory) => now.get(identityOf(directory))?.look ?? 0
  }

  #lookOf({ mtimeNs }: BatchFacts, known: Seen | undefined): number {
    if (known !== undefined && mtimeNs >= known.mtimeNs) return known.look
    // Whoever copies a directory with its time sets that last: it goes back then, far from what the clock says.
    const isNew = Math.abs(this.#now() - Number(mtimeNs / 1_000_000n)) < NEW_MS
    return isNew ? (known?.look ?? this.#looks) : 0
  }
}
