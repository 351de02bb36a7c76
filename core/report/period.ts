import type { ReportMark } from '../alerts/incident.ts'
import { openPeriods } from '../settings/expected/periods.ts'
import type { ReportPeriod } from './report-schema.ts'

// The periods of reports: months, ISO weeks, and days from one to another, by the wall clock of a time zone; and the next
// step of the regular report. Pure.

const DAY_MS = 86_400_000
const DAYS_OF_WEEK = 7
/** Limit of a period in days: the ledger, the timeline and the check history keep no more than about this. */
const MOST_DAYS = 3_660

/** Kinds of periods for which reports are sent regularly. */
export const regularPeriods = ['month', 'week'] as const
export type RegularPeriod = (typeof regularPeriods)[number]

/** The time zone of this computer, as an IANA name. */
export const getLocalZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone

/**
 * Parses "2026-10", "2026-W41" (ISO 8601) or "2026-10-05..2026-10-11" (both days included); null: none of these, or
 * no such month, week or day.
 */
export function parsePeriod(text: string, zone: string): ReportPeriod | null {
  const days = parseMonth(text) ?? parseWeek(text) ?? parseSpan(text)
  if (days === null) return null
  const { kind, first, after } = days
  const startOfDay = createDays(zone)
  return { kind, name: text, zone, from: startOfDay(first), to: startOfDay(after) }
}

/** Returns the days of "2026-10-11..2026-10-05", whose first day is after its last one; null: it is no such text. */
export function findReversed(text: string): { first: string; last: string } | null {
  const [first = '', last = '', ...more] = text.split('..')
  const [from, to] = [parseDay(first), parseDay(last)]
  return more.length === 0 && from !== null && to !== null && from > to ? { first, last } : null
}

/** Returns the last whole month or week before an instant. */
export function getLastPeriod(kind: RegularPeriod, now: number, zone: string): ReportPeriod {
  const [last] = listPeriods(kind, now, zone, 1)
  if (last === undefined) throw new RangeError(`no ${kind} has ended by ${now}`)
  return last
}

/** Returns the last whole months or weeks before an instant, the latest first. */
export function listPeriods(kind: RegularPeriod, now: number, zone: string, most: number): ReportPeriod[] {
  const today = toWallDay(now, zone)
  return Array.from({ length: most }, (_, index) => index + 1).flatMap((back) => {
    const name =
      kind === 'month' ? nameMonthBefore(today, back) : nameWeek(today - back * DAYS_OF_WEEK * DAY_MS)
    return parsePeriod(name, zone) ?? []
  })
}

/** Returns the current month or week so far. */
export function getPresentPeriod(kind: RegularPeriod, now: number, zone: string): ReportPeriod | null {
  const today = toWallDay(now, zone)
  return parsePeriod(kind === 'month' ? nameMonthBefore(today, 0) : nameWeek(today), zone)
}

/** Days as the midnight of the same date in UTC. `after` is the first day after the period. */
interface Days {
  kind: ReportPeriod['kind']
  first: number
  after: number
}

function parseMonth(text: string): Days | null {
  const [, year = '', month = ''] = /^(\d{4})-(\d{2})$/.exec(text) ?? []
  const number = Number(month)
  if (number < 1 || number > 12) return null
  return {
    kind: 'month',
    first: Date.UTC(Number(year), number - 1, 1),
    after: Date.UTC(Number(year), number, 1),
  }
}

function parseWeek(text: string): Days | null {
  const [, year = '', week = ''] = /^(\d{4})-W(\d{2})$/.exec(text) ?? []
  if (year === '') return null
  // January 4 is always in week 1 (ISO 8601).
  const first = toMonday(Date.UTC(Number(year), 0, 4)) + (Number(week) - 1) * DAYS_OF_WEEK * DAY_MS
  return nameWeek(first) === text ? { kind: 'week', first, after: first + DAYS_OF_WEEK * DAY_MS } : null
}

function parseSpan(text: string): Days | null {
  const [, from = '', to = ''] = /^(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})$/.exec(text) ?? []
  const [first, last] = [parseDay(from), parseDay(to)]
  if (first === null || last === null || last < first || last - first >= MOST_DAYS * DAY_MS) return null
  return { kind: 'days', first, after: last + DAY_MS }
}

/** Returns the midnight of a date in UTC; null: there is no such day. Date.parse reads November 31 as December 1. */
export function parseDay(text: string): number | null {
  const at = Date.parse(`${text}T00:00Z`)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(`${text}T`) ? at : null
}

const toMonday = (day: number): number => day - ((new Date(day).getUTCDay() + 6) % DAYS_OF_WEEK) * DAY_MS

/** Names the ISO week that contains a day: it belongs to the year that its Thursday is in. */
function nameWeek(day: number): string {
  const thursday = toMonday(day) + 3 * DAY_MS
  const year = new Date(thursday).getUTCFullYear()
  const week = Math.floor((thursday - Date.UTC(year, 0, 1)) / DAY_MS / DAYS_OF_WEEK) + 1
  return `${year}-W${String(week).padStart(2, '0')}`
}

function nameMonthBefore(day: number, months: number): string {
  const at = new Date(day)
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - months, 1)).toISOString().slice(0, 7)
}

/** Returns the date of an instant in a time zone, as the midnight of the same date in UTC. */
function toWallDay(at: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en', {
    timeZone: zone,
    ...{ year: 'numeric', month: 'numeric', day: 'numeric' },
  }).formatToParts(at)
  const get = (type: string) => Number(parts.find((part) => part.type === type)?.value)
  return Date.UTC(get('year'), get('month') - 1, get('day'))
}

/** Returns the function from a date, as its midnight in UTC, to the instant at which that day begins in a time zone. */
function createDays(zone: string): (day: number) => number {
  const periods = openPeriods({ everyMinutes: 1_440, zone })
  return (day) => {
    // A zone that moved across the date line left out a day: then the next one begins there.
    for (let at = day; at <= day + DAY_MS; at += DAY_MS) {
      const [found] = periods.named(at)
      if (found !== undefined) return found.start
    }
    return day
  }
}

const REPORT_HOUR = 8

/** Returns the instant at which the report of a period is due: 08:00 on the day after its end, by the wall clock. */
export function getDueTime({ to, zone }: Pick<ReportPeriod, 'to' | 'zone'>): number {
  const periods = openPeriods({ everyMinutes: 60, zone })
  const [due] = periods.named(toWallDay(to, zone) + REPORT_HOUR * 3_600_000)
  return due?.start ?? to + REPORT_HOUR * 3_600_000
}

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
