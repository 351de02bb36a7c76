import { expect, test } from 'vitest'
import { type SendRule, sendRuleSchema } from '../../../core/settings/schema.ts'
import { movedRule } from '../../../renderer/features/settings/limit-form.ts'
import { clockText, daySpans } from '../../../renderer/features/settings/week.ts'

const rule = (days: number[], from: string, to: string, allow: SendRule['allow']): SendRule =>
  sendRuleSchema.parse({ days, from, to, allow })
const formatSpans = (schedule: SendRule[], day: number, bytesPerSecond: number | null = null) =>
  daySpans({ bytesPerSecond, schedule }, day).map(
    ({ from, to, allowance }) =>
      `${clockText(from)}-${clockText(to)} ${allowance.kind === 'limit' ? allowance.bytesPerSecond : allowance.kind}`,
  )

test('send schedule: a day without rules is one bar with the general limit', () => {
  expect(formatSpans([], 1)).toEqual(['00:00-24:00 free'])
  expect(formatSpans([], 1, 5000)).toEqual(['00:00-24:00 5000'])
})

test('send schedule: a rule that crosses midnight appears on both days', () => {
  const night = rule([1], '22:00', '06:00', 'pause')
  expect(formatSpans([night], 1)).toEqual(['00:00-22:00 free', '22:00-24:00 pause'])
  expect(formatSpans([night], 2)).toEqual(['00:00-06:00 pause', '06:00-24:00 free'])
  expect(formatSpans([night], 0)).toEqual(['00:00-24:00 free'])
})

test('send schedule: the first rule for a moment wins, and moving it down lets the next rule win', () => {
  const all = rule([1], '00:00', '00:00', 2048)
  const noon = rule([1], '12:00', '13:00', 'pause')
  expect(formatSpans([all, noon], 1)).toEqual(['00:00-24:00 2048'])
  const moved = movedRule([all, noon], 0, 1)
  expect(formatSpans(moved, 1)).toEqual(['00:00-12:00 2048', '12:00-13:00 pause', '13:00-24:00 2048'])
  expect(movedRule(moved, 0, -1)).toEqual(moved)
})
