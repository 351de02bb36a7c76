import { ListingThread } from './listing-thread.ts'
import type { Listing } from './messages.ts'
import type { ListingOptions } from './sync-walk.ts'

/** Threads of one place that may be stuck with a hung disk; beyond them a listing waits for one of those. */
const MAX_AT_PLACE = 4
/** Threads in all, each of which takes some megabytes. */
const MAX_THREADS = 16

/**
 * Lists trees in threads, one a place, which is a source or a file system mounted inside one: so a disk that hangs
 * stops its own listings alone.
 */
export class Listings {
  readonly #file: URL
  readonly #log: (text: string) => void
  readonly #threads = new Map<string, ListingThread[]>()
  #count = 0

  constructor(file: URL, log: (text: string) => void) {
    this.#file = file
    this.#log = log
  }

  /** `signal` ends it at once, whatever its thread is stuck in. null: as many threads as may be are there. */
  list(options: ListingOptions, signal: AbortSignal): Listing | null {
    return this.#threadFor(options.place)?.list(options, signal) ?? null
  }

  #threadFor(place: string): ListingThread | null {
    const threads = this.#threads.get(place) ?? []
    const responsive = threads.find((thread) => !thread.isStuck)
    if (responsive !== undefined) return responsive
    const [oldest] = threads
    if (oldest !== undefined && threads.length >= MAX_AT_PLACE) return oldest
    if (this.#count >= MAX_THREADS) return null
    const thread = new ListingThread(this.#file, {
      stuck: () => this.#log(`the listing of ${place} has had no answer from its disk for a while`),
      retired: () => this.#forget(place, thread),
    })
    this.#count += 1
    this.#threads.set(place, [...threads, thread])
    return thread
  }

  #forget(place: string, ended: ListingThread): void {
    const left = (this.#threads.get(place) ?? []).filter((thread) => thread !== ended)
    this.#count -= 1
    if (left.length > 0) this.#threads.set(place, left)
    else this.#threads.delete(place)
  }
}
