import { oldEnoughAt } from '../../filter/limits.ts'
import type { ScannedFile } from '../../walk/scanned-file.ts'
import type { TreeWatcher } from '../../watch/tree-watcher.ts'

/** Files that may wait for their age at once; those beyond them are left to the next comparison. */
const MAX_HELD = 10_000
/** They are gone through this often. */
const LOOK_EVERY_MS = 1_000

/** Files that a watcher is asked to look at in one go. */
const LOOKED_AT_ONCE = 256

export interface YoungOptions {
  minimumAgeSeconds: number
  /** These are old enough now: they are to be looked at again. */
  ripe(paths: string[]): void
}

/** Files of one source that are finished but not old enough to be sent. Their number is bounded. */
export class Young {
  readonly #options: YoungOptions
  readonly #held = new Map<string, ScannedFile>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: YoungOptions) {
    this.#options = options
  }

  /** Whether this file has to wait still. One that must is given back through `ripe` when its time has come. */
  holds(facts: ScannedFile): boolean {
    // What was known of it before counts no more.
    this.#held.delete(facts.path)
    if (this.#isOldEnough(facts)) return false
    if (this.#held.size < MAX_HELD) {
      this.#held.set(facts.path, facts)
      this.#timer ??= setInterval(() => this.#release(), LOOK_EVERY_MS)
    }
    return true
  }

  /** Files that wait below a child directory of the source. */
  waitingIn(name: string): number {
    return [...this.#held.keys()].filter((path) => path.startsWith(`${name}/`)).length
  }

  close(): void {
    clearInterval(this.#timer)
    this.#held.clear()
  }

  #isOldEnough(facts: ScannedFile): boolean {
    const now = Date.now()
    return oldEnoughAt(this.#options.minimumAgeSeconds, facts, now) <= now
  }

  #release(): void {
    const ripe = [...this.#held.values()].filter((facts) => this.#isOldEnough(facts)).map(({ path }) => path)
    for (const path of ripe) this.#held.delete(path)
    if (this.#held.size === 0) {
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
