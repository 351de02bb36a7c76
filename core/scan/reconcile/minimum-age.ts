import { oldEnoughAt } from '../../filter/exclusion-rules.ts'
import type { ScannedFile } from '../../walk/scanned-file.ts'
import type { TreeWatcher } from '../../watch/tree-watcher.ts'

/** Limit of files that wait for their age at once; the next comparison finds the rest. */
const MAX_HELD = 10_000
/** Interval at which the waiting files are checked. */
const LOOK_EVERY_MS = 1_000

/** Files that a watcher examines in one call. */
const LOOKED_AT_ONCE = 256

interface YoungOptions {
  minimumAgeSeconds: number
  /** Called with files that have reached the minimum age: they must be examined again. */
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

  /** True if this file is too young. Such a file is passed to `ripe` when its time has come. */
  holds(facts: ScannedFile): boolean {
    // The new metadata replaces the old.
    this.#held.delete(facts.path)
    if (this.#isOldEnough(facts)) return false
    if (this.#held.size < MAX_HELD) {
      this.#held.set(facts.path, facts)
      this.#timer ??= setInterval(() => this.#release(), LOOK_EVERY_MS)
    }
    return true
  }

  /** Counts the files that wait below a child directory of the source. */
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

/** Lets a watcher examine many files, a bounded number at a time. */
export async function examineAll(
  watcher: Pick<TreeWatcher, 'examine'>,
  paths: readonly string[],
): Promise<void> {
  for (let from = 0; from < paths.length; from += LOOKED_AT_ONCE) {
    await watcher.examine(paths.slice(from, from + LOOKED_AT_ONCE))
  }
}
