import type { ScannedFile } from '../walk/scanned-file.ts'
import type { LinkedFile } from './tree-watcher.ts'

/** Files in one message; the ledger takes them in one transaction. */
const MAX_FILES = 256
/** In a burst files go together this often: each transaction of the ledger writes the same pages again. */
const TOGETHER_MS = 25
/** Messages of files that the main thread may have before it: then nothing more is looked at, and the kernel queues. */
const MAX_UNTAKEN = 8

export interface FoundFiles {
  finished: ScannedFile[]
  unproven: ScannedFile[]
  /** Paths of files that are not unproven any more: they wait for their close. */
  reopened: string[]
  linked: LinkedFile[]
  /** Paths of directories whose mode, owner or attributes were changed. */
  directories: string[]
}

/** Gathers a tree's files into bounded messages, and holds the tree back when nobody takes them. */
export class Outbox {
  readonly #post: (files: FoundFiles) => void
  #batch = emptyBatch()
  #untaken = 0
  #flushedAt = Number.NEGATIVE_INFINITY

  constructor(post: (files: FoundFiles) => void) {
    this.#post = post
  }

  /** Whether more files may be looked at now. */
  get hasRoom(): boolean {
    return this.#untaken < MAX_UNTAKEN
  }

  taken(): void {
    this.#untaken -= 1
  }

  add(list: 'finished' | 'unproven', facts: ScannedFile): void {
    this.#batch[list].push(facts)
    if (this.#size >= MAX_FILES) this.flush()
  }

  /** A file that was changed has other names. */
  linked(file: LinkedFile): void {
    this.#batch.linked.push(file)
  }

  /** A directory has another mode, owner or attribute. */
  changedDirectory(path: string): void {
    this.#batch.directories.push(path)
    if (this.#size >= MAX_FILES) this.flush()
  }

  /** A file that may have gone as unproven is being written again. */
  reopened(path: string): void {
    this.#batch.unproven = this.#batch.unproven.filter((facts) => facts.path !== path)
    this.#batch.reopened.push(path)
    if (this.#size >= MAX_FILES) this.flush()
  }

  /** When what waits may go, as performance.now() tells it; infinite if nothing does, or the main thread is not free for it. */
  get nextFlush(): number {
    const isAble = this.#untaken === 0 && this.#size > 0
    return isAble ? this.#flushedAt + TOGETHER_MS : Number.POSITIVE_INFINITY
  }

  /** Sends what waits as soon as the main thread is free for it, the first files at once; until then it gathers. */
  flushWhenTaken(): void {
    if (this.nextFlush <= performance.now()) this.flush()
  }

  flush(): void {
    if (this.#size === 0) return
    this.#untaken += 1
    this.#flushedAt = performance.now()
    this.#post(this.#batch)
    this.#batch = emptyBatch()
  }

  get #size(): number {
    const { finished, unproven, reopened, directories } = this.#batch
    return finished.length + unproven.length + reopened.length + directories.length
  }
}

function emptyBatch(): FoundFiles {
  return { finished: [], unproven: [], reopened: [], linked: [], directories: [] }
}
