import { Worker } from 'node:worker_threads'
import type { FromListing, Listing, ToListing } from './messages.ts'
import type { ListedChunk, ListingOptions } from './sync-walk.ts'

/** Chunks that are asked for ahead, so that the thread works while the last chunk is compared. */
const AHEAD = 2
/** A thread without a listing ends after this time. */
const IDLE_MS = 10_000
/** One chunk takes milliseconds; a thread that has not answered for so long is stuck in a call. */
const STUCK_MS = 10_000
/** Its garbage is short-lived: a small young generation keeps the process small at no cost in time. */
const YOUNG_MB = 4

interface OpenListing {
  answers: FromListing[]
  /** Called when there is an answer, or when nobody wants one any more. */
  wake: () => void
}

export interface ThreadEvents {
  /** It has not answered for a while: said once. */
  stuck(): void
  ended(): void
}

/** The main thread's end of one listing thread. */
export class ListingThread {
  readonly #worker: Worker
  readonly #events: ThreadEvents
  readonly #open = new Map<number, OpenListing>()
  #nextId = 1
  #unanswered = 0
  #timer: NodeJS.Timeout | null = null
  #stuck = false
  #failure: Error | null = null

  constructor(file: URL, events: ThreadEvents) {
    this.#events = events
    this.#worker = new Worker(file, {
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      // What the C library opened it closes as what Node.js opened.
      trackUnmanagedFds: false,
    })
    this.#worker.unref()
    this.#worker.on('message', (message: FromListing) => this.#take(message))
    this.#worker.once('error', (thrown) =>
      this.#ended(thrown instanceof Error ? thrown : new Error(String(thrown))),
    )
    this.#worker.once('exit', () => this.#ended(new Error('the listing thread ended')))
    this.#watch()
  }

  /** Some call of it has not come back for a while. */
  get isStuck(): boolean {
    return this.#stuck
  }

  async *list(options: ListingOptions, signal: AbortSignal): Listing {
    const id = this.#nextId
    this.#nextId += 1
    const open: OpenListing = { answers: [], wake: () => undefined }
    const wake = () => open.wake()
    this.#open.set(id, open)
    signal.addEventListener('abort', wake)
    try {
      this.#send({ type: 'begin', listing: id, options })
      for (let chunk = 0; chunk < AHEAD; chunk += 1) this.#ask(id)
      for (;;) {
        const chunk = await this.#answer(open, signal)
        if (chunk === null) return
        this.#ask(id)
        yield chunk
      }
    } finally {
      signal.removeEventListener('abort', wake)
      this.#open.delete(id)
      this.#send({ type: 'end', listing: id })
      this.#watch()
    }
  }

  /** The next chunk; null at the end. */
  async #answer(open: OpenListing, signal: AbortSignal): Promise<ListedChunk | null> {
    while (open.answers.length === 0 && !signal.aborted && this.#failure === null) {
      await new Promise<void>((resolve) => {
        open.wake = resolve
      })
    }
    if (signal.aborted) return null
    const answer = open.answers.shift()
    if (answer === undefined) throw this.#failure
    if (answer.type === 'chunk') return answer
    if (answer.type === 'done') return null
    throw Object.assign(new Error(answer.reason), answer.code === null ? {} : { code: answer.code })
  }

  #ask(listing: number): void {
    this.#unanswered += 1
    this.#send({ type: 'next', listing })
    if (this.#unanswered === 1) this.#watch()
  }

  #send(message: ToListing): void {
    if (this.#failure === null) this.#worker.postMessage(message)
  }

  #take(message: FromListing): void {
    this.#unanswered -= 1
    this.#stuck = false
    this.#watch()
    const open = this.#open.get(message.listing)
    open?.answers.push(message)
    open?.wake()
  }

  /** From now on it has the whole time again: to answer, or, without anything to do, to be asked. */
  #watch(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#failure !== null) return
    if (this.#unanswered > 0) this.#timer = setTimeout(() => this.#isLate(), STUCK_MS)
    else if (this.#open.size === 0) this.#timer = setTimeout(() => this.#retire(), IDLE_MS)
    this.#timer?.unref()
  }

  #isLate(): void {
    if (this.#stuck) return
    this.#stuck = true
    this.#events.stuck()
  }

  /** Given out no more from this moment: what is asked of a thread that is being ended is never answered. */
  #retire(): void {
    this.#ended(new Error('the listing thread was idle'))
    void this.#worker.terminate()
  }

  #ended(why: Error): void {
    if (this.#failure !== null) return
    this.#failure = why
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#events.ended()
    for (const open of this.#open.values()) open.wake()
  }
}
