import { InvalidArgumentError } from 'commander'
import { type Message, message, type WordKey } from '../../core/lib/i18n/message.ts'
import { createWords } from '../../core/lib/i18n/words.ts'
import {
  type PlainSetting,
  plainSettings,
  type SettingKey,
  type Unit,
  units,
} from '../../core/settings/catalog.ts'
import { getRange, parseSetting, type SettingValue } from '../../core/settings/values.ts'
import { rateText } from '../send/send-rule.ts'
import { NONE } from './option-words.ts'
import { quoteControls } from './quote-controls.ts'
import { translate } from './terminal-words.ts'

// Values and ranges of settings in words, for commands and docs/settings.md. A range has the words to type.

type Translate = (key: WordKey, params?: Message['params']) => string

function getUnit(key: SettingKey): Unit {
  const { unit }: PlainSetting = plainSettings[key]
  return unit === undefined ? {} : units[unit]
}

function unitText(key: SettingKey, t: Translate): string {
  const { word } = getUnit(key)
  return word === undefined ? '' : t(word)
}

export function valueText(key: SettingKey, value: unknown, t: Translate = translate): string {
  if (value === null) return t('settings.import.none')
  if (value === '') return '-'
  if (typeof value === 'boolean') return t(value ? 'settings.import.on' : 'settings.import.off')
  if (typeof value === 'object') return Object.values(value).join('-')
  if (typeof value !== 'number') return quoteControls(String(value))
  return getRange(key).kind === 'rate' ? rateText(value) : `${value} ${unitText(key, t)}`.trim()
}

/** Describes the values that a setting takes. */
export function rangeText(key: SettingKey, t: Translate = translate): string {
  const text = toText()
  return getRange(key).isOptional ? t('cli.setting.orNone', { range: text }) : text

  function toText(): string {
    const range = getRange(key)
    if (range.kind === 'choice') return range.choices.join(', ')
    if (range.kind === 'text') return t('cli.setting.text', { most: range.most })
    if (range.kind === 'rate') return t('cli.setting.rate', { least: rateText(range.least) })
    if (range.kind !== 'number') return t(`cli.setting.${range.kind}`)
    const { least, most, whole } = range
    const unit = unitText(key, t)
    const numbers = t(whole ? 'cli.setting.whole' : 'cli.setting.number', { least, most })
    return unit === '' ? numbers : t('cli.setting.withUnit', { range: numbers, unit })
  }
}

type Typed<Value> = null extends Value ? NonNullable<Value> | typeof NONE : Value

/** For wrong options, which commander reports in English, and for docs/settings.md. */
export const english: Translate = (key, params = {}) => createWords('en')(message(key, params))

/**
 * Returns the parser of an option that sets a setting.
 * @param ofTime true: a number needs a unit of time, because the option's name does not have it.
 */
export const parserOf =
  <K extends SettingKey>(key: K, { ofTime = false } = {}) =>
  (text: string): Typed<SettingValue<K>> => {
    const value = ofTime && /^[\d.]+$/.test(text) ? undefined : parseSetting(key, text)
    if (value === undefined) {
      const time = ofTime ? 'a time such as 90s, 5m, 2h or 30d: ' : ''
      throw new InvalidArgumentError(`It must be ${time}${rangeText(key, english)}.`)
    }
    return (value ?? NONE) as Typed<SettingValue<K>>
  }
