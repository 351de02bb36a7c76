import { expect, test } from 'vitest'
import { getLimits, getNumberSchema, parseNumber } from '../../../renderer/features/settings/limits.ts'

test('number fields: the limits are those of the settings schema', () => {
  expect(getLimits(getNumberSchema('check.intervalSeconds'))).toEqual({ least: 1, most: 3600, whole: true })
  expect(getLimits(getNumberSchema('check.slowSeconds'))).toEqual({ least: 0.01, most: 3600, whole: false })
  expect(getLimits(getNumberSchema('scan.reconcileSeconds'))).toEqual({ least: 5, most: 86_400, whole: true })
  expect(getLimits(getNumberSchema('scan.quietSeconds'))).toEqual({ least: 0.1, most: 3600, whole: false })
  expect(getLimits(getNumberSchema('send.retrySeconds'))).toEqual({ least: 1, most: 3600, whole: true })
})

test.each([
  ['check.intervalSeconds', '10', 10],
  ['check.intervalSeconds', 3600, 3600],
  ['check.intervalSeconds', '', null],
  ['check.intervalSeconds', '0', null],
  ['check.intervalSeconds', '3601', null],
  ['check.intervalSeconds', '1.5', null],
  ['check.intervalSeconds', '-1', null],
  ['check.intervalSeconds', 'ten', null],
  ['scan.quietSeconds', '0.5', 0.5],
  ['scan.quietSeconds', '0.05', null],
] as const)('number fields, %s: "%s" is parsed as %s', (field, typed, value) =>
  expect(parseNumber(getNumberSchema(field), typed)).toBe(value),
)
