import { describe, expect, test } from 'vitest'
import {
  findReversed,
  getDueTime,
  getLastPeriod,
  getPresentPeriod,
  listPeriods,
  parsePeriod,
} from '../../../core/report/period.ts'

const HOUR_MS = 3_600_000
const parse = (text: string, zone: string) => {
  const found = parsePeriod(text, zone) ?? expect.fail(`${text} is no period`)
  return { ...found, hours: (found.to - found.from) / HOUR_MS }
}

describe('report periods', () => {
  test.each([
    ['2026-10', 'UTC', '2026-10-01T00:00Z', 744],
    ['2026-10', 'Asia/Taipei', '2026-09-30T16:00Z', 744],
    // The clock is put back on October 25, and forward on March 29.
    ['2026-10', 'Europe/Berlin', '2026-09-30T22:00Z', 745],
    ['2026-03', 'Europe/Berlin', '2026-02-28T23:00Z', 743],
    ['2024-02', 'Asia/Kolkata', '2024-01-31T18:30Z', 696],
    ['2026-W41', 'UTC', '2026-10-05T00:00Z', 168],
    ['2026-W01', 'UTC', '2025-12-29T00:00Z', 168],
    ['2020-W53', 'UTC', '2020-12-28T00:00Z', 168],
    ['2026-W13', 'Europe/Berlin', '2026-03-22T23:00Z', 167],
    ['2026-10-25..2026-10-25', 'Europe/Berlin', '2026-10-24T22:00Z', 25],
    // Midnight does not exist on that day: the clock is put forward from 0:00 to 1:00.
    ['2026-09-06..2026-09-06', 'America/Santiago', '2026-09-06T04:00Z', 23],
  ])('%s in %s begins at %s and has %i hours', (text, zone, from, hours) => {
    const found = parse(text, zone)
    expect(new Date(found.from).toISOString()).toBe(new Date(from).toISOString())
    expect(found.hours).toBe(hours)
    expect(found.name).toBe(text)
  })

  test.each([
    ...['2026-13', '2026-00', '2026-1', '2026-W00', '2025-W53', '2026-W54', '2026', '', 'last'],
    ...['2026-10-05..2026-10-04', '2026-11-31..2026-12-01', '2000-01-01..2026-01-01'],
  ])('%s is refused', (text) => expect(parsePeriod(text, 'UTC')).toBeNull())

  test('periods follow each other without a gap, over all changes of the clock', () => {
    for (const zone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Taipei'])
      for (const kind of ['month', 'week'] as const) {
        const all = listPeriods(kind, Date.parse('2026-11-27T12:00Z'), zone, 60).reverse()
        expect(all).toHaveLength(60)
        for (const [index, { to }] of all.entries()) {
          const next = all[index + 1]
          if (next !== undefined) expect([zone, next.name, next.from]).toEqual([zone, next.name, to])
        }
      }
  })

  test('the last period is the one that has ended, by the clock of the zone', () => {
    // In Taipei the month begins 16 hours before it begins in California.
    const at = Date.parse('2026-10-31T20:00Z')
    expect(getLastPeriod('month', at, 'Asia/Taipei').name).toBe('2026-10')
    expect(getLastPeriod('month', at, 'America/Los_Angeles').name).toBe('2026-09')
    expect(getLastPeriod('week', Date.parse('2026-01-02T00:00Z'), 'UTC').name).toBe('2025-W52')
  })

  test('a report is due at 08:00 on the day after its period', () => {
    const due = (text: string, zone: string) => new Date(getDueTime(parse(text, zone))).toISOString()
    expect(due('2026-10', 'Asia/Taipei')).toBe('2026-11-01T00:00:00.000Z')
    expect(due('2026-10', 'America/New_York')).toBe('2026-11-01T13:00:00.000Z')
    expect(due('2026-W12', 'Europe/Berlin')).toBe('2026-03-23T07:00:00.000Z')
  })

  test('a span whose first day is after its last one is recognized, and no other text', () => {
    expect(findReversed('2026-10-11..2026-10-05')).toEqual({ first: '2026-10-11', last: '2026-10-05' })
    const others = ['2026-10-05..2026-10-11', '2026-10-05..2026-10-05', '2026-10-11..2026-10-05..2026-10-01']
    for (const text of [...others, '2026-10-11', 'x..2026-10-05', '2026-10-11..x', ''])
      expect(findReversed(text)).toBeNull()
  })

  test('the present period has begun and has not ended', () => {
    const at = Date.parse('2026-10-31T20:00Z')
    expect(getPresentPeriod('month', at, 'Asia/Taipei')?.name).toBe('2026-11')
    expect(getPresentPeriod('month', at, 'America/Los_Angeles')?.name).toBe('2026-10')
    expect(getPresentPeriod('week', Date.parse('2026-01-02T00:00Z'), 'UTC')?.name).toBe('2026-W01')
  })
})
