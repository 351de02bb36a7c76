import { InvalidArgumentError } from 'commander'
import type { ZodType } from 'zod'
import { templateNames } from '../../core/alerts/channels/catalog.ts'
import { LONGEST_LOCK_DAYS } from '../../core/backends/fields.ts'
import { parseSeconds, parseSize } from '../../core/lib/i18n/formats.ts'
import { LONGEST_AGE_SECONDS, LONGEST_PAUSE_MINUTES } from '../../core/settings/bounds.ts'
import { LONGEST_PATTERN, MOST_PATTERNS } from '../../core/settings/patterns.ts'

const DAY_SECONDS = 86_400

// Parsers for the options of several commands. Commander passes a word and the value collected so far.

export const collect = (word: string, before: string[] | false = []): string[] => [...(before || []), word]

export function collectPatterns(pattern: string, before?: string[] | false): string[] {
  if (pattern.trim() === '') throw new InvalidArgumentError('It must not be empty.')
  if (pattern.length > LONGEST_PATTERN)
    throw new InvalidArgumentError(`A pattern has at most ${LONGEST_PATTERN} characters.`)
  const patterns = collect(pattern, before)
  if (patterns.length > MOST_PATTERNS)
    throw new InvalidArgumentError(`At most ${MOST_PATTERNS} patterns can be given.`)
  return patterns
}

/** Turns a setting off. Not null: commander reads null as an option that was not given, and makes it empty. */
export const NONE = 'none'

/** Parses a size in bytes, or no limit. */
export function parseSizeOption(text: string): number | typeof NONE {
  if (text === NONE) return NONE
  const bytes = parseSize(text)
  const isPartOfByte = /^\d+\.\d+$/.test(text.trim())
  if (bytes === null || isPartOfByte)
    throw new InvalidArgumentError('It must be a size such as 10K or 1.5G, or "none".')
  return bytes
}

/** Returns the setting for an option's value; undefined if the option was not given. */
export const toSetting = <T>(given: T | typeof NONE | undefined): T | null | undefined =>
  given === NONE ? null : given

/** Converts the text of a number; NaN if it is none. JavaScript would read an empty text as 0, and 0x10 as 16. */
export const toNumber = (text: string): number => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN)

/**
 * Returns the parser of an option whose values a schema of the settings has.
 * @param wanted completes "It must be …".
 * @param read converts the text before the schema checks it.
 */
export const parserBy =
  <T>(schema: ZodType<T>, wanted: string, read: (text: string) => unknown = toNumber) =>
  (text: string): NonNullable<T> => {
    const { data } = schema.safeParse(read(text))
    if (data == null) throw new InvalidArgumentError(`It must be ${wanted}.`)
    return data
  }

/** Parses the days of a lock, or no lock. */
export function parseLock(text: string): number | typeof NONE {
  if (text === NONE) return NONE
  const days = (parseSeconds(text) ?? Number.NaN) / DAY_SECONDS
  if (!/\d\s*d$/.test(text) || !Number.isInteger(days) || days < 1 || days > LONGEST_LOCK_DAYS)
    throw new InvalidArgumentError('It must be whole days such as 90d, at least 1d, or "none".')
  return days
}

/** Parses the prefix of batch directory names. */
export function parsePrefix(text: string): string {
  if (text.includes('/'))
    throw new InvalidArgumentError('It is the beginning of a name: there is no / in it.')
  return text
}

/** Parses the seconds that a file waits after its last change. */
export function parseMinimumAge(text: string): number {
  const seconds = parseSeconds(text)
  if (seconds === null || !(seconds >= 0 && seconds <= LONGEST_AGE_SECONDS))
    throw new InvalidArgumentError('It must be a time such as 90s, 30m or 12h, at most 30d.')
  return seconds
}

/** Parses a name. */
export function parseName(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It must not be empty.')
  return text
}

/** Parses a message template: `\\n` stands for a new line, names in braces for values. */
export function parseTemplate(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It must not be empty.')
  const unknown = text.match(/\{\w+\}/g)?.find((word) => !templateNames.some((name) => word === `{${name}}`))
  if (unknown !== undefined) {
    const known = templateNames.map((name) => `{${name}}`).join(', ')
    throw new InvalidArgumentError(`${unknown} is not one of ${known}.`)
  }
  return text.replaceAll('\\n', '\n')
}

/** Parses a timeout, in seconds. */
export function parseTimeout(text: string): number {
  const seconds = parseSeconds(text) ?? 0
  if (!(seconds > 0 && seconds <= 86_400))
    throw new InvalidArgumentError('It must be a time such as 90s or 30m, above 0, at most 1d.')
  return seconds
}

/** Parses the length of a pause of notifications or of sending, in minutes. */
export function parsePause(text: string): number {
  const minutes = minutesIn(text)
  if (minutes > 0 && minutes <= LONGEST_PAUSE_MINUTES) return minutes
  throw new InvalidArgumentError('It must be a time such as 30m, 4h or 1d, at most 7d.')
}

/** Parses a span in minutes; NaN if invalid. A unit is required: `parseSeconds` reads a bare number as seconds. */
export function minutesIn(text: string): number {
  return /\d$/.test(text.trim()) ? Number.NaN : (parseSeconds(text) ?? Number.NaN) / 60
}
