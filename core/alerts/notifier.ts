import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { warnUnlessCode } from '../dropped-errors.ts'
import { throttle } from '../lib/async/timing.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { createWords, englishWords, type Language, type Place, type Words } from '../lib/i18n/words.ts'
import type { LogLevel } from '../lib/workers/definition.ts'
import { errorText } from '../platform/system-error.ts'
import { ChannelSender, isFor, isQuietAt, type OutboxEntry } from './channel-sender.ts'
import { type ChannelType, NATIVE } from './channels/catalog.ts'
import { type Channel, type ChannelInput, type ChannelOutcome, quote, WITHIN_MS } from './channels/channel.ts'
import {
  type ChangesQuestion,
  type ChannelState,
  type ChannelTested,
  createReportNotice,
  exampleNotice,
  type Notice,
  type ReportMark,
  type ReportText,
  type TimelinePage,
  type TimelineQuestion,
} from './incident.ts'
import { renderMessage, type Shown, toShown } from './render.ts'
import { type ChannelSettings, getOptions, type QuietHours } from './settings.ts'
import type { ChangeRow, ChangeRows, Commit, Left } from './store/database.ts'
import { type AlertStore, KeptStore } from './store/store.ts'

// Delivery in the main process: `Notifier` keeps a sender for each channel, and `Heartbeats` sends signs of life.
// The channels' own modules are loaded with the first channel. They only use the network, or start a program.

const CHANGES_EVERY_MS = 250
/** Delay before the disk is asked again for the entries of an earlier run. */
const LOAD_AGAIN_MS = 5_000
/** Limit of the changes that are kept in memory while the disk does not accept them. */
const MOST_UNSTORED = 1_000

export interface NotifierConfig {
  language: Language
  /** Place of this computer's own notifications; omitted: the terminal. */
  place?: Place
  computer: string
  /** Names of the sources, by id. */
  names: Record<string, string>
  labels: { project: string; resource: string }
  quietHours: QuietHours | null
  /** True if native notifications, or the terminal's lines, are enabled. */
  native: boolean
  channels: ChannelSettings[]
  /** By channel id. A channel whose secrets cannot be read has none. */
  secrets: Record<string, Record<string, string>>
  /** The current failure, which signs of life report; null: none. */
  failing: Message | null
}

/** A decision of the policy, with the notices to deliver. */
export interface PolicyCommit extends Omit<Commit, 'entries' | 'reported'> {
  notices: readonly Notice[]
}

export type Resumed = Pick<Left, 'policy' | 'past'>

/** `id`: as in OutboxEntry. */
type Sent = Pick<OutboxEntry, 'id' | 'notice'>

interface PlannedEntry {
  sender: ChannelSender
  entry: OutboxEntry
}

interface NotifierEvents {
  /** Shows a notification on this computer; it then counts as delivered. */
  show(shown: Shown): void
  channels(states: ChannelState[]): void
  log(level: LogLevel, text: string): void
  /** Alerts cannot be recorded (alert.notKept), or can again (alert.kept). */
  recording?(sentence: Message): void
  /** Receives the incidents of the last run; null, once: they cannot be loaded yet. */
  resumed(loaded: Resumed | null): void
}

/**
 * Delivers notices through an outbox for each channel, which is stored on the disk if possible, and always in memory.
 */
export class Notifier {
  readonly #events: NotifierEvents
  readonly #senders = new Map<string, ChannelSender>()
  readonly #beats: Heartbeats
  #config: NotifierConfig
  #words: Words
  readonly #store: AlertStore
  readonly #kept: KeptStore
  readonly #tellChanges = throttle(CHANGES_EVERY_MS, () => this.#events.channels(this.#states()))
  #isLoaded = false
  #loadAgain: NodeJS.Timeout | null = null
  /** Resolves when all entries are in their outboxes: none overtakes an earlier one that waits for the disk. */
  #added = Promise.resolve()
  /** Changes that were not stored: the next change stores them, too. */
  readonly #unstored: ChangeRow[] = []
  #isStopped = false

  constructor(config: NotifierConfig, store: AlertStore, events: NotifierEvents) {
    this.#config = config
    this.#words = createWords(config.language)
    this.#store = store
    this.#events = events
    this.#kept = new KeptStore(store, (level, sentence) => {
      events.log(level, englishWords(sentence))
      events.recording?.(sentence)
    })
    this.#beats = new Heartbeats((channel, send, isFirst) => this.#beat(channel, send, isFirst))
    this.#apply(config)
    void this.#resume(true)
  }

  configure(config: NotifierConfig): void {
    if (!isDeepStrictEqual(config, this.#config)) this.#apply(config)
  }

  #apply(config: NotifierConfig): void {
    const before = this.#config
    this.#config = config
    this.#words = createWords(config.language)
    const ids = [NATIVE, ...config.channels.map(({ id }) => id)]
    for (const [id, sender] of this.#senders) {
      if (ids.includes(id)) continue
      sender.giveUp()
      sender.stop()
      this.#senders.delete(id)
    }
    for (const id of ids) {
      const sender = this.#getSender(id)
      if (!isDeepStrictEqual(getConnectionSettings(before, id), getConnectionSettings(config, id)))
        sender.reset()
      if (!isOn(config, id)) sender.giveUp()
      else if (!isDeepStrictEqual(getChannelSettings(before, id), getChannelSettings(config, id)))
        sender.tryNow()
    }
    if (before.channels.length > 0 || config.channels.length > 0) void this.#configureBeats()
    this.#tellChanges()
  }

  /**
   * Stores a decision of the policy and the entries of its notices in one transaction, and then sends the notices. A
   * notice for this computer's desktop or terminal is shown at once. Without a usable disk all are sent from memory.
   * @returns false if the decision could not be stored
   */
  async commit({ policy, incidents, notices, evidence }: PolicyCommit): Promise<boolean> {
    const planned: PlannedEntry[] = []
    for (const notice of notices) {
      for (const id of this.#channelsFor(notice)) {
        const sender = this.#getSender(id)
        const entry = sender.createEntry(notice)
        if (entry === null) continue
        if (id === NATIVE) sender.add(entry)
        else planned.push({ sender, entry })
      }
    }
    return this.#deliver({ policy, incidents, ...(evidence && { evidence }) }, planned)
  }

  /** Returns the regular report that was sent last; mark: null: none was. null: the disk does not answer. */
  reported(): Promise<{ mark: ReportMark | null } | null> {
    return this.#kept.call('reported', null)
  }

  /**
   * Sends a regular report, and stores in the same transaction that it was sent.
   * @param text null: only stores the mark
   * @param channels ids; null: all that notify people. Standbys and heartbeats get no report.
   * @param mark null: removes the stored one
   * @returns false if it could not be stored
   */
  sendReport(
    text: ReportText | null,
    channels: readonly string[] | null,
    mark: ReportMark | null,
  ): Promise<boolean> {
    const planned = text === null ? [] : this.#planReport(createReportNotice(text, Date.now()), channels)
    return this.#deliver({ policy: null, incidents: [], reported: { mark } }, planned)
  }

  #planReport(notice: Notice, channels: readonly string[] | null): PlannedEntry[] {
    const { attachment: _, ...short } = notice
    return this.#config.channels
      .filter(({ id, enabled, standby, type }) => {
        const isChosen = channels === null ? !standby : channels.includes(id)
        return enabled && isChosen && type !== 'ping'
      })
      .flatMap(({ id, type }) => {
        const sender = this.#getSender(id)
        const entry = sender.createEntry(type === 'mail' ? notice : short)
        return entry === null ? [] : [{ sender, entry }]
      })
  }

  /** Stores a decision together with its entries, and then passes these to their senders. */
  async #deliver(decision: Omit<Commit, 'entries'>, planned: readonly PlannedEntry[]): Promise<boolean> {
    const entries = planned.map(({ entry }) => entry)
    // Does not wait for a disk that has just failed.
    const isFailing = this.#kept.isFailing
    const stored = this.#kept.call('commit', { ...decision, entries })
    this.#added = this.#added
      .then(() => (isFailing ? null : stored))
      .then(() => {
        for (const { sender, entry } of planned) sender.add(entry)
      })
    await this.#added
    return (await stored) !== null
  }

  /** Sends a test like any notice, but without the outbox, because the person waits for the result. */
  async test(id: string): Promise<ChannelTested> {
    const channel = this.#config.channels.find((one) => one.id === id)
    if (channel === undefined && id !== NATIVE)
      return { delivered: false, sentence: message('alert.noChannel', { id }) }
    const sender = this.#getSender(id)
    const entry = sender.createEntry(exampleNotice('test', Date.now()))
    if (entry === null) return { delivered: false, sentence: message('alert.noChannel', { id }) }
    const outcome = await sender.recordOutcome(this.#send(entry, new AbortController().signal))
    if (outcome.did === 'delivered') sender.tryNow()
    return toTested(outcome)
  }

  /** Sends a test through a channel that is not added. */
  async try(channel: ChannelSettings, secrets: Record<string, string>): Promise<ChannelTested> {
    const test = { id: randomUUID(), notice: exampleNotice('test', Date.now()) }
    return toTested(await this.#sendThrough(channel, secrets, test, new AbortController().signal))
  }

  timeline(question: TimelineQuestion): Promise<TimelinePage> {
    return this.#store.call('page', question)
  }

  /** Returns the stored evidence of an incident; null: there is none. @throws as `timeline` */
  evidence(id: string): Promise<string | null> {
    return this.#store.call('evidence', id)
  }

  /** Stores a change, together with those that the disk has not accepted before. */
  async recordChange(change: ChangeRow): Promise<void> {
    const rows = [...this.#unstored.splice(0), change].slice(-MOST_UNSTORED)
    if ((await this.#kept.call('addChanges', rows)) === null) this.#unstored.unshift(...rows)
  }

  changes(question: ChangesQuestion): Promise<ChangeRows> {
    return this.#store.call('changes', question)
  }

  /** Resolves to true when pending writes are done; false: the disk does not accept them. */
  stop(): Promise<boolean> {
    this.#isStopped = true
    if (this.#loadAgain !== null) clearTimeout(this.#loadAgain)
    for (const sender of this.#senders.values()) sender.stop()
    this.#beats.stop()
    this.#tellChanges.stop()
    return this.#store.close()
  }

  /** Continues from the state of an earlier run, as soon as it can be loaded. */
  async #resume(isFirst: boolean): Promise<void> {
    const loaded = await this.#kept.call('load', Date.now())
    if (this.#isStopped) return
    this.#isLoaded = loaded !== null
    if (loaded === null) {
      this.#loadAgain = setTimeout(() => void this.#resume(false), LOAD_AGAIN_MS)
      if (isFirst) this.#events.resumed(null)
      return
    }
    for (const [id, sender] of this.#senders) sender.resume(ofChannel(loaded, id))
    this.#events.resumed(loaded)
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
    const sender = this.#getSender(standby.id)
    const entry = sender.createEntry(failed.notice)
    if (entry === null) return
    void this.#save([entry]).then(() => sender.add(entry))
  }

  #getSender(id: string): ChannelSender {
    const known = this.#senders.get(id)
    if (known !== undefined) return known
    const made = new ChannelSender({
      id,
      name: () => this.#config.channels.find((one) => one.id === id)?.name ?? id,
      send: (entry, stopped) => this.#send(entry, stopped),
      isQuiet: () => isQuietAt(this.#config.quietHours, new Date()),
      save: (entries) => this.#save(entries),
      changed: this.#tellChanges,
      noted: (health) => void this.#kept.call('noteHealth', health),
      onUndelivered: (entry) => this.#takeOver(entry),
    })
    this.#senders.set(id, made)
    if (this.#isLoaded) made.resume({ waiting: [], told: [], seen: [], health: null })
    return made
  }

  async #send(entry: OutboxEntry, stopped: AbortSignal): Promise<ChannelOutcome> {
    const settings = this.#config.channels.find(({ id }) => id === entry.channel)
    if (settings !== undefined) return this.#sendThrough(settings, this.#secretsOf(settings), entry, stopped)
    const { language, place } = this.#config
    this.#events.show(
      toShown(this.#render(entry, { type: null, template: null }, createWords(language, place))),
    )
    return { did: 'delivered', note: null }
  }

  #render({ id, notice }: Sent, look: Parameters<typeof renderMessage>[3], words = this.#words) {
    const { computer, labels, names } = this.#config
    return renderMessage(id, notice, { words, computer, labels, names }, look, Date.now())
  }

  async #sendThrough(
    settings: ChannelSettings,
    secrets: Record<string, string>,
    sent: Sent,
    stopped: AbortSignal,
  ): Promise<ChannelOutcome> {
    const outcome = await this.#attempt(settings, secrets, stopped, async (given) => {
      const { getChannel } = await loadChannels()
      return getChannel(settings.type).send(this.#render(sent, settings), given)
    })
    if (outcome.did !== 'delivered')
      this.#events.log('warn', `${settings.name}: ${englishWords(outcome.reason)}`)
    return outcome
  }

  async #beat(settings: ChannelSettings, send: Beat['send'], isFirst: boolean): Promise<void> {
    const { failing } = this.#config
    const text = failing === null ? null : this.#words(failing)
    const { signal } = new AbortController()
    const attempt = this.#attempt(settings, this.#secretsOf(settings), signal, (given) =>
      send(text, isFirst, given),
    )
    await this.#getSender(settings.id).recordOutcome(attempt)
  }

  /** Turns any error into an outcome, because an error that nothing handles would end the agent. */
  async #attempt(
    settings: ChannelSettings,
    secrets: Record<string, string>,
    signal: AbortSignal,
    act: (given: ChannelInput) => Promise<ChannelOutcome>,
  ): Promise<ChannelOutcome> {
    try {
      return await act({ options: getOptions(settings), secrets, signal, withinMs: WITHIN_MS })
    } catch (error) {
      const reason = message('channel.broken', { reason: quote(errorText(error), secrets) })
      return { did: 'retry', afterMs: null, reason }
    }
  }

  #secretsOf({ id }: ChannelSettings): Record<string, string> {
    return this.#config.secrets[id] ?? {}
  }

  async #configureBeats(): Promise<void> {
    try {
      const { getChannel } = await loadChannels()
      if (!this.#isStopped) this.#beats.configure(this.#config.channels, getChannel)
    } catch (error) {
      warnUnlessCode(error, [], 'signs of life cannot be sent')
    }
  }

  async #save(entries: readonly OutboxEntry[]): Promise<void> {
    // Native notifications are shown at once and not repeated after a restart, because the policy stores their
    // incidents.
    if (entries.length > 0) await this.#kept.call('commit', { policy: null, incidents: [], entries })
  }

  #states(): ChannelState[] {
    const { channels, secrets } = this.#config
    const ids = [NATIVE, ...channels.map(({ id }) => id)]
    return ids.map((id) => this.#getSender(id).state(Object.keys(secrets[id] ?? {})))
  }
}

const toTested = (outcome: ChannelOutcome): ChannelTested =>
  outcome.did === 'delivered'
    ? { delivered: true, sentence: outcome.note ?? message('alert.tested') }
    : { delivered: false, sentence: outcome.reason }

const loadChannels = () => import('./channels/kinds.ts')

/** Returns the part of a channel in the state of an earlier run. */
function ofChannel({ waiting, told, seen, health }: Left, id: string) {
  return {
    waiting: waiting.filter(({ channel }) => channel === id),
    told: told.filter(({ channel }) => channel === id).map(({ about }) => about),
    seen: seen.filter(({ channel }) => channel === id).map(({ notice }) => notice),
    health: health.find((one) => one.id === id) ?? null,
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

  configure(channels: readonly ChannelSettings[], getChannel: (type: ChannelType) => Channel): void {
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
