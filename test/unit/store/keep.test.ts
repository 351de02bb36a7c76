import { describe, expect, test } from 'vitest'
import {
  DEFAULT_KEEP,
  type Keep,
  type Version,
  versionsToPrune,
} from '../../../core/store/retention/retention.ts'
import { createRandom, newSeed } from '../../support/transfer/transfer.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Noon of a Wednesday. */
const START = Date.UTC(2026, 0, 7, 12)
const NOTHING: Keep = { withinDays: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 }

/** Contents that were replaced at these times, in days since START, by a computer whose clock was right. */
const replacedAfter = (...days: readonly number[]): Version[] =>
  days.map((day) => ({
    version: `${day}`,
    replacedAt: START + day * DAY_MS,
    replacedClockMs: day * DAY_MS,
    isPinned: false,
  }))

/** What is left after so many days, of contents of a file that is in its place. */
function left(versions: readonly Version[], keep: Keep, day: number, hasCurrent = true): string[] {
  const gone = new Set(versionsToPrune(versions, keep, hasCurrent, day * DAY_MS))
  return versions.filter((one) => !gone.has(one)).map(({ version }) => version)
}

const everyDay = (days: number) => replacedAfter(...Array.from({ length: days }, (_, day) => day))

describe('retention by days, weeks, months and years', () => {
  test.each([
    ['daily', [0, 0.1, 0.2, 1, 4, 4.3], 2, ['1', '4.3']],
    ['daily', [0, 0.1, 0.2, 1, 4, 4.3], 3, ['0.2', '1', '4.3']],
    // Sunday is the fourth day from then on; the week ends with it.
    ['weekly', [0, 4.4, 4.6, 10, 11.4, 25], 3, ['4.4', '11.4', '25']],
    ['monthly', [0, 24.4, 24.6, 80, 81], 2, ['24.6', '81']],
    ['monthly', [0, 24.4, 24.6, 80, 81], 9, ['24.4', '24.6', '81']],
    ['yearly', [0, 300, 358.4, 358.6, 800], 2, ['358.6', '800']],
  ] as const)(
    'a %s rule for versions of the days %j keeps the last version of the latest %i periods',
    (period, days, count, kept) => {
      expect(left(replacedAfter(...days), { ...NOTHING, [period]: count }, 4000)).toEqual(kept)
    },
  )

  test('combined rules keep what any of them keeps; without a rule every version is pruned', () => {
    const versions = replacedAfter(0, 1, 2, 40, 41)
    expect(left(versions, { ...NOTHING, daily: 1, monthly: 2 }, 4000)).toEqual(['2', '41'])
    expect(left(versions, NOTHING, 4000)).toEqual([])
  })
})

describe('default retention', () => {
  test('a file that changes daily for years keeps daily, then weekly, then monthly versions', () => {
    const kept = left(everyDay(2000), DEFAULT_KEEP, 2000).map(Number)
    const monthly = (from: number, to: number) =>
      kept.filter((day) => day >= from && day < to).length / ((to - from) / 30)
    // One a day of the last 60 days, one a week of a year, then one a month.
    expect([monthly(1970, 2000), monthly(1940, 1970)]).toEqual([30, 30])
    expect(monthly(1730, 1940)).toBeCloseTo(5.3, 0)
    expect(monthly(640, 1540)).toBeCloseTo(1, 0)
    expect(kept.length).toBeLessThan(60 + 52 + 60 + 6)
  })

  test('a version is kept for at least 30 days, and repeated pruning removes no more', () => {
    const random = createRandom(newSeed('keep'))
    let versions: Version[] = []
    let day = 0
    for (let count = 0; count < 600; count += 1) {
      day += random() * random() * 3
      versions.push(...replacedAfter(day))
      const gone = new Set(versionsToPrune(versions, DEFAULT_KEEP, true, day * DAY_MS))
      for (const { replacedClockMs } of gone)
        expect(day * DAY_MS - replacedClockMs).toBeGreaterThanOrEqual(30 * DAY_MS)
      versions = versions.filter((one) => !gone.has(one))
      expect(versionsToPrune(versions, DEFAULT_KEEP, true, day * DAY_MS)).toEqual([])
    }
    expect(
      versions.filter(({ replacedClockMs }) => day * DAY_MS - replacedClockMs > 100 * DAY_MS),
    ).not.toEqual([])
  })

  test('a file that is rewritten every minute keeps one version a day beyond 30 days', () => {
    const often = replacedAfter(...Array.from({ length: 500 }, (_, index) => index / 1440))
    expect(left(often, DEFAULT_KEEP, 29)).toHaveLength(500)
    expect(left(often, DEFAULT_KEEP, 31)).toHaveLength(1)
  })
})

describe('retention by the store’s clock', () => {
  const keep = { ...NOTHING, withinDays: 30 }

  test.each([
    ['60 days ahead', 60],
    ['years ahead', 4000],
    ['back in time', -4000],
  ])('a version replaced while the computer’s clock was %s is kept for 30 days, and no longer', (_, off) => {
    const versions = replacedAfter(0, 1, 2).map((one) => ({
      ...one,
      replacedAt: one.replacedAt + off * DAY_MS,
    }))
    expect(left(versions, keep, 29.9)).toEqual(['0', '1', '2'])
    expect(left(versions, keep, 31.5)).toEqual(['2'])
  })

  test('a store clock that went back, as with an earlier manifest, prunes no version', () => {
    expect(left(replacedAfter(100, 101), keep, 50)).toEqual(['100', '101'])
  })
})

describe('retention without rules', () => {
  test('a version whose original was removed after sending is never pruned', () => {
    const versions = replacedAfter(0, 1, 2).map((one) => ({ ...one, isPinned: one.version === '0' }))
    expect(left(versions, NOTHING, 4000)).toEqual(['0'])
  })

  test('the newest version is never pruned when the file has no current content', () => {
    expect(left(replacedAfter(0, 1, 2), NOTHING, 4000, false)).toEqual(['2'])
    expect(left(replacedAfter(0), NOTHING, 4000, false)).toEqual(['0'])
  })
})
