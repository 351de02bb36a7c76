import type { ExpectedFiles } from '../schema.ts'
import { compilePattern } from './pattern.ts'
import { findPeriod, openPeriods } from './periods.ts'

const MINUTE_MS = 60_000

/** A file that a rule expects. `path`: its name, with "*" for what is open; `due`: milliseconds since 1970. */
export interface NextExpected {
  path: string
  due: number
}

/** Returns a rule's timetable as text. A rule with another one begins anew. */
export const formatTimetable = ({ everyMinutes, withinMinutes, zone }: ExpectedFiles): string =>
  [everyMinutes, withinMinutes, zone].join(' ')

/** Returns the first file that a rule expects which begins at `at`, and when its files begin to be expected. Pure. */
export function findFirstExpected(rule: ExpectedFiles, at: number): NextExpected & { since: number } {
  const { isDated, format } = compilePattern(rule.pattern, rule.everyMinutes)
  const periods = openPeriods(rule)
  const within = rule.withinMinutes * MINUTE_MS
  // Without a date, what came earlier in the present period is unknown.
  const since = isDated ? at : findPeriod(periods.from(at), () => true).end + within
  const { wall, end } = findPeriod(periods.from(since - within), (one) => one.end + within > since)
  return { since, path: format(wall), due: end + within }
}
