import type { Thread } from '../../worker/thread.ts'
import { openThread } from '../../worker/thread.ts'
import type { Listing, ListingCalls } from './messages.ts'
import type { ListedChunk, ListingOptions } from './sync-walk.ts'

/** Chunks that are asked for ahead, so that the thread works while the last chunk is compared. */
const AHEAD = 2
/** A thread without a listing ends after this time. */
const IDLE_MS = 10_000
/** One chunk takes milliseconds; a thread that has not answered for so long is stuck in a call. */
const STUCK_MS = 10_000
/** Its garbage is short-lived: a small young generation keeps the process small at no cost in time. */
const YOUNG_MB = 4

export interface ThreadEvents {
  /** It has not answered for a while: said once. */
  stuck(): void
  /** It had nothing to do for a while, and is used no more. */
  retired(): void
}

/** The main thread's end of one listing thread. */
export class ListingThread {
  readonly #thread: Thread<ListingCalls>
  readonly #events: ThreadEvents
  #lastListing = 0
  #listings = 0
  #timer: NodeJS.Timeout | null = null
  #stuck = false

  constructor(file: URL, events: ThreadEvents) {
    this.#thread = openThread(file, { youngMb: YOUNG_MB })
    this.#events = events
    this.#watch()
  }

  /** Some call of it has not come back for a while. */
  get isStuck(): boolean {
    return this.#stuck
  }

  async *list(options: ListingOptions, signal: AbortSignal): Listing {
    this.#lastListing += 1
    const listing = this.#lastListing
    this.#listings += 1
    let abort = (): void => undefined
    const aborted = new Promise<null>((resolve) => {
      abort = () => resolve(null)
    })
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
    try {
      void this.#ask('begin', { listing, options })
      const asked: Promise<ListedChunk | null>[] = []
      for (;;) {
        while (asked.length < AHEAD) asked.push(this.#ask('next', listing))
        const chunk = await Promise.race([aborted, asked.shift()])
        if (chunk == null) return
        yield chunk
      }
    } finally {
      signal.removeEventListener('abort', abort)
      this.#listings -= 1
      void this.#ask('end', listing)
    }
  }

  #ask<K extends keyof ListingCalls>(name: K, input: ListingCalls[K]['input']) {
    const answer = this.#thread.call(name, input)
    if (this.#thread.unanswered === 1) this.#watch()
    // Some of what was asked for ahead nobody waits for.
    answer.catch(() => undefined).finally(() => this.#answered())
    return answer
  }

  #answered(): void {
    this.#stuck = false
    this.#watch()
  }

  /** From now on it has the whole time again: to answer, or, without anything to do, to be asked. */
  #watch(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#thread.unanswered > 0) this.#timer = setTimeout(() => this.#isLate(), STUCK_MS)
    else if (this.#listings === 0) this.#timer = setTimeout(() => this.#retire(), IDLE_MS)
    this.#timer?.unref()
  }

  #isLate(): void {
    if (this.#stuck) return
    this.#stuck = true
    this.#events.stuck()
  }

  #retire(): void {
    this.#events.retired()
    void this.#thread.close()
  }
}
