import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { message } from '../lib/i18n/message.ts'
import { type Incident, incidentSchema } from './incident.ts'
import { severityOf } from './kinds.ts'

/**
 * failed: it has begun; lasting: it was told before, and goes on; recovered: it is over; unstable: it comes and goes;
 * over: what came and went does so no more; summary: it failed and is over, and neither could be told before; test: a
 * person tries a channel.
 */
export const noticeKinds = ['failed', 'lasting', 'recovered', 'unstable', 'over', 'summary', 'test'] as const
export type NoticeKind = (typeof noticeKinds)[number]

/** What a person is to be told, whatever the channel is. */
export const noticeSchema = z.object({
  id: z.string(),
  what: z.enum(noticeKinds),
  /** The incident that it is about, or what its coming and going is called. */
  about: z.string(),
  /** As it was then. */
  incident: incidentSchema,
  /** How often it came, where it comes and goes; else 1. */
  times: z.number(),
  /** When it was decided; milliseconds since 1970. */
  at: z.number(),
})
export type Notice = z.infer<typeof noticeSchema>

/** It says that something is wrong; the others say that it is over, or nothing of it. */
export function isFiring({ what }: Pick<Notice, 'what'>): boolean {
  return what === 'failed' || what === 'lasting' || what === 'unstable'
}

export function isUrgent(notice: Notice): boolean {
  return isFiring(notice) && severityOf(notice.incident.kind) === 'critical'
}

/** How long it has lasted by then, in milliseconds; a clock that was set back makes no time less than none. */
export function lastedMs(
  { startedAt, endedAt }: Pick<Incident, 'startedAt' | 'endedAt'>,
  now: number,
): number {
  return Math.max(0, (endedAt ?? now) - startedAt)
}

/** An incident that is none: for tests of a channel, and for the preview of a template. */
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

/** @param now milliseconds since 1970. */
export function exampleNotice(what: NoticeKind, now: number): Notice {
  const incident = exampleIncident(now)
  return { id: randomUUID(), what, about: incident.id, incident, times: 1, at: now }
}

export const testNotice = (now: number): Notice => exampleNotice('test', now)
