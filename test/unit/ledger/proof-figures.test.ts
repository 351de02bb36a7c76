import { describe, expect, test } from 'vitest'
import {
  addLogMisses,
  computeLogMiss,
  drawRanks,
  mayProve,
  SAMPLE_DAYS,
  startDay,
  toConfidence,
  withAdded,
} from '../../../core/ledger/proof-figures.ts'
import { USUAL_SAMPLES } from '../../../core/settings/destination-schema.ts'

/** A generator of whole numbers below a limit (mulberry32); the seed is printed if a test fails. */
function createRandom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

const DAY = 24 * 3_600_000
const seed = Date.now() % 2 ** 31

describe(`samples (seed ${seed})`, () => {
  test('6,905 samples show damage of 0.1 % with 99.9 %, and 30 days have them', () => {
    expect(toConfidence(computeLogMiss(6904, 1e9))).toBeLessThan(0.999)
    expect(toConfidence(computeLogMiss(6905, 1e9))).toBeGreaterThanOrEqual(0.999)
    expect(USUAL_SAMPLES * SAMPLE_DAYS).toBeGreaterThanOrEqual(6905)
  })

  test.each([
    [1_000, 200, 0.01],
    [5_000, 700, 0.001],
    [40, 10, 0.001],
    [300, 120, 0.02],
  ])(
    'of %i files, %i samples show damage of a share of %f as often as in a simulation',
    (population, samples, share) => {
      const random = createRandom(seed)
      const damaged = Math.max(1, Math.ceil(share * population))
      const runs = 4_000
      let seen = 0
      for (let run = 0; run < runs; run += 1) {
        let left = samples
        for (const rank of drawRanks(population, random)) {
          // The damaged files are the first ones: each rank is as likely as any other.
          if (rank < damaged) seen += 1
          if (rank < damaged || --left === 0) break
        }
      }
      const expected = toConfidence(computeLogMiss(samples, population, share))
      const deviation = Math.sqrt((expected * (1 - expected)) / runs)
      expect(Math.abs(seen / runs - expected)).toBeLessThan(5 * deviation + 1e-9)
    },
  )

  test.each([
    [10, 10, 3, 1],
    [40, 10, 20, 10],
    [400, 231, 300, 231],
    [900, 300, 1_100, 500],
    [4_000, 231, 2_000, 400],
  ])(
    'of %i files, %i samples; %i files come, and %i samples more: they show damage as often as in a simulation',
    (before, first, added, second) => {
      const random = createRandom(seed)
      const population = before + added
      const damaged = Math.max(1, Math.ceil(0.001 * population))
      const runs = 4_000
      let seen = 0
      for (let run = 0; run < runs; run += 1) {
        const hit = new Set<number>()
        for (const rank of drawRanks(population, random)) if (hit.add(rank).size === damaged) break
        const shows = (files: number, samples: number) => {
          let left = samples
          for (const rank of drawRanks(files, random)) {
            if (hit.has(rank)) return true
            if (--left === 0) return false
          }
          return false
        }
        // The added files have the last ranks.
        if (shows(before, first) || shows(population, second)) seen += 1
      }
      const early = withAdded(computeLogMiss(first, before), before, added)
      const expected = toConfidence(addLogMisses(early, computeLogMiss(second, population)))
      const deviation = Math.sqrt((expected * (1 - expected)) / runs)
      expect(Math.abs(seen / runs - expected)).toBeLessThan(5 * deviation + 1e-9)
    },
  )

  test('only an archive that was read completely is certain', () => {
    expect(toConfidence(withAdded(computeLogMiss(10, 10), 10, 3))).toBeCloseTo(10 / 13, 12)
    expect(toConfidence(withAdded(computeLogMiss(10, 10), 10, 0))).toBe(1)
    expect(toConfidence(withAdded(0, 0, 5))).toBe(0)
    const daily = Array.from({ length: 400 }, () => computeLogMiss(231, 500))
    expect(toConfidence(daily.slice(0, 300).reduce((sum, one) => sum + one, 0))).toBeLessThan(1)
    const most = computeLogMiss(900_000, 1_000_000)
    expect(toConfidence(most)).toBeLessThan(1)
    expect(toConfidence(addLogMisses(most, most))).toBeLessThan(1)
    expect(toConfidence(addLogMisses(most, computeLogMiss(10, 10)))).toBe(1)
    // A round that reads the whole archive beyond midnight.
    expect(toConfidence(addLogMisses(-computeLogMiss(5, 10), computeLogMiss(10, 10)))).toBe(1)
  })

  test('all files of an archive show any damage, and none show nothing', () => {
    expect(toConfidence(computeLogMiss(40, 40))).toBe(1)
    expect(toConfidence(computeLogMiss(0, 40))).toBe(0)
    expect(toConfidence(computeLogMiss(0, 0))).toBe(0)
  })

  test('the logarithms of a round that is counted file by file add up to that of the whole round', () => {
    const steps = Array.from(
      { length: 500 },
      (_, index) => computeLogMiss(index + 1, 9_000) - computeLogMiss(index, 9_000),
    )
    expect(steps.reduce((sum, one) => sum + one, 0)).toBeCloseTo(computeLogMiss(500, 9_000), 9)
  })

  test('every rank is drawn once, and each order is as likely as any other', () => {
    const random = createRandom(seed)
    const counts = new Map<string, number>()
    for (let run = 0; run < 6_000; run += 1) {
      const order = [...drawRanks(3, random)].join('')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    expect([...counts.keys()].sort()).toEqual(['012', '021', '102', '120', '201', '210'])
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(200)
  })
})

describe('pace of samples', () => {
  const limits = { files: 3, bytes: 100 }
  const today = { day: 10 * DAY, files: 0, bytes: 0, debt: 0, isDone: false }

  test('a day ends with its files, with its bytes, and with the archive', () => {
    expect(mayProve(today, limits)).toBe(true)
    expect(mayProve({ ...today, files: 3 }, limits)).toBe(false)
    expect(mayProve({ ...today, bytes: 100 }, limits)).toBe(false)
    expect(mayProve({ ...today, isDone: true }, limits)).toBe(false)
    expect(mayProve(today, { files: 0, bytes: 100 })).toBe(false)
  })

  test('a file above the limit of bytes is deducted from the following days, until their limits have covered it', () => {
    const large = { ...today, files: 1, bytes: 250 }
    const next = startDay(large, 11 * DAY, limits)
    expect(next).toMatchObject({ files: 0, bytes: 0, debt: 150 })
    expect(mayProve(next, limits)).toBe(false)
    const third = startDay(next, 12 * DAY, limits)
    expect(third.debt).toBe(50)
    expect(mayProve(third, limits)).toBe(true)
    expect(startDay(third, 13 * DAY, limits).debt).toBe(0)
    // The computer was off meanwhile.
    expect(startDay(large, 13 * DAY, limits).debt).toBe(0)
  })

  test('a clock that is set back does not repeat a day', () => {
    const done = { ...today, isDone: true }
    expect(startDay(done, 10 * DAY, limits)).toEqual(done)
    expect(startDay(done, 8 * DAY, limits)).toEqual(done)
    expect(startDay(null, 8 * DAY, limits)).toMatchObject({ day: 8 * DAY, files: 0, debt: 0 })
  })
})
