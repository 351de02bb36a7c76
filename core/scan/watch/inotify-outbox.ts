import type { FileFacts } from '../tree/facts.ts'
import type { FromThread } from './inotify.ts'

/** Files in one message; the ledger takes them in one transaction. */
const MAX_FILES = 256
/** In a burst files go together this often: each transaction of the ledger writes the same pages again. */
const TOGETHER_MS = 25
/** Messages of files that the main thread may have before it: then the thread waits, and the kernel queues. */
const MAX_UNTAKEN = 8
/** How many reported files are remembered at most, so that the listing of a new directory need not look at them again. */
const REMEMBERED = 8192

interface Batch {
  finished: FileFacts[]
  unproven: FileFacts[]
}

/** By the path alone: that two trees have a file of one path at once is rare, and then one of them is told twice. */
interface Reported {
  tree: number
  /** The watch that its directory had; -1: none. A number that was given once is not given again. */
  watch: number
}

/** Gathers files into bounded messages, and holds the thread back when nobody takes them. */
export class Outbox {
  readonly #post: (message: FromThread) => void
  readonly #batches = new Map<number, Batch>()
  readonly #reported = new Map<string, Reported>()
  #untaken = 0
  #flushedAt = Number.NEGATIVE_INFINITY

  constructor(post: (message: FromThread) => void) {
    this.#post = post
  }

  /** Whether more files may be looked at now. */
  get hasRoom(): boolean {
    return this.#untaken < MAX_UNTAKEN
  }

  taken(): void {
    this.#untaken -= 1
  }

  /** Whether the tree has reported the file while its directory had this watch, so that any change since has an event. */
  hasReportedUnder(tree: number, watch: number, path: string): boolean {
    const before = this.#reported.get(path)
    return watch !== -1 && before?.watch === watch && before.tree === tree
  }

  finished(tree: number, facts: FileFacts, watch: number): void {
    // All at once: to take single entries out of a map costs more.
    if (this.#reported.size >= REMEMBERED) this.#reported.clear()
    this.#reported.set(facts.path, { tree, watch })
    this.#add(tree, 'finished', facts)
  }

  unproven(tree: number, facts: FileFacts): void {
    this.#add(tree, 'unproven', facts)
  }

  /** When what waits may go, as performance.now() tells it; infinite if nothing does, or the main thread is not free for it. */
  get nextFlush(): number {
    const isAble = this.#untaken === 0 && this.#batches.size > 0
    return isAble ? this.#flushedAt + TOGETHER_MS : Number.POSITIVE_INFINITY
  }

  /** Sends what waits as soon as the main thread is free for it, the first files at once; until then it gathers. */
  flushWhenTaken(): void {
    if (this.nextFlush > performance.now()) return
    for (const tree of [...this.#batches.keys()]) this.flush(tree)
  }

  flush(tree: number): void {
    const batch = this.#batches.get(tree)
    if (batch === undefined) return
    this.#batches.delete(tree)
    this.#untaken += 1
    this.#flushedAt = performance.now()
    this.#post({ type: 'files', tree, ...batch })
  }

  forget(tree: number): void {
    this.#batches.delete(tree)
  }

  #add(tree: number, list: keyof Batch, facts: FileFacts): void {
    let batch = this.#batches.get(tree)
    if (batch === undefined) {
      batch = { finished: [], unproven: [] }
      this.#batches.set(tree, batch)
    }
    batch[list].push(facts)
    if (batch.finished.length + batch.unproven.length >= MAX_FILES) this.flush(tree)
  }
}
