import type { ScannedFile } from '../walk/scanned-file.ts'
import type { LinkedFile } from './tree-watcher.ts'

/** Limit of files in one message; the ledger takes them in one transaction. */
const MAX_FILES = 256
/** In a burst, files are sent together at this interval: each transaction of the ledger writes the same pages again. */
const TOGETHER_MS = 25
/**
 * Limit of messages that the main thread has not handled. At the limit no further files are examined, and the kernel
 * queues events.
 */
const MAX_UNTAKEN = 8

export interface FoundFiles {
  finished: ScannedFile[]
  unproven: ScannedFile[]
  /** Paths of files that are no longer unproven: their close event is awaited. */
  reopened: string[]
  linked: LinkedFile[]
  /** Paths of directories whose mode, owner or attributes were changed. */
  directories: string[]
}

/** Collects a tree's files into bounded messages, and stops its examinations while the main thread lags behind. */
export class Outbox {
  readonly #post: (files: FoundFiles) => void
  #batch = emptyBatch()
  #untaken = 0
  #flushedAt = Number.NEGATIVE_INFINITY

  constructor(post: (files: FoundFiles) => void) {
    this.#post = post
  }

  /** True if further files may be examined now. */
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

  /** Adds a changed file that has other names. */
  linked(file: LinkedFile): void {
    this.#batch.linked.push(file)
  }

  /** Adds a directory whose mode, owner or attributes have changed. */
  changedDirectory(path: string): void {
    this.#batch.directories.push(path)
    if (this.#size >= MAX_FILES) this.flush()
  }

  /** Records that a file that may have been sent as unproven is being written again. */
  reopened(path: string): void {
    this.#batch.unproven = this.#batch.unproven.filter((facts) => facts.path !== path)
    this.#batch.reopened.push(path)
    if (this.#size >= MAX_FILES) this.flush()
  }

  /**
   * When the batch can be sent, as a time of performance.now(); infinite if it is empty or the main thread is behind.
   */
  get nextFlush(): number {
    const isAble = this.#untaken === 0 && this.#size > 0
    return isAble ? this.#flushedAt + TOGETHER_MS : Number.POSITIVE_INFINITY
  }

  /** Sends the batch as soon as the main thread is free for it, the first files at once; until then it collects. */
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
