import type { Now, Sample } from '../../../core/alerts/incident.ts'
import { message } from '../../../core/lib/i18n/message.ts'

/** A verdict of one path of `/mnt`; both clocks show the same. */
export function createSample(at: number, kind: Sample['kind'], changes: Partial<Sample> = {}): Sample {
  const { id = 'a', group = '/mnt' } = changes
  return {
    id,
    path: `${group}/${id}`,
    group,
    isOwn: false,
    kind,
    sentence: message('problem.other', { reason: `${id} ${kind}` }),
    source: id,
    step: null,
    tellAfterMs: 0,
    at,
    since: at,
    steadyMs: at,
    ...changes,
  }
}

/** Both clocks at once. */
export const clocksAt = (at: number): Now => ({ at, steadyMs: at })
