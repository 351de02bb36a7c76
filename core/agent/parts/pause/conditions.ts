import { message } from '../../../lib/i18n/message.ts'
import { condition, type FoundCondition, HOUR_MS, well } from '../../state/condition.ts'
import type { AppState } from '../../state/schema.ts'

/** A longer pause may have been forgotten. */
const LONG_PAUSE_MS = 24 * HOUR_MS

/** Reports a pause so long that the person may have forgotten it. */
export function pauseCondition({ settings: { pause }, totals }: AppState, now: number): FoundCondition[] {
  const subject = { id: 'pause', name: 'Holdfast', source: null }
  if (pause === null || now - pause.since <= LONG_PAUSE_MS) return well(subject, now)
  const { since } = pause
  const headline = {
    sentence: message('status.pausedLong', { since, count: totals.waitingFiles }),
    detail: null,
  }
  return condition(subject, 'paused', since, message('condition.paused', { since }), 0, headline)
}
