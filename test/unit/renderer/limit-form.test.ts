import { expect, test } from 'vitest'
import {
  daysInWords,
  emptyRule,
  parseRate,
  parseRule,
  toTyped,
} from '../../../renderer/features/settings/limit-form.ts'

test.each([
  ['', 'none'],
  ['  ', 'none'],
  ['1', 1_048_576],
  ['2.5', 2_621_440],
  ['500K', 512_000],
  ['10 MiB/s', 10_485_760],
  ['1G', 1_073_741_824],
  ['500', 524_288_000],
  ['500 T', null],
  ['5x', null],
  ['1,5', null],
  ['0.001', 1049],
  ['0', null],
  ['0.0009', null],
  ['100001', null],
  ['-1', null],
  ['fast', null],
  ['1e400', null],
])('rate field: the typed limit %j is parsed as %s', (typed, expected) => {
  expect(parseRate(typed)).toBe(expected)
})

test.each([1049, 1_048_576, 2_621_440, 5_000_000])(
  'rate field: %i bytes/s is displayed as a number that parses back to nearly the same rate',
  (rate) => {
    expect(Math.abs(Number(parseRate(String(toTyped(rate)))) - rate)).toBeLessThan(rate / 10_000)
  },
)

test.each([
  [
    'the initial values give a rule',
    {},
    { days: [1, 2, 3, 4, 5], from: '08:00', to: '18:00', allow: 1_048_576 },
  ],
  [
    'a pause without a rate gives a rule',
    { allow: 'pause', rate: '' },
    { days: [1, 2, 3, 4, 5], from: '08:00', to: '18:00', allow: 'pause' },
  ],
  [
    'days in any order give a rule with sorted days',
    { days: ['6', '0'], allow: 'free' },
    { days: [0, 6], from: '08:00', to: '18:00', allow: 'free' },
  ],
  ['a form without days gives no rule', { days: [] }, null],
  ['a form without a start time gives no rule', { from: '' }, null],
  ['a limit without a number gives no rule', { rate: '' }, null],
  ['a limit of zero gives no rule', { rate: '0' }, null],
] as const)('send rule form: %s', (_what, changes, expected) => {
  expect(parseRule({ ...emptyRule, ...changes })).toEqual(expected)
})

test.each([
  [[0, 1, 2, 3, 4, 5, 6], null, null],
  [[1, 2, 3, 4, 5], 'Mon–Fri', '週一至週五'],
  [[6, 0], 'Sat Sun', '週六週日'],
  [[1, 2, 3, 0], 'Mon–Wed Sun', '週一至週三週日'],
  [[5, 6, 0], 'Fri–Sun', '週五至週日'],
  [[3], 'Wed', '週三'],
])('day names: the days %j are written as %s and %s', (days, en, zh) => {
  expect([daysInWords(days, 'en'), daysInWords(days, 'zh-TW')]).toEqual([en, zh])
})
