import { isDeepStrictEqual } from 'node:util'
import { LATE, throttle, withTimeout } from '../lib/async/timing.ts'
import { message } from '../lib/i18n/message.ts'
import { createWords, englishWords, type Words } from '../lib/i18n/words.ts'
import type { LogLevel } from '../lib/workers/definition.ts'
import { openThread } from '../lib/workers/thread.ts'
import type { SetAside } from '../platform/sqlite.ts'
import { errorText } from '../platform/system-error.ts'
import { Dispatcher, isFor, isQuietAt, type OutboxEntry } from './channel-sender.ts'
import { NATIVE } from './channels/catalog.ts'
import { type Channel, type ChannelOutcome, WITHIN_MS } from './channels/channel.ts'
import { getChannel } from './channels/kinds.ts'
import {
  exampleNotice,
  type Incident,
  type Notice,
  type TimelinePage,
  type TimelineQuestion,
} from './incident.ts'
import type {
  ChannelHealth,
  ChannelState,
  ChannelTested,
  NotifierConfig,
  Shown,
} from './notifier-messages.ts'
import { renderMessage, toShown } from './render.ts'
import { type ChannelSettings, getOptions } from './settings.ts'
import type { Left } from './store/database.ts'

// The notifier's process: `Notifier` keeps a dispatcher for each channel, `Heartbeats` sends signs of life, and
// `KeptStore` passes notices and incidents to the thread that stores them.

const CHANGES_EVERY_MS = 250
/** Delay before the disk is asked again for the entries of an earlier run. */
const LOAD_AGAIN_MS = 5_000
const ANSWER_WITHIN_MS = 2_000
/** Limit of calls that wait for a hung disk. Further calls fail at once. */
const MOST_OUT = 256

interface NotifierEvents {
  /** Shows a notification on this computer; it then counts as delivered. */
  show(shown: Shown): void
  channels(states: ChannelState[], isIdle: boolean): void
  log(level: LogLevel, text: string): void
}

/**
 * Delivers notices through an outbox for each channel, which is stored on the disk if possible, and always in memory.
 */
export class Notifier {
  readonly #events: NotifierEvents
  readonly #dispatchers = new Map<string, Dispatcher>()
  readonly #beats: Heartbeats
  #config: NotifierConfig
  #words: Words
  readonly #store: AlertStore
  readonly #kept: KeptStore
  readonly #tellChanges = throttle(CHANGES_EVERY_MS, () => this.#changed())
  /** no: sending has not started; unloaded: it has, without the deliveries of an earlier run; loaded: with them. */
  #begun: 'no' | 'unloaded' | 'loaded' = 'no'
  readonly #resumed: Promise<void>
  #loadAgain: NodeJS.Timeout | null = null
  #isStopped = false

  constructor(config: NotifierConfig, store: AlertStore, events: NotifierEvents) {
    this.#config = config
    this.#words = createWords(config.language)
    this.#store = store
    this.#events = events
    this.#kept = new KeptStore(store, (level, text) => events.log(level, text))
    this.#beats = new Heartbeats((channel, send, isFirst) => this.#beat(channel, send, isFirst))
    this.configure(config)
    this.#resumed = this.#resume()
  }

  configure(config: NotifierConfig): void {
    const before = this.#config
    this.#config = config
    this.#words = createWords(config.language)
    const ids = [NATIVE, ...config.channels.map(({ id }) => id)]
    for (const [id, dispatcher] of this.#dispatchers) {
      if (ids.includes(id)) continue
      dispatcher.giveUp()
      dispatcher.stop()
      this.#dispatchers.delete(id)
    }
    for (const id of ids) {
      const dispatcher = this.#getDispatcher(id)
      if (!isDeepStrictEqual(getConnectionSettings(before, id), getConnectionSettings(config, id)))
        dispatcher.reset()
      if (!isOn(config, id)) dispatcher.giveUp()
      else if (!isDeepStrictEqual(getChannelSettings(before, id), getChannelSettings(config, id)))
        dispatcher.tryNow()
    }
    this.#beats.configure(config.channels)
    this.#tellChanges()
  }

  /** Resolves when the notices are stored, or cannot be. Ignores duplicates. */
  async tell(notices: readonly Notice[]): Promise<void> {
    // Only then are the notices of an earlier run known.
    await this.#resumed
    const planned: { dispatcher: Dispatcher; entry: OutboxEntry }[] = []
    for (const notice of notices) {
      for (const id of this.#channelsFor(notice)) {
        const dispatcher = this.#getDispatcher(id)
        const entry = dispatcher.createEntry(notice)
        if (entry === null) continue
        // Notifications shown on this computer do not wait for a disk.
        if (id === NATIVE) dispatcher.add(entry)
        planned.push({ dispatcher, entry })
      }
    }
    const others = planned.filter(({ entry }) => entry.channel !== NATIVE)
    const saved = this.#save(others.map(({ entry }) => entry))
    // Does not wait for a disk that has just failed.
    if (!this.#kept.isFailing) await saved
    for (const { dispatcher, entry } of others) dispatcher.add(entry)
  }

  async record(incidents: readonly Incident[]): Promise<void> {
    await this.#kept.call('record', incidents)
  }

  /** Sends a test like any notice, but without the outbox, because the person waits for the result. */
  async test(id: string): Promise<ChannelTested> {
    const channel = this.#config.channels.find((one) => one.id === id)
    if (channel === undefined && id !== NATIVE)
      return { delivered: false, sentence: message('alert.noChannel', { id }) }
    const dispatcher = this.#getDispatcher(id)
    const entry = dispatcher.createEntry(exampleNotice('test', Date.now()))
    if (entry === null) return { delivered: false, sentence: message('alert.noChannel', { id }) }
    const outcome = await dispatcher.recordOutcome(this.#send(entry, new AbortController().signal))
    if (outcome.did !== 'delivered') return { delivered: false, sentence: outcome.reason }
    dispatcher.tryNow()
    return { delivered: true, sentence: outcome.note ?? message('alert.tested') }
  }

  timeline(question: TimelineQuestion): Promise<TimelinePage> {
    return this.#store.call('page', question)
  }

  /** Resolves when pending writes are done, or the disk does not accept them. */
  async stop(): Promise<void> {
    this.#isStopped = true
    if (this.#loadAgain !== null) clearTimeout(this.#loadAgain)
    for (const dispatcher of this.#dispatchers.values()) dispatcher.stop()
    this.#beats.stop()
    this.#tellChanges.stop()
    await this.#store.close()
  }

  /** Starts sending once the deliveries of an earlier run are loaded, or cannot be loaded yet. */
  async #resume(): Promise<void> {
    const loaded = await this.#kept.call('load', Date.now())
    if (loaded === null && !this.#isStopped)
      this.#loadAgain = setTimeout(() => void this.#resume(), LOAD_AGAIN_MS)
    this.#begun = loaded === null ? 'unloaded' : 'loaded'
    for (const [id, dispatcher] of this.#dispatchers) {
      dispatcher.begin(
        loaded && {
          waiting: loaded.waiting.filter(({ channel }) => channel === id),
          told: loaded.told.filter(({ channel }) => channel === id).map(({ about }) => about),
          seen: loaded.seen.filter(({ channel }) => channel === id).map(({ notice }) => notice),
          health: loaded.health.find((one) => one.id === id) ?? null,
        },
      )
    }
  }

  /**
   * Returns the channels for a notice. Recoveries also go to standbys, which deliver only those whose failure they
   * have delivered.
   */
  #channelsFor(notice: Notice): string[] {
    const isEnd = notice.what === 'recovered' || notice.what === 'over'
    const ids = this.#config.channels
      .filter((channel) => isFor(channel, notice) && (isEnd || !channel.standby))
      .map(({ id }) => id)
    return this.#config.native ? [NATIVE, ...ids] : ids
  }

  /** Passes a failed entry to the first standby, or from a standby to the next one. */
  #takeOver(failed: OutboxEntry): void {
    const standbys = this.#config.channels.filter((one) => one.standby && isFor(one, failed.notice))
    const standby = standbys[standbys.findIndex(({ id }) => id === failed.channel) + 1]
    if (standby === undefined) return
    const dispatcher = this.#getDispatcher(standby.id)
    const entry = dispatcher.createEntry(failed.notice)
    if (entry === null) return
    void this.#save([entry]).then(() => dispatcher.add(entry))
  }

  #getDispatcher(id: string): Dispatcher {
    const known = this.#dispatchers.get(id)
    if (known !== undefined) return known
    const made = new Dispatcher({
      id,
      name: () => this.#config.channels.find((one) => one.id === id)?.name ?? id,
      send: (entry, stopped) => this.#send(entry, stopped),
      isQuiet: () => isQuietAt(this.#config.quietHours, new Date()),
      save: (entries) => this.#save(entries),
      changed: this.#tellChanges,
      noted: (health) => void this.#kept.call('noteHealth', health),
      onUndelivered: (entry) => this.#takeOver(entry),
    })
    this.#dispatchers.set(id, made)
    if (this.#begun !== 'no')
      made.begin(this.#begun === 'loaded' ? { waiting: [], told: [], seen: [], health: null } : null)
    return made
  }

  async #send(entry: OutboxEntry, stopped: AbortSignal): Promise<ChannelOutcome> {
    const settings = this.#config.channels.find(({ id }) => id === entry.channel)
    const { computer, labels, names, language, place } = this.#config
    const words = settings === undefined ? createWords(language, place) : this.#words
    const look = { type: settings?.type ?? null, template: settings?.template ?? null }
    const letter = renderMessage(entry.id, entry.notice, { words, computer, labels, names }, look, Date.now())
    if (settings === undefined) {
      this.#events.show(toShown(letter))
      return { did: 'delivered', note: null }
    }
    const outcome = await getChannel(settings.type).send(letter, this.#given(settings, stopped))
    if (outcome.did !== 'delivered')
      this.#events.log('warn', `${settings.name}: ${englishWords(outcome.reason)}`)
    return outcome
  }

  async #beat(settings: ChannelSettings, send: Beat['send'], isFirst: boolean): Promise<void> {
    const { failing } = this.#config
    const text = failing === null ? null : this.#words(failing)
    const given = this.#given(settings, new AbortController().signal)
    await this.#getDispatcher(settings.id).recordOutcome(send(text, isFirst, given))
  }

  #given(settings: ChannelSettings, signal: AbortSignal) {
    return {
      options: getOptions(settings),
      secrets: this.#config.secrets[settings.id] ?? {},
      signal,
      withinMs: WITHIN_MS,
    }
  }

  async #save(entries: readonly OutboxEntry[]): Promise<void> {
    // Native notifications are shown at once and not repeated after a restart, because the policy stores their
    // incidents.
    if (entries.length > 0) await this.#kept.call('save', entries)
  }

  #changed(): void {
    const dispatchers = [...this.#dispatchers.values()]
    // Deliveries are stored, unless the disk fails, so the next process can continue from them.
    const isIdle =
      this.#config.channels.length === 0 && !this.#kept.isFailing && dispatchers.every((one) => one.isIdle)
    this.#events.channels(this.#states(), isIdle)
  }

  #states(): ChannelState[] {
    const { channels, secrets } = this.#config
    const ids = [NATIVE, ...channels.map(({ id }) => id)]
    return ids.map((id) => this.#getDispatcher(id).state(Object.keys(secrets[id] ?? {})))
  }
}

function isOn({ native, channels }: NotifierConfig, id: string): boolean {
  return id === NATIVE ? native : channels.some((one) => one.id === id && one.enabled)
}

/** Returns the settings on which a channel's connection depends. */
function getConnectionSettings({ channels, secrets }: NotifierConfig, id: string) {
  const { type, options } = channels.find((one) => one.id === id) ?? {}
  return [type, options, secrets[id]]
}

function getChannelSettings({ channels, secrets }: NotifierConfig, id: string) {
  return [channels.find((one) => one.id === id), secrets[id]]
}

type Beat = NonNullable<Channel['beat']>
type SendBeat = (channel: ChannelSettings, send: Beat['send'], isFirst: boolean) => Promise<void>

/** Sends the heartbeats of channels that regularly get a sign of life. */
class Heartbeats {
  readonly #send: SendBeat
  readonly #running = new Map<string, { channel: ChannelSettings; timer: NodeJS.Timeout }>()

  constructor(send: SendBeat) {
    this.#send = send
  }

  configure(channels: readonly ChannelSettings[]): void {
    for (const [id, { channel, timer }] of this.#running) {
      if (channels.some((one) => isDeepStrictEqual(one, channel))) continue
      clearInterval(timer)
      this.#running.delete(id)
    }
    for (const channel of channels) {
      const beat = getChannel(channel.type).beat
      if (beat === undefined || !channel.enabled || this.#running.has(channel.id)) continue
      const timer = setInterval(
        () => void this.#send(channel, beat.send, false),
        beat.everyMs(getOptions(channel)),
      )
      this.#running.set(channel.id, { channel, timer })
      void this.#send(channel, beat.send, true)
    }
  }

  stop(): void {
    for (const { timer } of this.#running.values()) clearInterval(timer)
  }
}

/** The calls that the thread accepts. */
export interface StoreCalls {
  load: { input: number; output: Left }
  save: { input: readonly OutboxEntry[]; output: unknown }
  record: { input: readonly Incident[]; output: unknown }
  noteHealth: { input: ChannelHealth; output: unknown }
  page: { input: TimelineQuestion; output: TimelinePage }
}

/** Outbox and timeline on a disk that may hang or fail. Every call ends within its timeout. */
export interface AlertStore {
  /** @throws Error if the disk fails, or does not respond within some seconds */
  call<C extends keyof StoreCalls>(call: C, input: StoreCalls[C]['input']): Promise<StoreCalls[C]['output']>
  /** Resolves when all earlier calls are done, or the timeout for the disk has passed. */
  close(): Promise<void>
}

/**
 * @param script the script of the thread
 * @param tell is called with a file that had to be set aside
 */
export function openAlertStore(script: URL, file: string, tell: (aside: SetAside) => void): AlertStore {
  const thread = openThread<StoreCalls>(script, {
    data: { file },
    youngMb: 2,
    onNews: (news) => tell(news as SetAside),
  })
  return {
    async call(call, input) {
      if (thread.unanswered >= MOST_OUT) throw new Error(`${file} does not answer`)
      const output = await withTimeout(ANSWER_WITHIN_MS, thread.call(call, input))
      // The call still counts as pending, because pending calls are limited.
      if (output === LATE) throw new Error(`${file} has not answered within ${ANSWER_WITHIN_MS} ms`)
      return output
    },
    close: thread.close,
  }
}

/** A store that tolerates a failing disk: notices that cannot be stored are still delivered. */
class KeptStore {
  readonly #store: AlertStore
  readonly #log: (level: 'info' | 'warn', text: string) => void
  /** A disk failure is logged once, and its recovery too. */
  isFailing = false

  constructor(store: AlertStore, log: (level: 'info' | 'warn', text: string) => void) {
    this.#store = store
    this.#log = log
  }

  /** Returns null if the disk failed. */
  async call<C extends keyof StoreCalls>(
    call: C,
    input: StoreCalls[C]['input'],
  ): Promise<StoreCalls[C]['output'] | null> {
    try {
      const output = await this.#store.call(call, input)
      if (this.isFailing) this.#log('info', englishWords(message('alert.kept')))
      this.isFailing = false
      return output
    } catch (error) {
      const reason = errorText(error)
      if (!this.isFailing) this.#log('warn', englishWords(message('alert.notKept', { reason })))
      this.isFailing = true
      return null
    }
  }
}
