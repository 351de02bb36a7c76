import { severityOf } from './kinds.ts'
import { isFiring, type Notice } from './notice.ts'
import type { ChannelSettings } from './settings.ts'
import type { NoticeDelivery } from './timeline.ts'

// What becomes of notices in the outbox of a channel; pure. Times are milliseconds since 1970.

/** One notice on its way through one channel. */
export interface OutboxEntry extends Omit<NoticeDelivery, 'notice' | 'what'> {
  /** A UUID: the same for every attempt, also over a restart. */
  id: string
  notice: Notice
}

/** What is older is no news; the timeline has it. */
export const EXPIRES_MS = 24 * 3_600_000
/** A standby takes over when a notice has waited so long, and was tried. */
export const TAKE_OVER_MS = 5 * 60_000

interface Decision {
  /** Entries that are another thing now: settled without being sent, or made a summary. */
  changed: OutboxEntry[]
  /** What is to be sent now; null: nothing. */
  next: OutboxEntry | null
}

/**
 * Looks through the waiting entries of one channel, the oldest first.
 * @param told what was delivered as failing and not yet as over, by Notice.about.
 * @param isLoaded what an earlier run has told is known, too. Until then an end waits that is none of this run's: else a
 * person who was told of the failure would never be told of its end.
 * @param isQuiet only what is critical is told now.
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
    // What follows says it, too: that it is over, or that it still lasts.
    if (waiting.slice(index + 1).some((one) => one.notice.about === about)) settle('merged')
    else if (now - entry.at > EXPIRES_MS) settle('expired')
    else {
      const isEnd = entry.notice.what === 'recovered' || entry.notice.what === 'over'
      const wasMerged = waiting.slice(0, index).some((one) => one.notice.about === about)
      if (isEnd && !told.has(about) && !wasMerged) {
        if (isLoaded) settle('untold')
      } else {
        const next = isEnd && !told.has(about) ? summaryOf(entry) : entry
        if (next !== entry) changed.push(next)
        if (!isQuiet || isCritical(next)) return { changed, next }
      }
    }
  }
  return { changed, next: null }
}

/** That it began could not be told here: both are told as one. */
const summaryOf = (entry: OutboxEntry): OutboxEntry => ({
  ...entry,
  notice: { ...entry.notice, what: 'summary' },
})

/** The same notice has the same; what its end was made into is another one, which a standby may have to tell. */
export const keyOf = ({ id, what }: Pick<Notice, 'id' | 'what'>) =>
  what === 'summary' ? `${id} ${what}` : id

const isCritical = ({ notice }: OutboxEntry) =>
  notice.what === 'test' || severityOf(notice.incident.kind) === 'critical'

/** Whether a channel is for a notice at all. */
export function isFor(
  { enabled, severity, sources }: Pick<ChannelSettings, 'enabled' | 'severity' | 'sources'>,
  { incident }: Notice,
): boolean {
  if (!enabled) return false
  if (severity === 'critical' && severityOf(incident.kind) !== 'critical') return false
  return (
    sources === null || incident.sources.length === 0 || incident.sources.some((id) => sources.includes(id))
  )
}

/**
 * Whether the next standby has to take over what this entry was to tell.
 * @param triedAt when it is tried again, if it waits.
 */
export function isInNeed({ state, attempts, at, notice }: OutboxEntry, triedAt: number): boolean {
  if (!isFiring(notice) && notice.what !== 'summary') return false
  if (state === 'refused' || state === 'expired') return true
  return state === 'waiting' && attempts > 0 && triedAt - at > TAKE_OVER_MS
}

/** The pause after so many attempts in a row that failed: 5 s, doubled up to a minute. */
export function retryAfterMs(failures: number): number {
  return Math.min(60_000, 5_000 * 2 ** Math.max(0, failures - 1))
}

/** Whether a time of the clock on the wall is within quiet hours. */
export function isQuietAt(hours: { from: string; to: string } | null, at: Date): boolean {
  if (hours === null) return false
  const clock = at.toTimeString().slice(0, '00:00'.length)
  const { from, to } = hours
  return from < to ? clock >= from && clock < to : clock >= from || clock < to
}
