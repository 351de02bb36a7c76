import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { message } from '../lib/i18n/message.ts'
import { type Incident, incidentSchema } from './incident.ts'
import { getSeverity } from './kinds.ts'

/**
 * failed: a failure started; lasting: a repetition, as the failure continues; recovered: it ended; unstable: it
 * flaps; over: the flapping ended; summary: a failure that started and ended before either could be delivered; test:
 * a person tests a channel.
 */
export const noticeKinds = ['failed', 'lasting', 'recovered', 'unstable', 'over', 'summary', 'test'] as const
export type NoticeKind = (typeof noticeKinds)[number]

/** A notification, independent of the channel. */
export const noticeSchema = z.object({
  id: z.string(),
  what: z.enum(noticeKinds),
  /** Id of the incident, or of its flap series. */
  about: z.string(),
  /** The incident at that time. */
  incident: incidentSchema,
  /** Number of incidents in the flap series; otherwise 1. */
  times: z.number(),
  /** Milliseconds since 1970 of the decision to notify. */
  at: z.number(),
})
export type Notice = z.infer<typeof noticeSchema>

/** True if it reports a failure; the others report a recovery, or neither. */
export function isFiring({ what }: Pick<Notice, 'what'>): boolean {
  return what === 'failed' || what === 'lasting' || what === 'unstable'
}

export function isUrgent(notice: Notice): boolean {
  return isFiring(notice) && getSeverity(notice.incident.kind) === 'critical'
}

/** Returns the duration until `now` in milliseconds. A clock that was set back yields 0, not a negative value. */
export function lastedMs(
  { startedAt, endedAt }: Pick<Incident, 'startedAt' | 'endedAt'>,
  now: number,
): number {
  return Math.max(0, (endedAt ?? now) - startedAt)
}

/** Returns an example incident, for channel tests and template previews. */
function exampleIncident(now: number): Incident {
  const path = '/data/station-1'
  return {
    id: `test-${now}`,
    kind: 'read-only',
    group: path,
    isOwn: false,
    paths: { example: path },
    failing: { example: message('check.readOnly', { path, step: 'create', code: 'EROFS' }) },
    sources: [],
    sentence: message('check.readOnly', { path, step: 'create', code: 'EROFS' }),
    step: 'touch',
    startedAt: now,
    noticedAt: now,
    endedAt: null,
    told: false,
    isSilent: false,
    repeats: 0,
    acknowledged: null,
    snoozedUntil: null,
  }
}

/** @param now milliseconds since 1970 */
export function exampleNotice(what: NoticeKind, now: number): Notice {
  const incident = exampleIncident(now)
  return { id: randomUUID(), what, about: incident.id, incident, times: 1, at: now }
}

export const testNotice = (now: number): Notice => exampleNotice('test', now)
