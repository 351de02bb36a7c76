import type { Content } from '../../files/stat-facts.ts'
import { sameContent } from '../../files/stat-facts.ts'
import { oldEnoughAt } from '../../filter/limits.ts'
import type { TreeWatcher } from '../watch/tree-watcher.ts'

/** Files that may wait for their age at once; those beyond them are left to the next comparison. */
const MAX_HELD = 10_000
/** Files that become old enough within this time are looked at together. */
const TOGETHER_MS = 100
/** The longest delay that a timer of Node takes is 2^31 − 1 ms. */
const LONGEST_TIMER_MS = 86_400_000

/** Files that a watcher is asked to look at in one go. */
const LOOKED_AT_ONCE = 256

/** What is known of a file here. */
type AtPath = Content & { path: string }

interface Held {
  facts: AtPath
  /** Milliseconds since 1970. */
  due: number
  /** It was given back to be looked at: it waits no more. */
  released: boolean
}

export interface YoungOptions {
  minimumAgeSeconds: number
  /** These are old enough now: they are to be looked at again. */
  ripe(paths: string[]): void
}

/**
 * Files of one source that are finished but not old enough to be sent. One timer serves them all, and their
 * number is bounded.
 */
export class Young {
  readonly #options: YoungOptions
  readonly #held = new Map<string, Held>()
  /** Files that wait, by the first part of their paths: what a batch directory asks. */
  readonly #waitingIn = new Map<string, number>()
  #timer: NodeJS.Timeout | null = null
  #timerAt = Number.POSITIVE_INFINITY

  constructor(options: YoungOptions) {
    this.#options = options
  }

  /** Whether this file has to wait still. One that must is given back through `ripe` when its time has come. */
  holds(facts: AtPath): boolean {
    const { minimumAgeSeconds } = this.#options
    if (minimumAgeSeconds === 0) return false
    const now = Date.now()
    const known = this.#held.get(facts.path)
    if (known !== undefined && sameContent(known.facts, facts)) {
      if (!known.released) return true
      this.#held.delete(facts.path)
      return false
    }
    if (known !== undefined) this.#forget(known)
    const due = oldEnoughAt(minimumAgeSeconds, facts.mtimeNs, now)
    if (due <= now) return false
    this.#hold({ facts, due, released: false })
    return true
  }

  /** Files that wait below a child directory of the source. */
  waitingIn(name: string): number {
    return this.#waitingIn.get(name) ?? 0
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#held.clear()
    this.#waitingIn.clear()
  }

  #hold(held: Held): void {
    if (this.#held.size >= MAX_HELD) this.#forgetReleased()
    if (this.#held.size >= MAX_HELD) return
    this.#held.set(held.facts.path, held)
    this.#count(held, 1)
    this.#arm(held.due)
  }

  #forget(held: Held): void {
    this.#held.delete(held.facts.path)
    if (!held.released) this.#count(held, -1)
  }

  /** Those that were looked at and did not come back: deleted, or a writer has them open again. */
  #forgetReleased(): void {
    for (const held of [...this.#held.values()]) if (held.released) this.#forget(held)
  }

  #count({ facts: { path } }: Held, change: 1 | -1): void {
    const [name = ''] = path.split('/', 1)
    const count = this.waitingIn(name) + change
    if (count === 0) this.#waitingIn.delete(name)
    else this.#waitingIn.set(name, count)
  }

  #arm(due: number): void {
    const at = due + TOGETHER_MS
    if (this.#timer !== null && at >= this.#timerAt) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timerAt = at
    const delay = Math.min(LONGEST_TIMER_MS, Math.max(TOGETHER_MS, at - Date.now()))
    this.#timer = setTimeout(() => this.#release(), delay)
  }

  #release(): void {
    this.#timer = null
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = Date.now()
    // Seen while the clock was ahead: from now on it is a file of this moment.
    const latest = now + this.#options.minimumAgeSeconds * 1000
    const ripe: string[] = []
    let earliest = Number.POSITIVE_INFINITY
    for (const held of this.#held.values()) {
      if (held.released) continue
      held.due = Math.min(held.due, latest)
      if (held.due <= now) {
        held.released = true
        this.#count(held, -1)
        ripe.push(held.facts.path)
      } else earliest = Math.min(earliest, held.due)
    }
    if (earliest < Number.POSITIVE_INFINITY) this.#arm(earliest)
    if (ripe.length > 0) this.#options.ripe(ripe)
  }
}

/** Has a watcher look at many files, a bounded number at a time. */
export async function examineAll(
  watcher: Pick<TreeWatcher, 'examine'>,
  paths: readonly string[],
): Promise<void> {
  for (let from = 0; from < paths.length; from += LOOKED_AT_ONCE) {
    await watcher.examine(paths.slice(from, from + LOOKED_AT_ONCE))
  }
}
