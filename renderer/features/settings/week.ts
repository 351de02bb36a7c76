import {
  type Allowance,
  allowanceOn,
  minutesOf,
  type SpeedSchedule,
  sameAllowance,
} from '../../../core/send/rate-limit/schedule.ts'

export const DAY_MINUTES = 24 * 60

/** A time of one day, in minutes after midnight, in which the same may be sent; `to` is not included. */
export interface Span {
  from: number
  to: number
  allowance: Allowance
}

/** A whole day of the week (0 is Sunday) as the sender itself decides it, in the order of the clock. */
export function daySpans(timetable: SpeedSchedule, day: number): Span[] {
  const edges = timetable.schedule.flatMap(({ from, to }) => [minutesOf(from), minutesOf(to)])
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

/** "08:00"; the end of the day is "24:00". */
export function clockText(minute: number): string {
  const two = (value: number) => String(value).padStart(2, '0')
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`
}
