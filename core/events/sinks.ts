import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { defer } from '../defer.ts'
import { expectErrorCodes } from '../dropped-errors.ts'
import { EVENT } from '../ledger/ledger-messages.ts'
import { backoffMs } from '../lib/async/backoff.ts'
import { throttle } from '../lib/async/timing.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { englishWords } from '../lib/i18n/words.ts'
import type { ProxyRoute } from '../lib/network/proxy.ts'
import type { LogLevel } from '../lib/workers/definition.ts'
import { errorText } from '../platform/system-error.ts'
import type { EventSink } from '../settings/event-sinks.ts'
import {
  BEGINNING,
  type Cursor,
  createTestEvent,
  cursorAt,
  type EventNames,
  formatCursor,
  parseCursor,
  type ReadEvent,
  readCursor,
  toCloudEvent,
} from './cloud-event.ts'
import { type Delivered, type Deliverer, openDeliverer } from './deliver.ts'
import type { EventLog } from './event-log.ts'
import type { RefusedEvent } from './event-thread.ts'
import type { EventPage } from './reader.ts'
import type { SinkState } from './sink-state.ts'

// Delivery of events to sinks, in the main process. The log on the disk is the outbox: each sink has its own place in
// it, which moves on when a batch is delivered. An event that is refused alone waits aside and is tried again from time
// to time, while later ones are delivered.

/** Limit of the events of one batch. */
const BATCH = 500
/** Limit of the events that a sink refuses while it gets later ones. Beyond, it gets no others. */
const MOST_REFUSED = 20
/** The longest pause after a failure. */
const LONGEST_PAUSE_MS = 60_000
const CHANGES_EVERY_MS = 250

export interface SinksConfig {
  sinks: readonly EventSink[]
  /** By the id of the sink. */
  secrets: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** A change of it connects anew. */
  proxy: ProxyRoute | null
  computer: string
  names: EventNames
}

interface SinksEvents {
  changed(states: SinkState[]): void
  log(level: LogLevel, text: string): void
}

/** Runs the sinks of the settings. */
export class Sinks {
  readonly #log: EventLog
  readonly #events: SinksEvents
  readonly #running = new Map<string, SinkDelivery>()
  #config: SinksConfig | null = null
  readonly #changed = throttle(CHANGES_EVERY_MS, () => this.#events.changed(this.states()))

  constructor(log: EventLog, events: SinksEvents) {
    this.#log = log
    this.#events = events
  }

  configure(config: SinksConfig): void {
    const before = this.#config
    this.#config = config
    if (isDeepStrictEqual(before, config)) return
    const wanted = new Map(config.sinks.filter(({ enabled }) => enabled).map((sink) => [sink.id, sink]))
    for (const [id, delivery] of this.#running) {
      const isSame =
        isDeepStrictEqual(wanted.get(id), delivery.sink) &&
        isDeepStrictEqual(before?.proxy, config.proxy) &&
        isDeepStrictEqual(before?.secrets[id], config.secrets[id])
      if (isSame) continue
      delivery.stop()
      this.#running.delete(id)
    }
    for (const [id, sink] of wanted) {
      if (this.#running.has(id)) continue
      const delivery = new SinkDelivery(sink, config.secrets[id] ?? {}, this.#log, {
        config: () => this.#config ?? config,
        changed: this.#changed,
        log: this.#events.log,
      })
      this.#running.set(id, delivery)
      void delivery.run()
    }
    for (const sink of before?.sinks ?? []) {
      const { id } = sink
      if (config.sinks.some((one) => one.id === id)) continue
      this.#log
        .saveProgress(toPlaceId(sink), null)
        .catch((error: unknown) => this.#events.log('warn', `the place of ${id} stays: ${errorText(error)}`))
    }
    this.#changed()
  }

  /** Returns the states in the settings' order. */
  states(): SinkState[] {
    return (this.#config?.sinks ?? []).map(({ id, since }) => {
      const secrets = Object.keys(this.#config?.secrets[id] ?? {})
      const delivery = this.#running.get(id)
      const off = {
        condition: 'unused',
        since: since ?? 0,
        sentence: null,
        waitingSince: null,
        refused: 0,
      } as const
      return { id, ...(delivery?.state ?? off), secrets }
    })
  }

  /** Sends a test event, at once and once. */
  async test(sink: EventSink, id: string): Promise<Delivered> {
    const config = this.#config
    if (config === null)
      return {
        done: false,
        isRefused: false,
        reason: message('events.noSink', { id: sink.id }),
        afterMs: null,
      }
    const options = { computer: config.computer, secrets: config.secrets[sink.id] ?? {} }
    const deliverer = openDeliverer({ ...sink, id: `${sink.id}-test` }, options)
    using _ = defer(() => deliverer.close())
    const event = createTestEvent(config.names.origin, id, Date.now())
    return await deliverer.deliver([event], new AbortController().signal)
  }

  stop(): void {
    this.#changed.stop()
    for (const delivery of this.#running.values()) delivery.stop()
  }
}

type AttemptResult = 'delivered' | 'refused' | 'failed'

interface DeliveryHost {
  config(): SinksConfig
  changed(): void
  log(level: LogLevel, text: string): void
}

/** Delivers the events of one sink, batch after batch, until it is stopped. */
class SinkDelivery {
  readonly sink: EventSink
  readonly #host: DeliveryHost
  readonly #log: EventLog
  readonly #deliverer: Deliverer
  readonly #stopping = new AbortController()
  state: Omit<SinkState, 'id' | 'secrets'>
  #beforeReadError: SinkDelivery['state'] | null = null
  /** Failures in a row. */
  #failures = 0
  /** The place in the log behind which no event was delivered or refused, and that of the last attempt. */
  #place = BEGINNING
  #attempted = BEGINNING
  #refused: readonly RefusedEvent[] = []
  /** Rounds in a row in which refused events were refused again, and the time of the next; monotonic clock. */
  #retries = 0
  #retryAtMs = 0
  /** Limit of the next batch. A failure halves it: the server may take only smaller ones, or may be slow. */
  #most = BATCH

  constructor(sink: EventSink, secrets: Readonly<Record<string, string>>, log: EventLog, host: DeliveryHost) {
    this.sink = sink
    this.#log = log
    this.#host = host
    this.#deliverer = openDeliverer(sink, { computer: host.config().computer, secrets })
    this.state = { condition: 'unused', since: Date.now(), sentence: null, waitingSince: null, refused: 0 }
  }

  stop(): void {
    this.#stopping.abort()
    this.#deliverer.close()
  }

  /** Never rejects. */
  async run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await this.#deliverAll()
      } catch (error) {
        if (signal.aborted) return
        this.#beforeReadError ??= this.state
        this.#failed(message('events.notRead', { reason: errorText(error) }))
        await this.#pause(null)
      }
    }
  }

  async #deliverAll(): Promise<void> {
    const { signal } = this.#stopping
    const { types, sources } = this.sink
    const filter = { types, sources }
    const known = await this.#log.progress(toPlaceId(this.sink))
    const from = this.#parse(known?.cursor) ?? cursorAt(this.sink.since ?? Date.now())
    this.#refused = known?.refused ?? []
    // The numbers of a ledger that stays open are behind the clock: a stored time would be ahead of events to come.
    this.#place = (await this.#log.read(from, filter, BATCH)).start
    this.#attempted = this.#parse(known?.attempted) ?? this.#place
    await this.#save()
    this.#endReadError()
    while (!signal.aborted) {
      await this.#retryRefused()
      const waitMs = this.#refused.length > 0 ? Math.max(0, this.#retryAtMs - performance.now()) : undefined
      const page = await this.#log.next(this.#place, filter, BATCH, signal, waitMs)
      await this.#deliverPage(page)
      if (signal.aborted) return
      const isSame = isDeepStrictEqual(this.#place, page.cursor)
      this.#place = page.cursor
      if (!page.more && !isSame) await this.#save()
    }
  }

  async #deliverPage({ events, cursor }: EventPage): Promise<void> {
    for (let rest = events; rest.length > 0 && !this.#stopping.signal.aborted; ) {
      await this.#retryRefused()
      const part = rest.slice(0, this.#most)
      const result = await this.#attempt(part, false)
      // If it refuses everything for a while, the refused events still come before later ones.
      if (result === 'refused') this.#retryAtMs = 0
      const isAside = result === 'refused' && part.length === 1 && this.#refused.length < MOST_REFUSED
      if (isAside) this.#refused = [...this.#refused, ...part.map(toRefused)]
      if (result !== 'delivered' && !isAside) continue
      rest = rest.slice(part.length)
      this.#place = part.at(-1)?.cursor ?? cursor
      await this.#save()
    }
  }

  /** Tries each refused event again, if their pause is over. */
  async #retryRefused(): Promise<void> {
    if (this.#refused.length === 0 || performance.now() < this.#retryAtMs) return
    for (const one of this.#refused) {
      const event = await this.#findRefused(one)
      let result: AttemptResult = event === undefined ? 'delivered' : 'failed'
      while (event !== undefined && result === 'failed' && !this.#stopping.signal.aborted)
        result = await this.#attempt([event], true)
      if (this.#stopping.signal.aborted) return
      if (result === 'refused') continue
      this.#refused = this.#refused.filter((other) => other !== one)
      await this.#save()
      this.#showTaken()
    }
    this.#retries = this.#refused.length === 0 ? 0 : this.#retries + 1
    this.#retryAtMs = performance.now() + backoffMs(this.#retries, LONGEST_PAUSE_MS)
  }

  /**
   * Reads an event again. The other log may have got rows since that sort before it. Returns undefined if it was removed
   * meanwhile; it has then become a part of a gap, which is returned for it if it follows.
   */
  async #findRefused({ before, at }: RefusedEvent): Promise<ReadEvent | undefined> {
    const { types, sources } = this.sink
    const start = readCursor(before)
    const isIt = (event: ReadEvent) => toNumber(event) - 1 === start[event.log] && getTime(event) === at
    for (let place = start; ; ) {
      const { events, cursor, more } = await this.#log.read(place, { types, sources }, BATCH)
      const found = events.find((event) => isGap(event) || isIt(event))
      const isPassed = cursor.ledger > start.ledger && cursor.incidents > start.incidents
      if (found !== undefined || isPassed || !more) return found
      place = cursor
    }
  }

  /** Attempts to deliver some events. After a failure fewer are due; it pauses then, unless it tries one again. */
  async #attempt(events: readonly ReadEvent[], isRetry: boolean): Promise<AttemptResult> {
    const { signal } = this.#stopping
    const before = this.#attempted
    // Stored before the attempt: if this process is killed, the next one marks the events as delivered again.
    this.#attempted = events.reduce((place, { cursor }) => furthest(place, cursor), before)
    await this.#save()
    this.state = {
      ...this.state,
      waitingSince: this.#refused[0]?.at ?? (events[0] ? getTime(events[0]) : null),
    }
    const { names } = this.#host.config()
    const batch = events.map((event) => toCloudEvent(event, names, !isBehind(event, before)))
    const delivered = await this.#deliverer.deliver(batch, signal)
    if (delivered.done) {
      this.#failures = 0
      // Grows slowly: a server with a limit refuses each batch that is beyond it.
      this.#most = Math.min(BATCH, this.#most + Math.ceil(this.#most / 8))
      this.#showTaken()
      return 'delivered'
    }
    if (signal.aborted) return 'failed'
    this.#most = Math.ceil(events.length / 2)
    const isAgain = isRetry && delivered.isRefused
    if (!isAgain) this.state = { ...this.state, refused: 0 }
    this.#failed(delivered.reason)
    if (!isAgain) await this.#pause(delivered.afterMs)
    return delivered.isRefused ? 'refused' : 'failed'
  }

  /** Shows that the sink takes events, except those that it refuses. */
  #showTaken(): void {
    const [first] = this.#refused
    const since = this.state.condition === 'ok' ? this.state.since : Date.now()
    this.state =
      first === undefined
        ? { condition: 'ok', since, sentence: null, waitingSince: null, refused: 0 }
        : { ...this.state, condition: 'retrying', waitingSince: first.at, refused: this.#refused.length }
    this.#host.changed()
  }

  /** Restores the state from before the log could not be read. */
  #endReadError(): void {
    if (this.#beforeReadError === null) return
    this.state = this.#beforeReadError
    this.#beforeReadError = null
    this.#failures = 0
    this.#host.changed()
  }

  #failed(sentence: Message): void {
    this.#failures += 1
    const isFirst = this.state.condition !== 'retrying'
    if (isFirst) this.#host.log('warn', `${this.sink.name}: ${englishWords(sentence)}`)
    const since = isFirst ? Date.now() : this.state.since
    this.state = { ...this.state, condition: 'retrying', since, sentence }
    this.#host.changed()
  }

  async #pause(afterMs: number | null): Promise<void> {
    const { signal } = this.#stopping
    await delay(afterMs ?? backoffMs(this.#failures, LONGEST_PAUSE_MS), undefined, {
      signal,
      ref: false,
    }).catch(expectErrorCodes(['ABORT_ERR'], undefined))
  }

  #save(): Promise<void> {
    return this.#log.saveProgress(toPlaceId(this.sink), {
      cursor: formatCursor(this.#place),
      attempted: formatCursor(this.#attempted),
      ...(this.#refused.length === 0 ? {} : { refused: this.#refused }),
    })
  }

  #parse(text: string | undefined): Cursor | null {
    return text === undefined ? null : parseCursor(text, Date.now())
  }
}

/** Identifies the place of a sink. A sink that is added again has a new one. */
const toPlaceId = ({ id, since }: EventSink): string => `${id} ${since ?? ''}`

const furthest = (a: Cursor, b: Cursor): Cursor => ({
  ledger: Math.max(a.ledger, b.ledger),
  incidents: Math.max(a.incidents, b.incidents),
})

/** True if the event is behind a place. */
const isBehind = (event: ReadEvent, place: Cursor): boolean => toNumber(event) > place[event.log]

const toNumber = (event: ReadEvent): number => (event.log === 'ledger' ? event.row.seq : event.seq)

const isGap = (event: ReadEvent): boolean => event.log === 'ledger' && event.row.type === EVENT.gap

const toRefused = (event: ReadEvent): RefusedEvent => ({
  before: formatCursor({ ...event.cursor, [event.log]: toNumber(event) - 1 }),
  at: getTime(event),
})

const getTime = (event: ReadEvent): number => (event.log === 'ledger' ? event.row.at : event.at)
