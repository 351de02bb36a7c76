import type { CommandInput } from '../../../core/agent/contract.ts'
import type { SourceState } from '../../../core/agent/state/schema.ts'
import { type Message, message, type WordKey } from '../../../core/lib/i18n/message.ts'
import { LONGEST_PATTERN, MOST_PATTERNS, unclosedPattern } from '../../../core/settings/patterns.ts'

export type Filters = CommandInput<'previewFilters'>['filters']
export type Priority = SourceState['settings']['priority']

/** A number as typed, and its unit: bytes or seconds per unit. '' if there is none. */
export interface Amount {
  typed: string
  unit: number
}

/** A source's filters as edited in the form. */
export interface Draft {
  /** gitignore patterns, one per line. */
  patterns: string
  hidden: Filters['hidden']
  temporary: Filters['temporary']
  oneFileSystem: boolean
  least: Amount
  most: Amount
  age: Amount
  priority: Priority
}

export const byteUnits = [
  { unit: 1, label: 'window.filters.bytes' },
  { unit: 1024, label: 'window.filters.kib' },
  { unit: 1024 ** 2, label: 'window.filters.mib' },
  { unit: 1024 ** 3, label: 'window.filters.gib' },
] as const satisfies readonly { unit: number; label: WordKey }[]

export const timeUnits = [
  { unit: 1, label: 'window.filters.seconds' },
  { unit: 60, label: 'window.filters.minutes' },
  { unit: 3600, label: 'window.filters.hours' },
  { unit: 86_400, label: 'window.filters.days' },
] as const satisfies readonly { unit: number; label: WordKey }[]

/** The limit of core/settings/schema.ts; the agent checks it too. */
const LONGEST_AGE_SECONDS = 30 * 86_400

export interface ReadDraft {
  /** null while a field is invalid. */
  filters: Filters | null
  problems: Partial<Record<'least' | 'most' | 'age', WordKey>> & { patterns?: Message }
}

export function toDraft(settings: SourceState['settings']): Draft {
  const { ignore, hidden, temporary, oneFileSystem, priority } = settings
  const { minimumBytes, maximumBytes, minimumAgeSeconds } = settings
  return {
    patterns: ignore.join('\n'),
    hidden,
    temporary,
    oneFileSystem,
    least: toAmount(minimumBytes, byteUnits),
    most: toAmount(maximumBytes, byteUnits),
    age: toAmount(minimumAgeSeconds === 0 ? null : minimumAgeSeconds, timeUnits),
    priority,
  }
}

/** Returns only the typed fields that differ from the settings, so that the others follow changes made elsewhere. */
export function keepDiffering(set: Draft, typed: Partial<Draft>): Partial<Draft> {
  const differs = ([field, value]: [string, unknown]) => !isSame(value, set[field as keyof Draft])
  return Object.fromEntries(Object.entries(typed).filter(differs))
}

/** Returns only the changed settings, because the others may be changed elsewhere at the same time. */
export function findChanges(
  settings: SourceState['settings'],
  wanted: Filters & { priority: Priority },
): Partial<typeof wanted> {
  const differs = ([key, value]: [string, unknown]) => !isSame(value, settings[key as keyof typeof wanted])
  return Object.fromEntries(Object.entries(wanted).filter(differs))
}

const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

/** Converts to the largest unit that yields a whole number. */
export function toAmount(value: number | null, units: readonly { unit: number }[]): Amount {
  const fitting = units.filter(({ unit }) => value !== null && value !== 0 && value % unit === 0)
  const unit = fitting.at(-1)?.unit ?? 1
  return { typed: value === null ? '' : String(value / unit), unit }
}

/** Converts the draft to filters, or returns its problems. */
export function readDraft({
  patterns,
  hidden,
  temporary,
  oneFileSystem,
  least,
  most,
  age,
}: Draft): ReadDraft {
  const ignore = patterns.split(/\r?\n/).filter((line) => line.trim() !== '')
  const minimumBytes = readAmount(least, Number.MAX_SAFE_INTEGER)
  const maximumBytes = readAmount(most, Number.MAX_SAFE_INTEGER)
  const ageSeconds = readAmount(age, LONGEST_AGE_SECONDS)
  const problems: ReadDraft['problems'] = {}
  if (ignore.length > MOST_PATTERNS || ignore.some((line) => line.length > LONGEST_PATTERN))
    problems.patterns = message('window.filters.tooManyPatterns')
  const pattern = unclosedPattern(ignore)
  if (pattern !== null) problems.patterns = message('refuse.unclosedPattern', { pattern })
  if (minimumBytes === 'wrong') problems.least = 'window.filters.wrongSize'
  if (maximumBytes === 'wrong') problems.most = 'window.filters.wrongSize'
  if (ageSeconds === 'wrong') problems.age = 'window.filters.wrongAge'
  if (minimumBytes === 'wrong' || maximumBytes === 'wrong' || ageSeconds === 'wrong')
    return { filters: null, problems }
  if (minimumBytes !== null && maximumBytes !== null && minimumBytes > maximumBytes)
    problems.most = 'window.filters.emptyRange'
  const sizes = { minimumBytes, maximumBytes }
  const filters = { ignore, hidden, temporary, oneFileSystem, ...sizes, minimumAgeSeconds: ageSeconds ?? 0 }
  return { filters: Object.keys(problems).length === 0 ? filters : null, problems }
}

/** Returns bytes or seconds; null if the field is empty. */
export function readAmount({ typed, unit }: Amount, most: number): number | null | 'wrong' {
  if (typed.trim() === '') return null
  const value = Math.round(Number(typed) * unit)
  return Number.isFinite(value) && value >= 0 && value <= most ? value : 'wrong'
}
