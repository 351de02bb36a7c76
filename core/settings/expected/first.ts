import type { ExpectedFiles } from '../schema.ts'
import { compilePattern } from './pattern.ts'
import { findPeriod, openPeriods, type Period, type Timetable } from './periods.ts'

const MINUTE_MS = 60_000

/** A file that a rule expects. `path`: its name, with "*" for what is open; `due`: milliseconds since 1970. */
export interface NextExpected {
  path: string
  due: number
}

/** When the files of a rule are due: its periods, and the delay after their end. */
export interface DueTimes extends Timetable {
  withinMinutes: number
}

/** Returns a rule's timetable as text. */
export const formatTimetable = ({ everyMinutes, withinMinutes, zone }: DueTimes): string =>
  [everyMinutes, withinMinutes, zone].join(' ')

/** Returns the timetable that `formatTimetable` wrote. */
export function parseTimetable(text: string): DueTimes {
  const [every, within, zone = ''] = text.split(' ')
  return { everyMinutes: Number(every), withinMinutes: Number(within), zone: zone === '' ? null : zone }
}

/** Returns the first period whose file is due after `until`. Pure. */
export function findDueAfter(times: DueTimes, until: number): Period {
  const within = times.withinMinutes * MINUTE_MS
  return findPeriod(openPeriods(times).from(until - within), ({ end }) => end + within > until)
}

/** The judgement of a rule by its earlier timetable. */
export interface Before {
  /** No period that began earlier is expected again. */
  start: number
  /** True if its periods are the same, with another delay; otherwise the rule begins anew. */
  continues: boolean
}

/** Returns what a rule has judged until then, for the same rule with other settings. Pure. */
export function findBefore(earlier: DueTimes, until: number, now: DueTimes): Before {
  const continues = earlier.everyMinutes === now.everyMinutes && earlier.zone === now.zone
  return { start: findDueAfter(earlier, until).start, continues }
}

/**
 * Returns the first file that a rule expects which begins or is changed at `at`, when it began if it is new, and until
 * when its files count as judged. Pure.
 */
export function findFirstExpected(
  rule: ExpectedFiles,
  at: number,
  before: Before | null = null,
): NextExpected & { since: number; until: number } {
  const { isDated, format } = compilePattern(rule.pattern, rule.everyMinutes)
  const periods = openPeriods(rule)
  const within = rule.withinMinutes * MINUTE_MS
  // Without a date, what came earlier in the present period is unknown.
  const since = isDated ? at : findPeriod(periods.from(at), () => true).end + within
  const { start } = findDueAfter(rule, since)
  const from = before === null ? start : before.continues ? before.start : Math.max(before.start, start)
  const first = findPeriod(periods.from(from), (one) => one.start >= from)
  const due = first.end + within
  return { since, until: first.start + within, path: format(first.wall), due }
}
