import { getSeverity } from './kinds.ts'
import { isFiring, type Notice } from './notice.ts'
import type { ChannelSettings } from './settings.ts'
import type { NoticeDelivery } from './timeline.ts'

// Decides what happens to the notices in a channel's outbox; pure. Times are milliseconds since 1970.

/** A notice in the outbox of one channel. */
export interface OutboxEntry extends Omit<NoticeDelivery, 'notice' | 'what'> {
  /** A UUID, the same for every attempt and across restarts. */
  id: string
  notice: Notice
}

/** Older entries expire; they stay in the timeline. */
export const EXPIRES_MS = 24 * 3_600_000
/** A standby takes over an entry that has waited this long, with at least one attempt. */
export const TAKE_OVER_MS = 5 * 60_000

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
    const { about } = entry.notice
    // A later entry covers this one: it reports the recovery, or that the failure lasts.
    if (waiting.slice(index + 1).some((one) => one.notice.about === about)) settle('merged')
    else if (now - entry.at > EXPIRES_MS) settle('expired')
    else {
      const isEnd = entry.notice.what === 'recovered' || entry.notice.what === 'over'
      const wasMerged = waiting.slice(0, index).some((one) => one.notice.about === about)
      if (isEnd && !told.has(about) && !wasMerged) {
        if (isLoaded) settle('untold')
      } else {
        const next = isEnd && !told.has(about) ? toSummary(entry) : entry
        if (next !== entry) changed.push(next)
        if (!isQuiet || isCritical(next)) return { changed, next }
      }
    }
  }
  return { changed, next: null }
}

/** Combines failure and recovery, because the failure could not be delivered here. */
const toSummary = (entry: OutboxEntry): OutboxEntry => ({
  ...entry,
  notice: { ...entry.notice, what: 'summary' },
})

/**
 * Returns the key that identifies duplicates. A summary has another key than the recovery it was made of, because a
 * standby may have to deliver it.
 */
export const getNoticeKey = ({ id, what }: Pick<Notice, 'id' | 'what'>) =>
  what === 'summary' ? `${id} ${what}` : id

const isCritical = ({ notice }: OutboxEntry) =>
  notice.what === 'test' || getSeverity(notice.incident.kind) === 'critical'

/** True if a channel is meant for a notice. */
export function isFor(
  { enabled, severity, sources }: Pick<ChannelSettings, 'enabled' | 'severity' | 'sources'>,
  { incident }: Notice,
): boolean {
  if (!enabled) return false
  if (severity === 'critical' && getSeverity(incident.kind) !== 'critical') return false
  return (
    sources === null || incident.sources.length === 0 || incident.sources.some((id) => sources.includes(id))
  )
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

/** Returns the pause after this many consecutive failures: 5 s, doubled up to a minute. */
export function retryAfterMs(failures: number): number {
  return Math.min(60_000, 5_000 * 2 ** Math.max(0, failures - 1))
}

/** True if a wall-clock time is within quiet hours. */
export function isQuietAt(hours: { from: string; to: string } | null, at: Date): boolean {
  if (hours === null) return false
  const clock = at.toTimeString().slice(0, '00:00'.length)
  const { from, to } = hours
  return from < to ? clock >= from && clock < to : clock >= from || clock < to
}
