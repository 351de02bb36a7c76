import { InvalidArgumentError } from 'commander'

/** A day, or a day and a time of it as `restore --list` writes it; without a zone it is the time here. */
const FORM = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)?)?$/

/** Date.parse takes November 31 for December 1. */
function isDay(day: string): boolean {
  const at = Date.parse(`${day}T00:00Z`)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day)
}

/**
 * A moment in milliseconds since 1970; a day alone is its beginning here, not in Greenwich. Only what was surely meant
 * is taken: of other words Date.parse makes a moment of its own, and files of another day would be brought back.
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

/** As people read their clock, with its distance from Greenwich, so that `parseMoment` takes it: "2026-11-20T16:15:00+08:00". */
export function localTime(at: number): string {
  const east = -new Date(at).getTimezoneOffset()
  const local = new Date(at + east * 60_000).toISOString().slice(0, 19)
  return `${local}${east < 0 ? '-' : '+'}${two(east / 60)}:${two(east % 60)}`
}
