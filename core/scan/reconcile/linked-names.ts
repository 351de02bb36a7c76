import { DelayQueue } from '../../watch/delay-queue.ts'
import type { LinkedFile, TreeWatcher } from '../../watch/tree-watcher.ts'
import type { SessionContext } from '../source-session.ts'
import { examineAll } from './minimum-age.ts'

/** Changes of one file are collected for this time, since each one causes an examination of all of its names. */
const GATHER_MS = 1_000

type Context = Pick<
  SessionContext,
  'source' | 'ledger' | 'destinations' | 'signal' | 'ledgerFailed' | 'compareSoon'
>

/**
 * Examines the other names (hard links) of changed files. The ledger finds them by inode, with one query for each file;
 * the watcher examines a bounded number at a time.
 */
export class LinkedNames {
  readonly #context: Context
  readonly #watcher: () => Pick<TreeWatcher, 'examine'> | null
  readonly #waiting = new DelayQueue<LinkedFile>(GATHER_MS)
  #timer: NodeJS.Timeout | null = null
  #isLooking = false

  constructor(context: Context, watcher: () => Pick<TreeWatcher, 'examine'> | null) {
    this.#context = context
    this.#watcher = watcher
  }

  changed(files: readonly LinkedFile[]): void {
    for (const file of files) {
      const inode = String(file.inode)
      const known = this.#waiting.get(inode)
      if (known !== undefined) Object.assign(known, file)
      else if (!this.#waiting.put(inode, { ...file })) this.#context.compareSoon()
    }
    this.#arm()
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#waiting.clear()
  }

  #arm(): void {
    if (this.#timer !== null || this.#isLooking || this.#waiting.size === 0) return
    const delayMs = Math.max(0, this.#waiting.nextDue - performance.now())
    this.#timer = setTimeout(() => void this.#look(), delayMs)
  }

  async #look(): Promise<void> {
    const { source, ledger, destinations, signal, ledgerFailed, compareSoon } = this.#context
    this.#timer = null
    this.#isLooking = true
    for (const file of this.#waiting.due()) {
      const watcher = this.#watcher()
      if (watcher === null || signal.aborted) break
      try {
        // Twice the link count: some of the ledger's names may belong to an earlier file with this inode.
        const names = destinations.map((one) => ledger.otherNames(one, source.id, file, 2 * file.links + 256))
        await examineAll(watcher, [...new Set(names.flat())])
      } catch (error) {
        ledgerFailed(error)
        compareSoon()
      }
    }
    this.#isLooking = false
    if (!signal.aborted) this.#arm()
  }
}
