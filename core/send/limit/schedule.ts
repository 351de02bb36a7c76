import type { SendRule } from '../../settings/schema.ts'

/** What sending may use of the line at one moment. */
export type Allowance =
  | { kind: 'free' }
  | { kind: 'limit'; bytesPerSecond: number }
  /** Nothing is sent at all. */
  | { kind: 'pause' }

export interface Timetable {
  /** Bytes a second where no rule says anything else; null: no limit. */
  bytesPerSecond: number | null
  /** The first that covers a moment decides. */
  schedule: readonly SendRule[]
}

const MINUTE_MS = 60_000
const HALF_HOUR_MS = 30 * MINUTE_MS
const DAY_MINUTES = 24 * 60
const DAYS_AHEAD = 8
/** By how much clocks are put forward and back: an hour, on Lord Howe Island half of one (tz database). */
const SHIFTS_MS = [0, HALF_HOUR_MS, -HALF_HOUR_MS, 2 * HALF_HOUR_MS, -2 * HALF_HOUR_MS]

/** "07:30" as minutes after midnight. */
export function minutesOf(time: string): number {
  const [hours = '0', minutes = '0'] = time.split(':')
  return Number(hours) * 60 + Number(minutes)
}

/**
 * Whether a rule covers a moment of the clock on the wall. A rule that ends at or before its beginning goes on to
 * the next day, which need not be one of its days; the same time twice is a whole day.
 */
function covers({ days, from, to }: SendRule, day: number, minute: number): boolean {
  const begin = minutesOf(from)
  const end = minutesOf(to)
  if (begin < end) return days.includes(day) && minute >= begin && minute < end
  return (days.includes(day) && minute >= begin) || (days.includes((day + 6) % 7) && minute < end)
}

/**
 * What may be sent at a moment, by the clock on the wall of this computer's time zone. Where the clock is put
 * forward, the hour that is left out is in no rule; where it is put back, the hour that comes twice is in the
 * same rules both times.
 */
export function allowanceAt({ bytesPerSecond, schedule }: Timetable, at: number): Allowance {
  const wall = new Date(at)
  const minute = wall.getHours() * 60 + wall.getMinutes()
  const rule = schedule.find((one) => covers(one, wall.getDay(), minute))
  if (rule?.allow === 'pause') return { kind: 'pause' }
  const limit = rule === undefined ? bytesPerSecond : rule.allow === 'free' ? null : rule.allow
  return limit === null ? { kind: 'free' } : { kind: 'limit', bytesPerSecond: limit }
}

export function sameAllowance(a: Allowance, b: Allowance): boolean {
  const rate = (one: Allowance) => (one.kind === 'limit' ? one.bytesPerSecond : null)
  return a.kind === b.kind && rate(a) === rate(b)
}

/**
 * When the allowance of `at` ends, in milliseconds since 1970; null: not within the next week. Moments that are
 * no change are only looked at once more, so more of them are named here than are needed.
 */
export function nextChange(timetable: Timetable, at: number): number | null {
  if (timetable.schedule.length === 0) return null
  const now = allowanceAt(timetable, at)
  const today = new Date(at)
  const moments = new Set<number>()
  for (let day = 0; day < DAYS_AHEAD; day += 1) {
    for (const { from, to } of timetable.schedule) {
      for (const minutes of [minutesOf(from), minutesOf(to), DAY_MINUTES]) {
        const date = new Date(today.getFullYear(), today.getMonth(), today.getDate() + day, 0, minutes)
        for (const shift of SHIFTS_MS) moments.add(date.getTime() + shift)
      }
    }
  }
  // Clocks are put forward and back at full or half hours: what is covered may change there, too.
  const firstHalf = Math.ceil(at / HALF_HOUR_MS) * HALF_HOUR_MS
  for (let half = 0; half < DAYS_AHEAD * 48; half += 1) {
    const moment = firstHalf + half * HALF_HOUR_MS
    const before = new Date(moment - 1).getTimezoneOffset()
    if (new Date(moment).getTimezoneOffset() !== before) moments.add(moment)
  }
  const later = [...moments].filter((moment) => moment > at).sort((a, b) => a - b)
  return later.find((moment) => !sameAllowance(allowanceAt(timetable, moment), now)) ?? null
}
