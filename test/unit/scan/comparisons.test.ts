import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openComparisons } from '../../../core/scan/source.ts'

const MINUTE = 60_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('comparison schedule: comparisons run every 5 minutes until the schedule is stopped', async () => {
  let count = 0
  const comparisons = openComparisons(async () => {
    count += 1
  }, 5 * MINUTE)
  await vi.advanceTimersByTimeAsync(16 * MINUTE)
  expect(count).toBe(3)
  comparisons.soon()
  comparisons.stop()
  await vi.advanceTimersByTimeAsync(60 * MINUTE)
  expect(count).toBe(3)
})

test('comparison schedule: comparisons repeat every 5 seconds while files cannot be offered, and then stop', async () => {
  const at: number[] = []
  const begin = Date.now()
  const comparisons = openComparisons(async () => {
    at.push(Date.now() - begin)
    // The ledger fails for a minute.
    if (Date.now() - begin < MINUTE) comparisons.soon()
  }, 60 * MINUTE)
  for (let count = 0; count < 10; count += 1) comparisons.soon()
  await vi.advanceTimersByTimeAsync(30 * MINUTE)
  expect(at).toEqual(Array.from({ length: 12 }, (_, index) => (index + 1) * 5_000))
  comparisons.stop()
})
