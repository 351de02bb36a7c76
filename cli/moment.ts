import { InvalidArgumentError } from 'commander'

/** A day, optionally with a time, as `restore --list` prints it; local time unless a zone is given. */
const FORM = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)?)?$/

/** True for a day that exists: Date.parse reads November 31 as December 1. */
function isDay(day: string): boolean {
  const at = Date.parse(`${day}T00:00Z`)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day)
}

/**
 * Parses a moment as milliseconds since 1970; a day alone means its beginning in local time. Other forms are refused:
 * Date.parse guesses at many texts, and a wrong guess would restore files of another day.
 */
export function parseMoment(text: string): number {
  const [, day = '', time = 'T00:00'] = FORM.exec(text) ?? []
  const at = isDay(day) ? Date.parse(day + time) : Number.NaN
  if (Number.isNaN(at))
    throw new InvalidArgumentError(
      'It must be a time such as 2026-11-20, 2026-11-20T08:15 or 2026-11-20T08:15Z.',
    )
  return at
}

const two = (number: number): string => String(Math.trunc(Math.abs(number))).padStart(2, '0')

/** Formats a local time with its UTC offset, as `parseMoment` reads it: "2026-11-20T16:15:00+08:00". */
export function localTime(at: number): string {
  const east = -new Date(at).getTimezoneOffset()
  const local = new Date(at + east * 60_000).toISOString().slice(0, 19)
  return `${local}${east < 0 ? '-' : '+'}${two(east / 60)}:${two(east % 60)}`
}
