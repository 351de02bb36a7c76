import { expect, test } from 'vitest'
import { planReport } from '../../../core/report/period.ts'

const ZONE = 'Asia/Taipei'
/** 08:00 in Taipei on November 1, 2026, which is a Sunday. */
const DUE = Date.parse('2026-11-01T08:00+08:00')
const HOUR = 3_600_000
const plan = (now: number, period: string | null, every: 'month' | 'week' | null = 'month') => {
  const mark = period === null ? null : { every: 'month' as const, period }
  const step = planReport(every, mark, now, ZONE)
  return step && { mark: step.mark?.period ?? null, send: step.send?.name ?? null }
}

test('regular report: it is sent at 08:00 on the first day of the next month, and only once', () => {
  expect(plan(DUE - 1, '2026-09')).toBeNull()
  expect(plan(DUE, '2026-09')).toEqual({ mark: '2026-10', send: '2026-10' })
  expect(plan(DUE, '2026-10')).toBeNull()
  expect(plan(DUE + 20 * 24 * HOUR, '2026-10')).toBeNull()
})

test('regular report: after months without power, the report of the last month is sent alone', () => {
  expect(plan(DUE + 72 * HOUR, '2026-05')).toEqual({ mark: '2026-10', send: '2026-10' })
})

test('regular report: a clock that is set back sends nothing again', () => {
  expect(plan(DUE - 40 * 24 * HOUR, '2026-10')).toBeNull()
})

test('regular report: switched on, it begins with the present period, and off, it leaves no mark', () => {
  expect(plan(DUE, null)).toEqual({ mark: '2026-10', send: null })
  // The report of October is still to come.
  expect(plan(DUE - 1, null)).toEqual({ mark: '2026-09', send: null })
  expect(plan(DUE, '2026-10', 'week')).toEqual({ mark: '2026-W43', send: null })
  expect(plan(DUE + 24 * HOUR, '2026-10', 'week')).toEqual({ mark: '2026-W44', send: null })
  expect(plan(DUE, '2026-10', null)).toEqual({ mark: null, send: null })
  expect(plan(DUE, null, null)).toBeNull()
})
