import { message } from '../../lib/i18n/message.ts'
import {
  awayFor,
  condition,
  type FoundCondition,
  MINUTE_MS,
  UNREACHABLE_AFTER_MS,
  unknown,
  well,
} from '../state/condition.ts'
import type { AppState } from '../state/schema.ts'

export function workerConditions({ workers }: AppState, now: number): FoundCondition[] {
  return Object.entries(workers).flatMap(([worker, { condition: is, since }]): FoundCondition[] => {
    const subject = { id: `worker:${worker}`, name: worker, source: null }
    // A short failure is normal.
    const mayPass = is === 'restarting' && awayFor(since, now) <= UNREACHABLE_AFTER_MS
    if (is === 'starting' || mayPass) return unknown(subject)
    if (is === 'running' || is === 'off') return well(subject, now)
    const headline = {
      sentence: message('status.worker.failed', { worker }),
      detail: message('status.outdated'),
    }
    const sentence = message('condition.worker', { worker })
    return condition(subject, 'worker', since, sentence, 2 * MINUTE_MS, headline)
  })
}
