import { afterAll, beforeAll, expect, test } from 'vitest'
import { allowanceAt, nextChange, type SpeedSchedule } from '../../../core/send/rate-limit/schedule.ts'
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
  ['Tuesday before the office', '2026-11-17T07:59:59.999+01:00', 5_000_000],
  ['the office opens', '2026-11-16T08:00+01:00', 1_000_000],
  ['lunch: the first rule that covers it decides', '2026-11-16T12:30+01:00', 'free'],
  ['after lunch', '2026-11-16T13:00+01:00', 1_000_000],
  ['the end is not included', '2026-11-16T18:00+01:00', 5_000_000],
  ['Friday night', '2026-11-20T22:00+01:00', 'pause'],
  ['it goes on into Saturday, which is none of its days', '2026-11-21T05:59+01:00', 'pause'],
  ['and ends there', '2026-11-21T06:00+01:00', 5_000_000],
  ['Saturday night is free of it', '2026-11-21T23:00+01:00', 5_000_000],
  ['the same time twice is a whole day: not yet', '2026-11-22T09:59+01:00', 5_000_000],
  ['its beginning', '2026-11-22T10:00+01:00', 2_000_000],
  ['its last hour, on Monday', '2026-11-23T07:59+01:00', 2_000_000],
  ['an earlier rule wins over it', '2026-11-23T08:30+01:00', 1_000_000],
])('%s', (_what, time, expected) => {
  expect(said(office, time)).toBe(expected)
})

const night: SpeedSchedule = { bytesPerSecond: null, schedule: [rule(everyDay, '02:15', '02:45', 'pause')] }
const early: SpeedSchedule = { bytesPerSecond: null, schedule: [rule(everyDay, '01:00', '03:30', 'pause')] }

// In 2027 the clock is put forward on 28 March at 02:00 and back on 31 October at 03:00.
test.each([
  ['the hour that is left out is in no rule', night, '2027-03-28T01:59:59+01:00', 'free'],
  ['right after it', night, '2027-03-28T03:00+02:00', 'free'],
  ['a rule around it is an hour shorter', early, '2027-03-28T03:29+02:00', 'pause'],
  ['and ends by the clock on the wall', early, '2027-03-28T03:30+02:00', 'free'],
  ['the hour that comes twice: the first time', night, '2027-10-31T02:30+02:00', 'pause'],
  ['between the two', night, '2027-10-31T02:50+02:00', 'free'],
  ['the second time', night, '2027-10-31T02:30+01:00', 'pause'],
  ['after it', night, '2027-10-31T02:45+01:00', 'free'],
] as const)('daylight saving: %s', (_what, timetable, time, expected) => {
  expect(said(timetable, time)).toBe(expected)
})

test.each([
  ['a rule begins', office, '2026-11-16T07:00+01:00', '2026-11-16T08:00+01:00'],
  ['another takes over', office, '2026-11-16T08:00+01:00', '2026-11-16T12:00+01:00'],
  ['over the weekend', office, '2026-11-22T10:30+01:00', '2026-11-23T08:00+01:00'],
  ['a rule that is left out comes the next day', night, '2027-03-28T01:00+01:00', '2027-03-29T02:15+02:00'],
  ['in a shorter night', early, '2027-03-28T01:30+01:00', '2027-03-28T03:30+02:00'],
  ['the second time in a longer night', night, '2027-10-31T02:50+02:00', '2027-10-31T02:15+01:00'],
  ['and its end', night, '2027-10-31T02:20+01:00', '2027-10-31T02:45+01:00'],
] as const)('the next change: %s', (_what, timetable, at, expected) => {
  expect(nextChange(timetable, Date.parse(at))).toBe(Date.parse(expected))
})

test('what never changes has no next change', () => {
  expect(nextChange({ bytesPerSecond: 5, schedule: [] }, 0)).toBeNull()
  const always = { bytesPerSecond: null, schedule: [rule(everyDay, '00:00', '00:00', 'pause')] }
  expect(nextChange(always, Date.parse('2026-11-16T12:00+01:00'))).toBeNull()
})

test.each(['24:00', '7:30', '07:60', ''])('%j is no time of a rule', (from) => {
  expect(sendRuleSchema.safeParse(rule([1], from, '10:00', 'free')).success).toBe(false)
})

test.each([0, 1023, 1.5, -1, 'fast'])('%j is no limit of a rule', (allow) => {
  expect(sendRuleSchema.safeParse({ ...rule([1], '07:00', '10:00', 'free'), allow }).success).toBe(false)
})
