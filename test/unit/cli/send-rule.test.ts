import { describe, expect, test } from 'vitest'
import { parseRule, rateText, ruleText } from '../../../cli/send/send-rule.ts'
import { parseRate } from '../../../core/lib/i18n/formats.ts'

describe('weekly limit rule', () => {
  test.each([
    ['mon-fri 08:00-18:00 1M', { days: [1, 2, 3, 4, 5], from: '08:00', to: '18:00', allow: 1024 ** 2 }],
    ['Sat-Mon 22:00-06:00 free', { days: [0, 1, 6], from: '22:00', to: '06:00', allow: 'free' }],
    ['daily 12:00-13:00 pause', { days: [0, 1, 2, 3, 4, 5, 6], from: '12:00', to: '13:00', allow: 'pause' }],
    [' wed,sun  00:00-00:00  1500/s ', { days: [0, 3], from: '00:00', to: '00:00', allow: 1500 }],
  ])('a rule is parsed, and printed in a form that parses again: %s', (text, rule) => {
    expect(parseRule(text)).toEqual(rule)
    // What is printed can be typed again.
    expect(parseRule(ruleText(parseRule(text) ?? { days: [], from: '', to: '', allow: 'free' }))).toEqual(
      rule,
    )
  })

  test.each([
    '',
    'mon-fri',
    'mon-fri 08:00-18:00',
    'mon-fri 8:00-18:00 1M',
    'mon-fri 08:00-24:00 1M',
    'mon-fri 08:00 1M',
    'mon-wed-fri 08:00-18:00 1M',
    'holiday 08:00-18:00 1M',
    'mon- 08:00-18:00 1M',
    'mon 08:00-18:00 0',
    'mon 08:00-18:00 1023',
    'mon 08:00-18:00-19:00 1M',
    'mon 08:00-18:00 fast',
    'mon 08:00-18:00 1M more',
  ])('an invalid text is refused: %s', (text) => expect(parseRule(text)).toBeNull())

  test('rates are parsed and printed to the byte', () => {
    expect(['1K', '1.5m/s', '', 'x'].map(parseRate)).toEqual([1024, 1_572_864, null, null])
    expect([1024, 1_572_864, 1_000_000, 1024 ** 4].map(rateText)).toEqual([
      '1K/s',
      '1536K/s',
      '1000000/s',
      '1T/s',
    ])
  })
})
