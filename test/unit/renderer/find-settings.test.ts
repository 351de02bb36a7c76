import { expect, test } from 'vitest'
import { changeableSettingsSchema } from '../../../core/agent/contract.ts'
import { createWords } from '../../../core/lib/i18n/words.ts'
import { findSettings, settingNames, settingsIndex } from '../../../renderer/features/settings/find.ts'
import { usualNumbers } from '../../../renderer/features/settings/limits.ts'

const english = createWords('en')
const chinese = createWords('zh-TW')
const find = (search: string, say = english) => [...findSettings(search, (key) => say({ key, params: {} }))]

test.each([
  ['login', ['login']],
  ['QUIET', ['quietHours', 'quiet']],
  ['source compared', ['reconcile']],
  ['notification native nothing', []],
])('settings search: "%s" finds %j', (search, expected) => expect(find(search)).toEqual(expected))

test("settings search: terms match in the window's language, and an empty search finds every setting", () => {
  expect(find('語言', chinese)).toEqual(['language'])
  expect(find('  ')).toEqual(Object.keys(settingsIndex))
})

test('settings names: every setting that a view can change has a display name', () => {
  const names = Object.entries(changeableSettingsSchema.shape).flatMap(([group, schema]) => {
    const inner = schema.unwrap()
    return 'shape' in inner ? Object.keys(inner.shape).map((name) => `${group}.${name}`) : [group]
  })
  expect(names.filter((name) => settingNames[name] === undefined)).toEqual([])
})

test('settings defaults: the displayed values are the defaults of the settings', () => {
  expect(usualNumbers).toEqual({
    ...{ interval: 10, slow: 2, reconcile: 300, quiet: 5, retry: 60, versions: 12, unreachable: 5 },
    ...{ withinDays: 30, daily: 60, weekly: 52, monthly: 60, yearly: 100 },
  })
})
