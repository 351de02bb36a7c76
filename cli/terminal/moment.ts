import { InvalidArgumentError } from 'commander'
import { parsePast } from '../../core/lib/moment.ts'

/** Parses a time such as that of --since or --at, as milliseconds since 1970. */
export function parseTime(text: string): number {
  const at = parsePast(text, Date.now())
  if (at === null)
    throw new InvalidArgumentError(
      "It must be a time such as 2h, 30d, yesterday, 'yesterday 14:00', 2026-11-20 or 2026-11-20T08:15.",
    )
  return at
}

const two = (number: number): string => String(Math.trunc(Math.abs(number))).padStart(2, '0')

/** Formats a local time with its UTC offset, as `parseTime` reads it: "2026-11-20T16:15:00+08:00". */
export function localTime(at: number): string {
  const east = -new Date(at).getTimezoneOffset()
  const local = new Date(at + east * 60_000).toISOString().slice(0, 19)
  return `${local}${east < 0 ? '-' : '+'}${two(east / 60)}:${two(east % 60)}`
}
