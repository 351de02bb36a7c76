import { randomUUID } from 'node:crypto'
import { message } from '../words/message.ts'
import type { Incident } from './incident.ts'
import type { Notice, NoticeKind } from './notice.ts'

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
