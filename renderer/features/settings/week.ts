import {
  type Allowance,
  allowanceOn,
  parseMinutes,
  type SpeedSchedule,
  sameAllowance,
} from '../../../core/send/rate-limit/schedule.ts'

export const DAY_MINUTES = 24 * 60

/** A span of a day with the same allowance, in minutes after midnight; `to` is exclusive. */
export interface Span {
  from: number
  to: number
  allowance: Allowance
}

/** Returns the spans of a day of the week (0 is Sunday), as the sender evaluates the rules, in order of time. */
export function daySpans(timetable: SpeedSchedule, day: number): Span[] {
  const edges = timetable.schedule.flatMap(({ from, to }) => [parseMinutes(from), parseMinutes(to)])
  const begins = [...new Set([0, ...edges])].sort((one, other) => one - other)
  const spans: Span[] = []
  for (const [index, from] of begins.entries()) {
    const to = begins[index + 1] ?? DAY_MINUTES
    const allowance = allowanceOn(timetable, day, from)
    const last = spans.at(-1)
    if (last !== undefined && sameAllowance(last.allowance, allowance)) last.to = to
    else spans.push({ from, to, allowance })
  }
  return spans
}

/** Formats a minute of the day as "08:00"; the end of the day is "24:00". */
export function clockText(minute: number): string {
  const two = (value: number) => String(value).padStart(2, '0')
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`
}
