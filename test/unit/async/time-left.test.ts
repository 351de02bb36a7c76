import { expect, test } from 'vitest'
import { noTotals } from '../../../core/ledger/ledger-messages.ts'
import { createTimeLeft, roundLeft, type TimeLeft } from '../../../core/lib/async/time-left.ts'
import { createProgress } from '../../../core/send/progress/progress.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const MB = 1_000_000

/** So many megabytes and files a second, for some seconds. */
function pace(eta: TimeLeft, from: number, seconds: number, megabytes: number, files: number) {
  for (let tenth = 0; tenth < seconds * 10; tenth += 1) {
    const now = from + tenth * 100
    eta.bytes((megabytes * MB) / 10, now)
    if (files > 0) eta.files(files / 10, now)
  }
  return from + seconds * SECOND
}

test.each([
  [1, 10 * SECOND],
  [23_000, 20 * SECOND],
  [49_000, 50 * SECOND],
  [55_000, MINUTE],
  [4.6 * MINUTE, 5 * MINUTE],
  [23 * MINUTE, 25 * MINUTE],
  [100 * MINUTE, 90 * MINUTE],
  [30.4 * 60 * MINUTE, 30 * 60 * MINUTE],
  [80 * 60 * MINUTE, 72 * 60 * MINUTE],
])('time left: %i ms are rounded to %i ms', (ms, expected) => {
  expect(roundLeft(ms)).toBe(expected)
})

test('time left: a steady rate gives the waiting amount divided by the rate', () => {
  const eta = createTimeLeft()
  let now = pace(eta, 500, 4, 10, 100)
  expect(eta.left({ files: 30_000, bytes: 3000 * MB }, now)).toBe(5 * MINUTE)
  now = pace(eta, now, 120, 10, 100)
  expect(eta.left({ files: 30_000, bytes: 3000 * MB }, now)).toBe(5 * MINUTE)
  expect(eta.left({ files: 1, bytes: 1 }, now)).toBe(10 * SECOND)
})

test('time left: no estimate is given at the start or during a stall', () => {
  const eta = createTimeLeft()
  const waiting = { files: 100, bytes: 100 * MB }
  expect(eta.left(waiting, 0)).toBeNull()
  const now = pace(eta, 0, 2, 1, 1)
  expect(eta.left(waiting, now)).toBeNull()
  const later = pace(eta, now, 10, 1, 1)
  expect(eta.left(waiting, later)).not.toBeNull()
  expect(eta.left(waiting, later + 16 * SECOND)).toBeNull()
})

test('time left: a short stall or burst changes little, and a new rate is adopted within 90 seconds', () => {
  const eta = createTimeLeft()
  const waiting = { files: 0, bytes: 6000 * MB }
  let now = pace(eta, 0, 60, 10, 0)
  expect(eta.left(waiting, now)).toBe(10 * MINUTE)
  const stalled = eta.left(waiting, now + 3 * SECOND) ?? 0
  expect(stalled).toBeLessThanOrEqual(10 * MINUTE + 5 * MINUTE)
  now = pace(eta, now, 1, 30, 0)
  expect(eta.left(waiting, now)).toBeGreaterThanOrEqual(8 * MINUTE)
  expect(eta.left(waiting, now)).toBeLessThanOrEqual(10 * MINUTE)
  now = pace(eta, now, 90, 20, 0)
  expect(eta.left(waiting, now)).toBe(5 * MINUTE)
})

const GB = 1000 * MB
const smallFirst = (eta: TimeLeft) => pace(eta, 0, 60, 1, 250)
const DAY = 24 * 60 * MINUTE

test.each<[string, (eta: TimeLeft) => number, { files: number; bytes: number }, number | null, number?]>([
  [
    'a large file after many small ones has no estimate at first',
    smallFirst,
    { files: 1, bytes: 8 * GB },
    null,
  ],
  [
    'a large file after many small ones uses the new rate as soon as it is measured',
    (eta) => pace(eta, smallFirst(eta), 4, 100, 0),
    { files: 1, bytes: 12 * GB },
    2 * MINUTE,
  ],
  [
    'small files after large ones have no estimate at first',
    (eta) => pace(eta, 0, 60, 100, 1),
    { files: 100_000, bytes: 100 * MB },
    null,
  ],
  [
    'large files of another size are estimated by their bytes',
    (eta) => pace(eta, 0, 60, 100, 2),
    { files: 3, bytes: 90 * GB },
    15 * MINUTE,
  ],
  [
    'a pause discards the rate measured before it',
    (eta) => {
      const paused = pace(eta, 0, 60, 10, 10)
      eta.rest()
      return pace(eta, paused + 3_600_000, 2, 1, 1)
    },
    { files: 1000, bytes: GB },
    null,
  ],
  [
    'an interruption of 30 days without a pause discards the rate measured before it',
    (eta) => pace(eta, pace(eta, 0, 60, 10, 10) + 30 * DAY, 10, 20, 20),
    { files: 6000, bytes: 6 * GB },
    5 * MINUTE,
  ],
  [
    'a reconnection with hardly any bytes sent has no estimate',
    (eta) => {
      eta.bytes(100, 90_000_000)
      eta.bytes(1, 90_005_000)
      return 90_005_000
    },
    { files: 1, bytes: 8 * GB },
    null,
  ],
  [
    'an estimate of more than a month is not given',
    (eta) => pace(eta, 0, 60, 0.001, 0),
    { files: 0, bytes: 3 * GB },
    null,
  ],
  [
    'a new rate limit determines the estimate at once',
    (eta) => pace(eta, 0, 60, 100, 0),
    { files: 0, bytes: 6 * GB },
    10 * MINUTE,
    10 * MB,
  ],
])('time left: %s', (_name, sent, toGo, expected, limit) => {
  const eta = createTimeLeft()
  const now = sent(eta)
  const left = eta.left(toGo, now, limit ?? null)
  if (expected === null) expect(left).toBeNull()
  else {
    expect(left).toBeGreaterThanOrEqual(0.8 * expected)
    expect(left).toBeLessThanOrEqual(1.25 * expected)
  }
})

test('time left: bytes in transfer are not counted again, and each source has a separate estimate', () => {
  const progress = createProgress()
  for (let tenth = 0; tenth < 100; tenth += 1) {
    progress.bytes('a', MB, tenth * 100)
    progress.bytes('b', MB / 10, tenth * 100)
  }
  const waiting = (waitingBytes: number) => ({
    ...noTotals,
    waitingFiles: 1,
    waitingBytes,
  })
  const totals = { a: waiting(1300 * MB), b: waiting(120 * MB), c: waiting(5) }
  const now = { now: 10_000, bytesPerSecond: null }
  const transfer = { id: 1, source: 'a', path: 'x', size: 1300 * MB, sentBytes: 100 * MB }
  expect(progress.left({ ...now, totals, transfers: [transfer] })).toEqual({
    bySource: { a: 2 * MINUTE, b: 2 * MINUTE },
    ofAll: 2 * MINUTE,
  })
  const none = { a: { ...waiting(0), waitingFiles: 0 } }
  expect(progress.left({ ...now, totals: none, transfers: [] }).ofAll).toBeNull()
})

test('time left: files that do not fit, or keep changing, are not counted', () => {
  const progress = createProgress()
  for (let tenth = 0; tenth < 100; tenth += 1) progress.bytes('a', MB, tenth * 100)
  const totals = { a: { ...noTotals, waitingFiles: 3, waitingBytes: 1800 * MB } }
  const at = { totals, transfers: [], now: 10_000, bytesPerSecond: null }
  const large = { source: 'a', path: 'x', size: 300 * MB, count: 2 }
  const rest = { source: 'a', path: 'y', size: 1200 * MB, count: 1 }
  expect(progress.left({ ...at, excluded: [large] }).ofAll).toBe(2 * MINUTE)
  expect(progress.left({ ...at, excluded: [large, rest] })).toEqual({ bySource: {}, ofAll: null })
})
