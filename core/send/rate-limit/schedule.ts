import { z } from 'zod'
import type { SendRule } from '../../settings/schema.ts'

/** The limit on sending at one moment, by the settings' rate limit and schedule. */
const allowanceSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('free') }),
  z.object({ kind: z.literal('limit'), bytesPerSecond: z.number() }),
  /** Sending is paused. */
  z.object({ kind: z.literal('pause') }),
])
export type Allowance = z.infer<typeof allowanceSchema>

/** `until`: the time of the next change (milliseconds since 1970); null: not within a week. */
export const allowanceNowSchema = z.object({ now: allowanceSchema, until: z.number().nullable() })
type AllowanceNow = z.infer<typeof allowanceNowSchema>

export interface SpeedSchedule {
  /** Bytes a second where no rule applies; null: no limit. */
  bytesPerSecond: number | null
  /** The first rule that covers a moment decides. */
  schedule: readonly SendRule[]
}

const MINUTE_MS = 60_000
const MINUTES_AHEAD = 8 * 24 * 60

/** Returns "07:30" as minutes after midnight. */
export function parseMinutes(time: string): number {
  const [hours = '0', minutes = '0'] = time.split(':')
  return Number(hours) * 60 + Number(minutes)
}

/**
 * True if a rule covers a moment of the wall clock. A rule whose end is not after its beginning extends into the next
 * day, which need not be one of its days; equal times mean a whole day.
 */
function covers({ days, from, to }: SendRule, day: number, minute: number): boolean {
  const begin = parseMinutes(from)
  const end = parseMinutes(to)
  if (begin < end) return days.includes(day) && minute >= begin && minute < end
  return (days.includes(day) && minute >= begin) || (days.includes((day + 6) % 7) && minute < end)
}

/**
 * Returns the allowance at a moment, by the wall clock of this computer's time zone. If the clock is put forward, no
 * rule covers the skipped hour; if it is put back, the same rules cover the repeated hour both times.
 */
export function allowanceAt(timetable: SpeedSchedule, at: number): Allowance {
  const wall = new Date(at)
  return allowanceOn(timetable, wall.getDay(), wall.getHours() * 60 + wall.getMinutes())
}

/** Returns the allowance on a day of the week (0 is Sunday), at a minute after midnight. */
export function allowanceOn(
  { bytesPerSecond, schedule }: SpeedSchedule,
  day: number,
  minute: number,
): Allowance {
  const rule = schedule.find((one) => covers(one, day, minute))
  if (rule?.allow === 'pause') return { kind: 'pause' }
  const limit = rule === undefined ? bytesPerSecond : rule.allow === 'free' ? null : rule.allow
  return limit === null ? { kind: 'free' } : { kind: 'limit', bytesPerSecond: limit }
}

export function sameAllowance(a: Allowance, b: Allowance): boolean {
  const rate = (one: Allowance) => (one.kind === 'limit' ? one.bytesPerSecond : null)
  return a.kind === b.kind && rate(a) === rate(b)
}

/**
 * Returns when the allowance of `at` ends, in milliseconds since 1970; null: not within the next week. Checks each
 * minute, because clock changes also occur at full minutes.
 */
export function nextChange(timetable: SpeedSchedule, at: number): number | null {
  if (timetable.schedule.length === 0) return null
  const now = allowanceAt(timetable, at)
  const first = Math.floor(at / MINUTE_MS) + 1
  for (let minute = first; minute < first + MINUTES_AHEAD; minute += 1)
    if (!sameAllowance(allowanceAt(timetable, minute * MINUTE_MS), now)) return minute * MINUTE_MS
  return null
}

/**
 * Returns the allowance of `at` and its end.
 * @param before an earlier result for the same timetable, whose end is kept as long as it lasts
 */
export function readAllowance(timetable: SpeedSchedule, at: number, before?: AllowanceNow): AllowanceNow {
  const now = allowanceAt(timetable, at)
  const lasts =
    before !== undefined && sameAllowance(now, before.now) && (before.until === null || at < before.until)
  return lasts ? before : { now, until: nextChange(timetable, at) }
}
