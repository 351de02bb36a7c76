import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  allowanceAt,
  nextChange,
  readAllowance,
  type SpeedSchedule,
} from '../../../core/send/rate-limit/schedule.ts'
import { type SendRule, sendRuleSchema } from '../../../core/settings/schema.ts'

const zone = process.env.TZ
beforeAll(() => {
  process.env.TZ = 'Europe/Berlin'
})
afterAll(() => {
  if (zone === undefined) delete process.env.TZ
  else process.env.TZ = zone
})

const everyDay = [0, 1, 2, 3, 4, 5, 6]
const rule = (days: number[], from: string, to: string, allow: SendRule['allow']): SendRule => ({
  days,
  from,
  to,
  allow,
})
const office: SpeedSchedule = {
  bytesPerSecond: 5_000_000,
  schedule: [
    rule([1, 2, 3, 4, 5], '12:00', '13:00', 'free'),
    rule([1, 2, 3, 4, 5], '08:00', '18:00', 1_000_000),
    rule([5], '22:00', '06:00', 'pause'),
    rule([0], '10:00', '10:00', 2_000_000),
  ],
}
const said = (timetable: SpeedSchedule, time: string) => {
  const allowance = allowanceAt(timetable, Date.parse(time))
  return allowance.kind === 'limit' ? allowance.bytesPerSecond : allowance.kind
}

// 16 November 2026 is a Monday; Berlin is at +01:00 then.
test.each([
  ['on Tuesday just before office hours', '2026-11-17T07:59:59.999+01:00', 5_000_000],
  ['at the start of office hours', '2026-11-16T08:00+01:00', 1_000_000],
  ['at lunch, by the first of two matching rules,', '2026-11-16T12:30+01:00', 'free'],
  ['after lunch', '2026-11-16T13:00+01:00', 1_000_000],
  ['at the end of office hours, which is exclusive,', '2026-11-16T18:00+01:00', 5_000_000],
  ['on Friday night', '2026-11-20T22:00+01:00', 'pause'],
  ['on Saturday morning, within the rule of Friday night,', '2026-11-21T05:59+01:00', 'pause'],
  ['at the end of the rule of Friday night', '2026-11-21T06:00+01:00', 5_000_000],
  ['on Saturday night, without a rule,', '2026-11-21T23:00+01:00', 5_000_000],
  ['before a rule of 24 hours (equal times)', '2026-11-22T09:59+01:00', 5_000_000],
  ['at the start of a rule of 24 hours', '2026-11-22T10:00+01:00', 2_000_000],
  ['in the last hour of a rule of 24 hours', '2026-11-23T07:59+01:00', 2_000_000],
  ['within a rule of 24 hours, by an earlier rule,', '2026-11-23T08:30+01:00', 1_000_000],
])('speed schedule: the allowance %s is $2', (_what, time, expected) => {
  expect(said(office, time)).toBe(expected)
})

const night: SpeedSchedule = { bytesPerSecond: null, schedule: [rule(everyDay, '02:15', '02:45', 'pause')] }
const early: SpeedSchedule = { bytesPerSecond: null, schedule: [rule(everyDay, '01:00', '03:30', 'pause')] }

// In 2027 the clock is put forward on 28 March at 02:00 and back on 31 October at 03:00.
test.each([
  ['before a rule in the skipped hour', night, '2027-03-28T01:59:59+01:00', 'free'],
  ['after a rule in the skipped hour', night, '2027-03-28T03:00+02:00', 'free'],
  ['in a rule around the skipped hour', early, '2027-03-28T03:29+02:00', 'pause'],
  ['at the end of a rule around the skipped hour', early, '2027-03-28T03:30+02:00', 'free'],
  ['at the first time of a rule in the repeated hour', night, '2027-10-31T02:30+02:00', 'pause'],
  ['between both times of a rule in the repeated hour', night, '2027-10-31T02:50+02:00', 'free'],
  ['at the second time of a rule in the repeated hour', night, '2027-10-31T02:30+01:00', 'pause'],
  ['after the second time of a rule in the repeated hour', night, '2027-10-31T02:45+01:00', 'free'],
] as const)('speed schedule: the allowance %s is $3', (_what, timetable, time, expected) => {
  expect(said(timetable, time)).toBe(expected)
})

test.each([
  ['the start of a rule', office, '2026-11-16T07:00+01:00', '2026-11-16T08:00+01:00'],
  ['the start of a rule that takes precedence', office, '2026-11-16T08:00+01:00', '2026-11-16T12:00+01:00'],
  ['the start of a rule after the weekend', office, '2026-11-22T10:30+01:00', '2026-11-23T08:00+01:00'],
  [
    'on the next day if daylight saving skips a rule',
    night,
    '2027-03-28T01:00+01:00',
    '2027-03-29T02:15+02:00',
  ],
  ['the end of a rule in the shorter night', early, '2027-03-28T01:30+01:00', '2027-03-28T03:30+02:00'],
  [
    'the second start of a rule in the longer night',
    night,
    '2027-10-31T02:50+02:00',
    '2027-10-31T02:15+01:00',
  ],
  ['the second end of a rule in the longer night', night, '2027-10-31T02:20+01:00', '2027-10-31T02:45+01:00'],
] as const)('speed schedule: the next change is %s', (_what, timetable, at, expected) => {
  expect(nextChange(timetable, Date.parse(at))).toBe(Date.parse(expected))
})

test('speed schedule: a schedule that never changes has no next change', () => {
  expect(nextChange({ bytesPerSecond: 5, schedule: [] }, 0)).toBeNull()
  const always = { bytesPerSecond: null, schedule: [rule(everyDay, '00:00', '00:00', 'pause')] }
  expect(nextChange(always, Date.parse('2026-11-16T12:00+01:00'))).toBeNull()
})

test.each(['24:00', '7:30', '07:60', ''])('speed schedule: %j is rejected as the time of a rule', (from) => {
  expect(sendRuleSchema.safeParse(rule([1], from, '10:00', 'free')).success).toBe(false)
})

test.each([0, 1023, 1.5, -1, 'fast'])('speed schedule: %j is rejected as the limit of a rule', (allow) => {
  expect(sendRuleSchema.safeParse({ ...rule([1], '07:00', '10:00', 'free'), allow }).success).toBe(false)
})

test('speed schedule: the end of the allowance is computed again once it has passed, or the allowance differs', () => {
  const days = [0, 1, 2, 3, 4, 5, 6]
  const timetable: SpeedSchedule = {
    bytesPerSecond: 5000,
    schedule: [{ days, from: '13:00', to: '14:00', allow: 'pause' }],
  }
  const at = (time: string) => new Date(`2026-11-23T${time}:00`).getTime()
  const first = readAllowance(timetable, at('12:00'))
  expect(first).toEqual({ now: { kind: 'limit', bytesPerSecond: 5000 }, until: at('13:00') })
  expect(readAllowance(timetable, at('12:30'), first)).toBe(first)
  const paused = readAllowance(timetable, at('13:00'), first)
  expect(paused).toEqual({ now: { kind: 'pause' }, until: at('14:00') })
  // The clock was set back.
  expect(readAllowance(timetable, at('12:00'), paused)).toEqual(first)
})
