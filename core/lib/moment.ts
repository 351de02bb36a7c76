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

const DAY_WORDS: ReadonlyMap<string, number> = new Map([
  ['today', 0],
  ['yesterday', -1],
  ['今天', 0],
  ['昨天', -1],
])

/**
 * Parses a moment, a time of today or yesterday (`yesterday`, `yesterday 14:00`), or how long ago one was (`2h`, `30d`), as
 * milliseconds since 1970; null: it is none of them. A unit is required.
 */
export function parsePast(text: string, now: number): number | null {
  const span = text.replace(/\s*(?:ago|前)$/, '')
  const ago = /[smhd]$/i.test(span) ? parseSeconds(span) : null
  if (ago !== null) return Math.max(0, Math.round(now - ago * 1_000))
  const [, word = '', hour = '0', minute = '0'] = /^(\p{L}+)(?:\s*(\d\d?):(\d\d))?$/u.exec(text) ?? []
  const days = DAY_WORDS.get(word.toLowerCase())
  if (days === undefined) return parseIsoMoment(text.replace(/\s+/, 'T'))
  if (Number(hour) > 23 || Number(minute) > 59) return null
  const day = new Date(now)
  day.setDate(day.getDate() + days)
  return day.setHours(Number(hour), Number(minute), 0, 0)
}
