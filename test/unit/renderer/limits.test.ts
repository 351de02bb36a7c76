import { expect, test } from 'vitest'
import { getLimits, parseNumber } from '../../../renderer/features/settings/limits.ts'

test('number fields: the limits are those of the settings schema', () => {
  expect(getLimits('interval')).toEqual({ least: 1, most: 3600, whole: true })
  expect(getLimits('slow')).toEqual({ least: 0.01, most: 3600, whole: false })
  expect(getLimits('reconcile')).toEqual({ least: 5, most: 86_400, whole: true })
  expect(getLimits('quiet')).toEqual({ least: 0.1, most: 3600, whole: false })
  expect(getLimits('retry')).toEqual({ least: 1, most: 3600, whole: true })
})

test.each([
  ['interval', '10', 10],
  ['interval', 3600, 3600],
  ['interval', '', null],
  ['interval', '0', null],
  ['interval', '3601', null],
  ['interval', '1.5', null],
  ['interval', '-1', null],
  ['interval', 'ten', null],
  ['quiet', '0.5', 0.5],
  ['quiet', '0.05', null],
] as const)('number fields, %s: "%s" is parsed as %s', (field, typed, value) =>
  expect(parseNumber(field, typed)).toBe(value),
)
