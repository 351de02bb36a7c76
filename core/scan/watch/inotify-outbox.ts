import type { FileFacts } from '../facts.ts'
import { sameContent } from '../facts.ts'
import type { FromThread } from './inotify-messages.ts'

/** Files in one message; the ledger takes them in one transaction. */
const MAX_FILES = 256
/** Messages of files that the main thread may have before it: then the thread waits, and the kernel queues. */
const MAX_UNTAKEN = 8
/** How many reported files are remembered, so that two events about one content are told once. */
const REMEMBERED = 8192

interface Batch {
  finished: FileFacts[]
  unproven: FileFacts[]
}

/** Gathers files into bounded messages, and holds the thread back when nobody takes them. */
export class Outbox {
  readonly #post: (message: FromThread) => void
  readonly #batches = new Map<number, Batch>()
  readonly #reported = new Map<string, FileFacts>()
  #untaken = 0

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

  /** Whether the file was reported with this content a short while ago. */
  hasReported(tree: number, facts: FileFacts): boolean {
    const before = this.#reported.get(`${tree}/${facts.path}`)
    return before !== undefined && before.device === facts.device && sameContent(before, facts)
  }

  finished(tree: number, facts: FileFacts): void {
    const key = `${tree}/${facts.path}`
    this.#reported.delete(key)
    this.#reported.set(key, facts)
    if (this.#reported.size > REMEMBERED) {
      for (const oldest of this.#reported.keys()) {
        this.#reported.delete(oldest)
        break
      }
    }
    this.#add(tree, 'finished', facts)
  }

  unproven(tree: number, facts: FileFacts): void {
    this.#add(tree, 'unproven', facts)
  }

  /** Sends what waits as soon as the main thread is free for it; until then it gathers. */
  flushWhenTaken(): void {
    if (this.#untaken > 0) return
    for (const tree of [...this.#batches.keys()]) this.flush(tree)
  }

  flush(tree: number): void {
    const batch = this.#batches.get(tree)
    if (batch === undefined) return
    this.#batches.delete(tree)
    this.#untaken += 1
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
