import { ListingThread } from './listing-thread.ts'
import type { ListedChunk, ListingOptions } from './sync-walk.ts'

/** A tree in chunks. Throws the system's error if the directory that it begins at is gone. */
export type Listing = AsyncGenerator<ListedChunk, void>

/** Threads of one source that may be stuck with a hung disk; beyond them a listing waits for one of those. */
const MAX_THREADS = 4

/** Lists trees in threads, one a source, so that a disk that hangs stops the listings of its own sources alone. */
export class Listings {
  readonly #file: URL
  readonly #log: (text: string) => void
  readonly #threads = new Map<string, ListingThread[]>()

  constructor(file: URL, log: (text: string) => void) {
    this.#file = file
    this.#log = log
  }

  /** `signal` ends it at once, whatever its thread is stuck in. */
  list(options: ListingOptions, signal: AbortSignal): Listing {
    return this.#threadFor(options.root).list(options, signal)
  }

  #threadFor(root: string): ListingThread {
    const threads = this.#threads.get(root) ?? []
    this.#threads.set(root, threads)
    const responsive = threads.find((thread) => !thread.isStuck)
    if (responsive !== undefined) return responsive
    const [oldest] = threads
    if (oldest !== undefined && threads.length >= MAX_THREADS) return oldest
    const thread = new ListingThread(this.#file, {
      stuck: () => this.#log(`the listing of ${root} has had no answer from its disk for a while`),
      ended: () => this.#forget(root, thread),
    })
    threads.push(thread)
    return thread
  }

  #forget(root: string, ended: ListingThread): void {
    const left = (this.#threads.get(root) ?? []).filter((thread) => thread !== ended)
    if (left.length > 0) this.#threads.set(root, left)
    else this.#threads.delete(root)
  }
}
