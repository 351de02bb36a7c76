import type { Content } from '../../files/stat-facts.ts'
import { sameContent } from '../../files/stat-facts.ts'
import { oldEnoughAt } from '../../filter/limits.ts'
import type { TreeWatcher } from '../watch/tree-watcher.ts'

/** Files that may wait for their age at once; those beyond them are left to the next comparison. */
const MAX_HELD = 10_000
/** They are gone through this often. */
const LOOK_EVERY_MS = 1_000

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

/** Files of one source that are finished but not old enough to be sent. Their number is bounded. */
export class Young {
  readonly #options: YoungOptions
  readonly #held = new Map<string, Held>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: YoungOptions) {
    this.#options = options
  }

  /** Whether this file has to wait still. One that must is given back through `ripe` when its time has come. */
  holds(facts: AtPath): boolean {
    const { minimumAgeSeconds } = this.#options
    if (minimumAgeSeconds === 0) return false
    const now = Date.now()
    const known = this.#held.get(facts.path)
    const isKnown = known !== undefined && sameContent(known.facts, facts)
    if (isKnown && !known.released) return true
    this.#held.delete(facts.path)
    const due = oldEnoughAt(minimumAgeSeconds, facts.mtimeNs, now)
    if (isKnown || due <= now) return false
    this.#hold({ facts, due, released: false })
    return true
  }

  /** Files that wait below a child directory of the source. */
  waitingIn(name: string): number {
    return this.#waiting().filter(({ facts: { path } }) => path.startsWith(`${name}/`)).length
  }

  close(): void {
    clearInterval(this.#timer)
    this.#held.clear()
  }

  #waiting(): Held[] {
    return [...this.#held.values()].filter(({ released }) => !released)
  }

  #hold(held: Held): void {
    if (this.#held.size >= MAX_HELD) {
      // Those that were looked at and did not come back: deleted, or a writer has them open again.
      for (const [path, { released }] of this.#held) if (released) this.#held.delete(path)
      if (this.#held.size >= MAX_HELD) return
    }
    this.#held.set(held.facts.path, held)
    this.#timer ??= setInterval(() => this.#release(), LOOK_EVERY_MS)
  }

  #release(): void {
    const now = Date.now()
    // Seen while the clock was ahead: from now on it is a file of this moment.
    const latest = now + this.#options.minimumAgeSeconds * 1000
    const waiting = this.#waiting()
    for (const held of waiting) {
      held.due = Math.min(held.due, latest)
      held.released = held.due <= now
    }
    const ripe = waiting.filter(({ released }) => released).map(({ facts }) => facts.path)
    if (ripe.length === waiting.length) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
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
