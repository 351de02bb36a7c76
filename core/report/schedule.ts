import type { ReportMark } from '../alerts/incident.ts'
import { getDueTime, listPeriods, type RegularPeriod } from './period.ts'
import type { ReportPeriod } from './report-schema.ts'

/** The next step of the regular report: the mark to store, and the period whose report is sent before. */
export interface ReportStep {
  mark: ReportMark | null
  /** null: nothing is sent. */
  send: ReportPeriod | null
}

/**
 * Decides on the regular report. Pure.
 * @param every null: it is switched off
 * @param mark the report that was sent last; null: none
 * @param now milliseconds since 1970
 * @returns null: there is nothing to do
 */
export function planReport(
  every: RegularPeriod | null,
  mark: ReportMark | null,
  now: number,
  zone: string,
): ReportStep | null {
  // Switched on later, it begins with the period of that day.
  if (every === null) return mark === null ? null : { mark: null, send: null }
  const [last, previous] = listPeriods(every, now, zone, 2)
  if (last === undefined || previous === undefined) return null
  const isDue = now >= getDueTime(last)
  if (mark?.every !== every) return { mark: { every, period: isDue ? last.name : previous.name }, send: null }
  // Names of periods are ordered as text. A clock that was set back sends nothing again.
  return isDue && mark.period < last.name ? { mark: { every, period: last.name }, send: last } : null
}
