import { z } from 'zod'
import { parseRate, parseSeconds } from '../lib/i18n/formats.ts'
import {
  type PlainSetting,
  plainSettings,
  type SettingKey,
  settingKeys,
  type Unit,
  units,
} from './catalog.ts'
import { defaultSettings, type Settings, settingsSchema } from './schema.ts'

// Values of the settings in catalog.ts: their schemas, and how they are read, changed and typed. Pure.

type ValueAt<T, Path extends string> = Path extends `${infer Group}.${infer Rest}`
  ? Group extends keyof T
    ? ValueAt<T[Group], Rest>
    : never
  : Path extends keyof T
    ? T[Path]
    : never
export type SettingValue<K extends SettingKey> = ValueAt<Settings, K>
type KeysOf<Value> = { [K in SettingKey]: SettingValue<K> extends Value ? K : never }[SettingKey]
export type NumberKey = KeysOf<number>
/** The settings of which a proposal may have some, by their groups. */
export const proposableKeys: readonly SettingKey[] = settingKeys.filter(
  (key) => (plainSettings[key] as PlainSetting).isProposable,
)

/** Removes the default of a field or a group. */
const unwrap = (field: z.ZodType): z.ZodType =>
  field instanceof z.ZodDefault || field instanceof z.ZodPrefault ? (field.unwrap() as z.ZodType) : field

/** Returns the schema of a setting, without its default. */
export const getSchema = (key: SettingKey): z.ZodType =>
  key
    .split('.')
    .reduce<z.ZodType>(
      (group, name) => unwrap((group as z.ZodObject).shape[name] as z.ZodType),
      settingsSchema,
    )

export const getNumberSchema = (key: NumberKey): z.ZodNumber => getSchema(key) as z.ZodNumber

/** Returns the present value. */
export const readSetting = <K extends SettingKey>(settings: object, key: K): SettingValue<K> =>
  key
    .split('.')
    .reduce<unknown>((group, name) => Reflect.get(group as object, name), settings) as SettingValue<K>

/** Returns the default. */
export const getUsual = <K extends SettingKey>(key: K): SettingValue<K> => readSetting(defaultSettings, key)

/** Returns the change that sets it, as the command `changeSettings` takes it. */
export const toChanges = (key: SettingKey, value: unknown): object =>
  key.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object

export interface Limits {
  least: number
  most: number
  whole: boolean
}

export function getLimits({ minValue, maxValue, format }: z.ZodNumber): Limits {
  return { least: minValue ?? 0, most: maxValue ?? Number.MAX_SAFE_INTEGER, whole: format === 'safeint' }
}

/** The values that a setting takes. */
export type SettingRange = { isOptional: boolean } & (
  | ({ kind: 'number' } & Limits)
  | { kind: 'rate'; least: number }
  | { kind: 'switch' }
  | { kind: 'choice'; choices: readonly string[] }
  | { kind: 'text'; most: number }
  | { kind: 'times' }
)

export function getRange(key: SettingKey): SettingRange {
  const given = getSchema(key)
  const isOptional = given instanceof z.ZodNullable
  const schema = isOptional ? given.unwrap() : given
  if (schema instanceof z.ZodNumber)
    return (plainSettings[key] as PlainSetting).unit === 'bytesPerSecond'
      ? { kind: 'rate', isOptional, least: getLimits(schema).least }
      : { kind: 'number', isOptional, ...getLimits(schema) }
  if (schema instanceof z.ZodBoolean) return { kind: 'switch', isOptional }
  if (schema instanceof z.ZodEnum) return { kind: 'choice', isOptional, choices: schema.options.map(String) }
  if (schema instanceof z.ZodString) return { kind: 'text', isOptional, most: schema.maxLength ?? 0 }
  return { kind: 'times', isOptional }
}

const DEFAULT = 'default'
const NONE = ['none', 'off']
const SWITCHES: Readonly<Record<string, boolean>> = { on: true, off: false, true: true, false: false }

/**
 * Parses a typed value: 10, 30s, 5m, 10M, on, off, 22:00-07:00, "none" where a setting may be without value, and
 * "default".
 * @returns undefined if the schema does not allow it
 */
export function parseSetting<K extends SettingKey>(key: K, typed: string): SettingValue<K> | undefined {
  const text = typed.trim()
  if (text === DEFAULT) return getUsual(key)
  const range = getRange(key)
  const value = range.isOptional && NONE.includes(text) ? null : parseAs(range, key, text)
  const parsed = getSchema(key).safeParse(value)
  return parsed.success ? (parsed.data as SettingValue<K>) : undefined
}

function parseAs({ kind }: SettingRange, key: SettingKey, text: string): unknown {
  if (kind === 'number') return parseNumber(plainSettings[key], text)
  // null would be "none".
  if (kind === 'rate') return parseRate(text) ?? undefined
  if (kind === 'switch') return SWITCHES[text]
  if (kind !== 'times') return text
  const [from, to, ...others] = text.split('-')
  return others.length > 0 || from === to ? undefined : { from, to }
}

/** Parses a number of the setting's unit, or a time that is converted to it. */
function parseNumber({ unit }: PlainSetting, text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text)
  const { seconds }: Unit = unit === undefined ? {} : units[unit]
  const parsed = parseSeconds(text)
  return seconds === undefined || parsed === null ? undefined : parsed / seconds
}
