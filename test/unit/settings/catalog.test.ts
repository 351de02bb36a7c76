import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { changeableSettingsSchema } from '../../../core/agent/parts/settings/contract.ts'
import { languages, textsOf } from '../../../core/lib/i18n/dictionaries.ts'
import { otherSettings, type SettingKey, settingKeys } from '../../../core/settings/catalog.ts'
import { withSettingsChanged } from '../../../core/settings/changes.ts'
import { parseProposal } from '../../../core/settings/proposal.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'
import {
  getRange,
  getUsual,
  parseSetting,
  proposableKeys,
  readSetting,
  toChanges,
} from '../../../core/settings/values.ts'

/** Lists the paths of the fields, down to those that are no groups. */
function listPaths(schema: z.ZodObject): string[] {
  return Object.entries(schema.shape).flatMap(([name, field]) => {
    const inner = field instanceof z.ZodDefault || field instanceof z.ZodPrefault ? field.unwrap() : field
    return inner instanceof z.ZodObject ? listPaths(inner).map((path) => `${name}.${path}`) : [name]
  })
}

test('settings table: every setting of the schema is in it or among the exceptions, and nothing else is', () => {
  const all = listPaths(settingsSchema)
  const exceptions = Object.keys(otherSettings)
  const isException = (path: string) => exceptions.some((one) => path === one || path.startsWith(`${one}.`))
  expect(all.filter((path) => !isException(path)).sort()).toEqual([...settingKeys].sort())
  expect(exceptions.filter((one) => !all.some((path) => path === one || path.startsWith(`${one}.`)))).toEqual(
    [],
  )
})

test.each(languages)(
  'settings table: every setting has a label, a hint and words for its choices in %s',
  (language) => {
    const texts = textsOf(language)
    const isLanguage = (value: string) => languages.some((one) => one === value)
    const keys = settingKeys.flatMap((key) => {
      const range = getRange(key)
      const choices = range.kind === 'choice' ? range.choices.filter((value) => !isLanguage(value)) : []
      return ['', '.hint', ...choices.map((value) => `.${value}`)].map((end) => `setting.${key}${end}`)
    })
    expect(keys.filter((key) => !texts[key])).toEqual([])
  },
)

/** Values that are not the default, as they are typed. */
const typed: Partial<Record<SettingKey, string>> = {
  'alerts.quietHours': '22:00-07:00',
  language: 'zh-TW',
  theme: 'dark',
  'send.bytesPerSecond': '10M',
  'alerts.labels.project': 'P-1',
  'alerts.labels.resource': 'R-1',
}

test.each(settingKeys)('settings table: %s is changed alone, and reset', (key) => {
  const settings = settingsSchema.parse({})
  const usual = getUsual(key)
  expect(readSetting(settings, key)).toEqual(usual)
  const other = typeof usual === 'boolean' ? (usual ? 'off' : 'on') : String(Number(usual) + 1)
  const value = parseSetting(key, typed[key] ?? other)
  expect(value).not.toEqual(usual)
  const changed = withSettingsChanged(settings, changeableSettingsSchema.parse(toChanges(key, value)))
  expect(readSetting(changed, key)).toEqual(value)
  expect(withSettingsChanged(changed, toChanges(key, parseSetting(key, 'default')))).toEqual(settings)
})

describe('typed settings', () => {
  test.each<[SettingKey, string, unknown]>([
    ['check.intervalSeconds', '30', 30],
    ['check.intervalSeconds', '5m', 300],
    ['check.intervalSeconds', '2h', undefined],
    ['check.intervalSeconds', '1.5', undefined],
    ['check.intervalSeconds', '0', undefined],
    ['check.intervalSeconds', 'none', undefined],
    ['check.intervalSeconds', '', undefined],
    ['check.slowSeconds', '0.5', 0.5],
    ['alerts.unreachableMinutes', '90s', 1.5],
    ['alerts.unreachableMinutes', '5', 5],
    ['keep.withinDays', '7d', 7],
    ['keep.withinDays', '36h', undefined],
    ['keep.weekly', '4', 4],
    ['keep.weekly', '4d', undefined],
    ['events.keepRows', '1e5', undefined],
    ['check.diskHealth', 'off', false],
    ['check.diskHealth', 'maybe', undefined],
    ['send.bytesPerSecond', '10M', 10 * 1024 ** 2],
    ['send.bytesPerSecond', '500K/s', 500 * 1024],
    ['send.bytesPerSecond', 'none', null],
    ['send.bytesPerSecond', '10', undefined],
    ['theme', 'light', 'light'],
    ['theme', 'none', undefined],
    ['send.bytesPerSecond', 'off', null],
    ['alerts.quietHours', '22:00-07:00', { from: '22:00', to: '07:00' }],
    ['alerts.quietHours', '07:00-07:00', undefined],
    ['alerts.quietHours', '22:00', undefined],
    ['alerts.quietHours', '22:00-07:00-08:00', undefined],
    ['alerts.labels.project', ' none ', 'none'],
    ['alerts.labels.project', 'x'.repeat(201), undefined],
  ])('%s: "%s" is %j', (key, text, value) => expect(parseSetting(key, text)).toEqual(value))
})

test('settings table: a receiver may propose the marked settings, and no other', () => {
  const isAccepted = (key: SettingKey) => {
    const value = key === 'send.bytesPerSecond' ? 2_048 : getUsual(key)
    try {
      return parseProposal(JSON.stringify(toChanges(key, value))) !== null
    } catch {
      return false
    }
  }
  expect(settingKeys.filter(isAccepted)).toEqual(proposableKeys)
  expect([...proposableKeys].sort()).toEqual([
    'check.intervalSeconds',
    'scan.reconcileSeconds',
    'send.bytesPerSecond',
  ])
})

test('typed values: a text that is no value is refused for every setting, and removes no limit', () => {
  const wrong = ['', ' ', '10X', '-5', 'NaN', '1e400', 'nonsense', '9'.repeat(400), '1,5', '１０', 'null']
  const taken = settingKeys.flatMap((key) =>
    getRange(key).kind === 'text'
      ? []
      : wrong.filter((text) => parseSetting(key, text) !== undefined).map((text) => `${key} ${text}`),
  )
  expect(taken).toEqual([])
})
