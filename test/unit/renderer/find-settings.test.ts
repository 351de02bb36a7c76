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
])('a search for "%s" finds %j', (search, expected) => expect(find(search)).toEqual(expected))

test('a search is in the language of the window, and an empty one finds everything', () => {
  expect(find('語言', chinese)).toEqual(['language'])
  expect(find('  ')).toEqual(Object.keys(settingsIndex))
})

test('every setting that a view may change has a name for people', () => {
  const names = Object.entries(changeableSettingsSchema.shape).flatMap(([group, schema]) => {
    const inner = schema.unwrap()
    return 'shape' in inner ? Object.keys(inner.shape).map((name) => `${group}.${name}`) : [group]
  })
  expect(names.filter((name) => settingNames[name] === undefined)).toEqual([])
})

test('the defaults that are shown are those of the settings', () => {
  expect(usualNumbers).toEqual({
    ...{ interval: 10, slow: 2, reconcile: 300, quiet: 5, retry: 60, versions: 12, unreachable: 5 },
    ...{ withinDays: 30, daily: 60, weekly: 52, monthly: 60, yearly: 100 },
  })
})
