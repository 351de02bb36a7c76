import { parseSeconds } from './i18n/formats.ts'

/** A day, optionally with a time, as `restore --list` prints it; local time unless a zone is given. */
const FORM = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)?)?$/

/** True for a day that exists: Date.parse reads November 31 as December 1. */
function isDay(day: string): boolean {
  const at = Date.parse(`${day}T00:00Z`)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day)
}

/**
 * Parses a moment as milliseconds since 1970; a day alone means its beginning in local time. Returns null for other
 * forms: Date.parse guesses at many texts, and a wrong guess would restore files of another day.
 */
export function parseIsoMoment(text: string): number | null {
  const [, day = '', time = 'T00:00'] = FORM.exec(text) ?? []
  const at = isDay(day) ? Date.parse(day + time) : Number.NaN
  return Number.isNaN(at) ? null : at
}

/**
 * Parses a moment, or how long ago one was (`2h`, `30d`), as milliseconds since 1970; null: it is neither. A unit is
 * required.
 */
export function parsePast(text: string, now: number): number | null {
  const ago = /[smhd]$/i.test(text) ? parseSeconds(text) : null
  return ago === null ? parseIsoMoment(text) : Math.max(0, Math.round(now - ago * 1_000))
}
