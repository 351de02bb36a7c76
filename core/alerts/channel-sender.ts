import { randomUUID } from 'node:crypto'
import type { Message } from '../lib/i18n/message.ts'
import type { ChannelOutcome } from './channels/channel.ts'
import {
  type ChannelHealth,
  type ChannelState,
  isFiring,
  type Notice,
  type NoticeDelivery,
  toDeliverySubject,
} from './incident.ts'
import { getSeverity } from './kinds.ts'
import type { ChannelSettings } from './settings.ts'

// The outbox of one channel. A `ChannelSender` has the waiting entries. Each step calls `decide`, stores the entries that
// are settled without being sent, sends the next one, and stores its outcome. `decide` and the functions after it are
// pure. Times are milliseconds since 1970.

/** Limit of waiting notices. Beyond it, the oldest expire; they stay in the timeline. */
const MOST_WAITING = 1_000
const MOST_SEEN = 5_000
/** Delay before waiting entries are checked again: the precision of quiet hours and of a takeover by a standby. */
const LOOK_AGAIN_MS = 15_000
/** Older entries expire; they stay in the timeline. */
export const EXPIRES_MS = 24 * 3_600_000
/** A report is of use for longer: the next one may come a month later. */
const REPORT_EXPIRES_MS = 31 * 24 * 3_600_000
/** A standby takes over an entry that has waited this long, with at least one attempt. */
export const TAKE_OVER_MS = 5 * 60_000

/** A notice in the outbox of one channel. */
export interface OutboxEntry extends Omit<NoticeDelivery, 'notice' | 'what'> {
  /** A UUID, the same for every attempt and across restarts. */
  id: string
  notice: Notice
}

interface ChannelSenderOptions {
  id: string
  name(): string
  /** Sends one entry; never rejects. */
  send(entry: OutboxEntry, stopped: AbortSignal): Promise<ChannelOutcome>
  isQuiet(): boolean
  /** Stores entries; also resolves if that fails. */
  save(entries: readonly OutboxEntry[]): Promise<void>
  changed(): void
  /** Called with the condition after each attempt and each change of the settings. */
  noted(health: ChannelHealth): void
  /** Called for an entry that this channel does not deliver, or not soon: a standby must take over. */
  onUndelivered(entry: OutboxEntry): void
}

/**
 * The state left by an earlier run. `told`: see decide; `seen`: ids of the notices that this channel has accepted.
 */
interface Left {
  waiting: readonly OutboxEntry[]
  told: readonly string[]
  seen: readonly string[]
  /** null: nothing was sent. */
  health: ChannelHealth | null
}

/** Sends the notices of one channel in order, and retries after failures. */
export class ChannelSender {
  readonly #options: ChannelSenderOptions
  #waiting: OutboxEntry[] = []
  readonly #told = new Set<string>()
  /** Accepted notices, oldest first, to detect duplicates. */
  readonly #seen = new Set<string>()
  #isLoaded = false
  #failures = 0
  /** Number of changes of its settings. */
  #changes = 0
  #condition: ChannelState['condition'] = 'unused'
  #at: number | null = null
  #failingSince: number | null = null
  #sentence: Message | null = null
  #timer: NodeJS.Timeout | null = null
  #isSending = false
  readonly #stopping = new AbortController()

  constructor(options: ChannelSenderOptions) {
    this.#options = options
  }

  /** Adds the state of an earlier run, whose disk may have responded late. */
  resume({ waiting, told, seen, health }: Left): void {
    this.#isLoaded = true
    const earlier = waiting.filter(({ notice }) => !this.#seen.has(getNoticeKey(notice)))
    for (const about of told) this.#told.add(about)
    for (const id of seen) this.#seen.add(id)
    for (const { notice } of earlier) this.#seen.add(notice.id).add(getNoticeKey(notice))
    this.#waiting = [...earlier, ...this.#waiting]
    // An attempt of this run is newer.
    if (health !== null && this.#at === null) this.#setHealth(health)
    this.#options.changed()
    this.#schedule(0)
  }

  /**
   * Creates this channel's entry for a notice; null: the notice is a duplicate. The caller stores the entry and then
   * calls `add`.
   */
  createEntry(notice: Notice): OutboxEntry | null {
    const key = getNoticeKey(notice)
    if (this.#seen.has(key)) return null
    this.#seen.add(key)
    for (const oldest of this.#seen) if (this.#seen.size > MOST_SEEN) this.#seen.delete(oldest)
    return {
      id: randomUUID(),
      notice,
      channel: this.#options.id,
      channelName: this.#options.name(),
      state: 'waiting',
      at: notice.at,
      decidedAt: null,
      attempts: 0,
      reason: null,
    }
  }

  add(entry: OutboxEntry): void {
    this.#waiting.push(entry)
    const old = this.#waiting.splice(0, Math.max(0, this.#waiting.length - MOST_WAITING))
    const decidedAt = Date.now()
    if (old.length > 0) void this.#settle(old.map((one) => ({ ...one, state: 'expired', decidedAt })))
    this.#options.changed()
    // A new entry does not shorten the pause after a failure.
    if (this.#failures === 0) this.#schedule(0)
  }

  /** Applies changed settings: the condition with the earlier ones no longer counts. */
  reset(): void {
    this.#changes += 1
    this.#note({ condition: 'unused', sentence: null })
    this.tryNow()
  }

  /** Sends waiting entries now. */
  tryNow(): void {
    this.#failures = 0
    this.#schedule(0)
  }

  /** Discards waiting entries, because the channel was switched off or removed. */
  giveUp(): void {
    const decidedAt = Date.now()
    const waiting = this.#waiting.map((one): OutboxEntry => {
      // A summary needs no standby, because the incident has ended.
      return { ...one, state: one.notice.what === 'summary' ? 'untold' : 'expired', decidedAt }
    })
    if (waiting.length > 0) void this.#settle(waiting)
  }

  state(secrets: string[]): ChannelState {
    return {
      id: this.#options.id,
      condition: this.#condition,
      at: this.#at,
      failingSince: this.#failingSince,
      sentence: this.#sentence,
      waiting: this.#waiting.length,
      secrets,
    }
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#stopping.abort()
  }

  /**
   * Records the outcome of a test, a heartbeat or an entry as the channel's condition, unless its settings have
   * changed meanwhile.
   */
  async recordOutcome(attempt: Promise<ChannelOutcome>): Promise<ChannelOutcome> {
    const changes = this.#changes
    const outcome = await attempt
    if (changes === this.#changes && !this.#stopping.signal.aborted) this.#note(toHealth(outcome))
    return outcome
  }

  #note(health: Pick<ChannelHealth, 'condition' | 'sentence'>): void {
    const noted = { id: this.#options.id, at: Date.now(), ...health }
    this.#setHealth(noted)
    this.#options.noted(noted)
    this.#options.changed()
  }

  #setHealth({ condition, sentence, at }: ChannelHealth): void {
    const isFailing = condition === 'retrying' || condition === 'refused'
    this.#failingSince = isFailing ? (this.#failingSince ?? at) : null
    this.#condition = condition
    this.#sentence = sentence
    this.#at = at
  }

  #schedule(inMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#stopping.signal.aborted) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      void this.#run()
    }, inMs)
  }

  async #run(): Promise<void> {
    // The attempt in progress schedules the next one when it ends.
    if (this.#isSending || this.#stopping.signal.aborted) return
    this.#isSending = true
    const pauseMs = await this.#step()
    this.#isSending = false
    if (this.#waiting.length > 0 || pauseMs === 0) this.#schedule(pauseMs)
  }

  /** Sends one entry. Returns the pause before the next in milliseconds. */
  async #step(): Promise<number> {
    const { changed, next } = decide(
      this.#waiting,
      this.#told,
      this.#options.isQuiet(),
      Date.now(),
      this.#isLoaded,
    )
    // All in one call: if a merged failure were stored without the entry that replaces it, it would be lost.
    if (changed.length > 0) await this.#settle(changed)
    // More entries may have arrived during the write.
    if (next === null) return changed.length > 0 ? 0 : LOOK_AGAIN_MS
    const changes = this.#changes
    const outcome = await this.recordOutcome(this.#options.send(next, this.#stopping.signal))
    if (this.#stopping.signal.aborted) return 0
    // An attempt that failed with earlier settings is repeated with the current ones.
    if (changes !== this.#changes && outcome.did !== 'delivered') return 0
    const attempts = next.attempts + 1
    if (outcome.did === 'retry') {
      this.#failures += 1
      const pauseMs = outcome.afterMs ?? retryAfterMs(this.#failures)
      await this.#settle([{ ...next, attempts, reason: outcome.reason }], pauseMs)
      return pauseMs
    }
    this.#failures = 0
    const decidedAt = Date.now()
    if (outcome.did === 'refused')
      await this.#settle([{ ...next, attempts, state: 'refused', decidedAt, reason: outcome.reason }])
    else {
      if (isFiring(next.notice)) this.#told.add(next.notice.about)
      else this.#told.delete(next.notice.about)
      await this.#settle([{ ...next, attempts, state: 'delivered', decidedAt, reason: outcome.note }])
    }
    return 0
  }

  /** Replaces entries by their new versions and stores them. */
  async #settle(entries: readonly OutboxEntry[], pauseMs = 0): Promise<void> {
    const settled = new Map(entries.map((entry) => [entry.id, entry]))
    this.#waiting = this.#waiting
      .map((one) => settled.get(one.id) ?? one)
      .filter(({ state }) => state === 'waiting')
    for (const entry of entries)
      if (needsStandby(entry, Date.now() + pauseMs)) this.#options.onUndelivered(entry)
    this.#options.changed()
    await this.#options.save(entries)
  }
}

const toHealth = (outcome: ChannelOutcome): Pick<ChannelHealth, 'condition' | 'sentence'> =>
  outcome.did === 'delivered'
    ? { condition: 'ok', sentence: outcome.note }
    : { condition: outcome.did === 'retry' ? 'retrying' : 'refused', sentence: outcome.reason }

interface Decision {
  /** Changed entries: settled without being sent, or turned into a summary. */
  changed: OutboxEntry[]
  /** The entry to send now; null: none. */
  next: OutboxEntry | null
}

/**
 * Decides on the waiting entries of one channel, oldest first.
 * @param told subjects (Notice.about) with a delivered failure but no delivered recovery
 * @param isLoaded true once `told` includes the deliveries of an earlier run. Until then, a recovery waits if this
 * run has not delivered its failure; otherwise a person who was notified of the failure would never get the recovery
 * @param isQuiet true: only critical notices are sent now
 */
export function decide(
  waiting: readonly OutboxEntry[],
  told: ReadonlySet<string>,
  isQuiet: boolean,
  now: number,
  isLoaded = true,
): Decision {
  const changed: OutboxEntry[] = []
  for (const [index, entry] of waiting.entries()) {
    const settle = (state: OutboxEntry['state']) => changed.push({ ...entry, state, decidedAt: now })
    const hasSameSubject = (one: OutboxEntry) => one.notice.about === entry.notice.about
    // A later entry covers this one: it reports the recovery, or that the failure lasts.
    if (waiting.slice(index + 1).some(hasSameSubject)) {
      settle('merged')
      continue
    }
    if (now - entry.at > (entry.notice.what === 'report' ? REPORT_EXPIRES_MS : EXPIRES_MS)) {
      settle('expired')
      continue
    }
    const isUntoldEnd = isEnd(entry) && !told.has(entry.notice.about)
    const wasMerged = waiting.slice(0, index).some(hasSameSubject)
    if (isUntoldEnd && !wasMerged) {
      if (isLoaded) settle('untold')
      continue
    }
    const next = isUntoldEnd ? toSummary(entry) : entry
    if (next !== entry) changed.push(next)
    if (!isQuiet || isCritical(next)) return { changed, next }
  }
  return { changed, next: null }
}

/** True if the entry reports that a failure, or its flapping, has ended. */
const isEnd = ({ notice }: OutboxEntry) => notice.what === 'recovered' || notice.what === 'over'

/** Combines failure and recovery, because the failure could not be delivered here. */
const toSummary = (entry: OutboxEntry): OutboxEntry => ({
  ...entry,
  notice: { ...entry.notice, what: 'summary' },
})

const isCritical = ({ notice }: OutboxEntry) =>
  notice.what === 'test' || getSeverity(notice.incident.kind) === 'critical'

/** Returns the pause after this many consecutive failures: 5 s, doubled up to a minute. */
export function retryAfterMs(failures: number): number {
  return Math.min(60_000, 5_000 * 2 ** Math.max(0, failures - 1))
}

/**
 * True if the next standby must deliver this entry.
 * @param triedAt time of the next attempt, if the entry waits
 */
export function needsStandby({ state, attempts, at, notice }: OutboxEntry, triedAt: number): boolean {
  if (!isFiring(notice) && notice.what !== 'summary') return false
  if (state === 'refused' || state === 'expired') return true
  return state === 'waiting' && attempts > 0 && triedAt - at > TAKE_OVER_MS
}

/**
 * Returns the key that identifies duplicates. A summary has another key than the recovery it was made of, because a
 * standby may have to deliver it.
 */
export const getNoticeKey = ({ id, what }: Pick<Notice, 'id' | 'what'>) =>
  what === 'summary' ? `${id} ${what}` : id

/** True if a channel is meant for a notice. A channel that delivers nothing does not get the notice of that. */
export function isFor(
  { id, enabled, severity, sources }: Pick<ChannelSettings, 'id' | 'enabled' | 'severity' | 'sources'>,
  { incident }: Notice,
): boolean {
  if (!enabled || incident.group === toDeliverySubject(id)) return false
  if (severity === 'critical' && getSeverity(incident.kind) !== 'critical') return false
  return (
    sources === null || incident.sources.length === 0 || incident.sources.some((id) => sources.includes(id))
  )
}

/** True if a wall-clock time is within quiet hours. */
export function isQuietAt(hours: { from: string; to: string } | null, at: Date): boolean {
  if (hours === null) return false
  const clock = at.toTimeString().slice(0, '00:00'.length)
  const { from, to } = hours
  return from < to ? clock >= from && clock < to : clock >= from || clock < to
}
