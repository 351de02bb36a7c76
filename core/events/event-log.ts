import { setTimeout as delay } from 'node:timers/promises'
import { expectErrorCodes } from '../dropped-errors.ts'
import type { LogLevel } from '../lib/workers/definition.ts'
import { openThread, type Thread } from '../lib/workers/thread.ts'
import { errorText } from '../platform/system-error.ts'
import type { Cursor, EventFilter } from './cloud-event.ts'
import type { EventCalls, SinkProgress } from './event-thread.ts'
import { type EventPage, MOST_READ } from './reader.ts'

/** Time after which a waiting reader looks without being woken. */
const LOOK_EVERY_MS = 1_000
/** Longest wait for an event. */
const WAIT_MS = 60_000
/** Time between two removals of old events. */
const PRUNE_EVERY_MS = 600_000
/** Pause between two transactions that remove events: senders write in between. */
const BETWEEN_MS = 50
const DAY_MS = 86_400_000
/** Limit of unanswered calls: a hung disk must not fill the memory. */
const MOST_OUT = 256

/**
 * The agent's access to the events. A thread reads them, because their disk may hang. Each reader has its own place;
 * a slow one costs no memory, since the events are on the disk.
 */
export class EventLog {
  readonly #thread: Thread<EventCalls>
  readonly #log: (level: LogLevel, text: string) => void
  readonly #ending = new AbortController()
  readonly #waiting = new Set<() => void>()
  #readers = 0

  constructor(script: URL, directory: string, log: (level: LogLevel, text: string) => void) {
    this.#log = log
    this.#thread = openThread<EventCalls>(script, {
      data: { directory },
      youngMb: 4,
      mayRest: () => this.#readers === 0,
      onNews: () => {
        for (const wake of this.#waiting) wake()
      },
    })
  }

  /** @throws system errors and errors of SQLite. */
  async read(from: Cursor, filter: EventFilter, limit: number = MOST_READ): Promise<EventPage> {
    if (this.#thread.unanswered >= MOST_OUT) throw new Error('the disk of the events does not answer')
    return this.#thread.call('read', { from, filter, limit })
  }

  /**
   * Returns the next page with a wanted event, and waits for one. After a minute, or `withinMs`, it returns without
   * one, so that the caller can remember its place behind the others.
   * @throws as `read`; AbortError
   */
  async next(
    from: Cursor,
    filter: EventFilter,
    limit: number,
    signal: AbortSignal,
    withinMs: number = WAIT_MS,
  ): Promise<EventPage> {
    const ended = AbortSignal.any([signal, this.#ending.signal])
    const until = performance.now() + withinMs
    let place = from
    this.#readers += 1
    try {
      for (;;) {
        ended.throwIfAborted()
        const woken = this.#nextChange(ended)
        const page = await this.read(place, filter, limit)
        if (page.events.length > 0 || page.more || performance.now() > until) return page
        place = page.cursor
        await woken
      }
    } finally {
      this.#readers -= 1
    }
  }

  progress(sink: string): Promise<SinkProgress | null> {
    return this.#thread.call('sinkProgress', sink)
  }

  async saveProgress(sink: string, progress: SinkProgress | null): Promise<void> {
    await this.#thread.call('saveProgress', { sink, progress })
  }

  /** Removes old events, as the settings say, first after this time and then regularly until `stop`. */
  async pruneRegularly(
    afterMs: number,
    getLimits: () => { keepDays: number; keepRows: number },
  ): Promise<void> {
    await this.#pause(afterMs)
    while (!this.#ending.signal.aborted) {
      try {
        const { keepDays, keepRows } = getLimits()
        const before = Date.now() - keepDays * DAY_MS
        const beyond = await this.#thread.call('lastBeyond', keepRows)
        while (await this.#thread.call('prune', { before, beyond })) await this.#pause(BETWEEN_MS)
      } catch (error) {
        if (!this.#ending.signal.aborted) this.#log('warn', `old events stay: ${errorText(error)}`)
      }
      await this.#pause(PRUNE_EVERY_MS)
    }
  }

  /** Resolves to false if a hung disk blocks the thread. */
  stop(): Promise<boolean> {
    this.#ending.abort()
    return this.#thread.close()
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#ending.signal, ref: false }).catch(
      expectErrorCodes(['ABORT_ERR'], undefined),
    )
  }

  /** Resolves at the next change of a log, at the latest after a second, or when the signal is aborted. */
  #nextChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        this.#waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, LOOK_EVERY_MS).unref()
      signal.addEventListener('abort', wake, { once: true })
      this.#waiting.add(wake)
    })
  }
}
