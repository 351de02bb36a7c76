import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Bucket, bytesAhead } from '../../../core/backends/token-bucket.ts'
import { openLimiter } from '../../../core/send/rate-limit/limiter.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const KIB = 1024

/** What went, and when: doses of `bytes`, one after the other, as often as the bucket lets them. */
function keepSending(bucket: Bucket, bytes: number) {
  const pace = bucket.open()
  const went: { at: number; bytes: number }[] = []
  const send = async () => {
    while (await pace.take(bytes)) {
      went.push({ at: performance.now(), bytes })
      if (bucket.bytesPerSecond === null) break
    }
  }
  const sending = send()
  return { pace, went, sending, sum: () => went.reduce((total, one) => total + one.bytes, 0) }
}

test('rate limit: bytes are sent evenly, at most 201 KiB in any tenth of a second at 1,000 KiB/s', async () => {
  const bucket = new Bucket()
  bucket.setRate(1000 * KIB)
  const { pace, went, sum } = keepSending(bucket, 20 * KIB)
  const begin = performance.now()
  await vi.advanceTimersByTimeAsync(1500)
  expect(sum() / KIB).toBeGreaterThan(1500 * 0.9)
  expect(sum() / KIB).toBeLessThan(1500 * 1.1 + 100)
  for (let from = begin; from < begin + 1400; from += 10) {
    const inTenth = went.filter(({ at }) => at >= from && at < from + 100)
    const bytes = inTenth.reduce((total, one) => total + one.bytes, 0)
    expect(bytes, `from ${from - begin} ms on`).toBeLessThanOrEqual(201 * KIB)
    if (from > begin) expect(bytes, `from ${from - begin} ms on`).toBeGreaterThan(40 * KIB)
  }
  pace.close()
})

test('rate limit: two senders with one bucket share its limit evenly', async () => {
  const bucket = new Bucket()
  bucket.setRate(100 * KIB)
  const [one, other] = [keepSending(bucket, 16 * KIB), keepSending(bucket, 16 * KIB)]
  await vi.advanceTimersByTimeAsync(2000)
  expect((one.sum() + other.sum()) / KIB).toBeLessThan(215)
  expect((one.sum() + other.sum()) / KIB).toBeGreaterThan(170)
  expect(Math.abs(one.sum() - other.sum())).toBeLessThanOrEqual(16 * KIB)
  for (const { pace } of [one, other]) pace.close()
})

test('rate limit: a changed rate takes effect on bytes that wait already', async () => {
  const bucket = new Bucket()
  bucket.setRate(1 * KIB)
  const { sum, sending } = keepSending(bucket, 500 * KIB)
  await vi.advanceTimersByTimeAsync(1000)
  bucket.setRate(1000 * KIB)
  await vi.advanceTimersByTimeAsync(300)
  expect(sum()).toBe(0)
  bucket.setRate(null)
  await sending
  expect(sum()).toBe(500 * KIB)
})

test('rate limit: closing a lease refuses its waiting bytes and does not affect other leases', async () => {
  const bucket = new Bucket()
  bucket.setRate(KIB)
  const [one, other] = [bucket.open(), bucket.open()]
  const taken = [one.take(5 * KIB), one.take(5 * KIB), other.take(2 * KIB)]
  one.close()
  await vi.advanceTimersByTimeAsync(2_100)
  expect(await Promise.all(taken)).toEqual([false, false, true])
  expect(await one.take(1)).toBe(false)
})

test('rate limit: an idle bucket allows a burst of a tenth of a second and no more', async () => {
  const bucket = new Bucket()
  bucket.setRate(1_000_000)
  await vi.advanceTimersByTimeAsync(60_000)
  const { pace, sum } = keepSending(bucket, 10_000)
  await vi.advanceTimersByTimeAsync(0)
  expect(sum()).toBe(100_000)
  await vi.advanceTimersByTimeAsync(50)
  expect(sum()).toBe(150_000)
  pace.close()
})

test.each([
  [null, 1024 * KIB],
  [100, 16 * KIB],
  [400_000, 100_000],
  [1e12, 1024 * KIB],
])('rate limit: at %s bytes/s, %i bytes are prepared ahead', (bytesPerSecond, expected) => {
  expect(bytesAhead({ bytesPerSecond })).toBe(expected)
})

test('rate limit: the limiter follows the wall clock, even if it jumps', () => {
  const noon = new Date(2026, 10, 16, 12).getTime()
  let now = noon
  let changes = 0
  const limiter = openLimiter(
    () => {
      changes += 1
    },
    () => now,
  )
  const days = [0, 1, 2, 3, 4, 5, 6]
  limiter.configure({
    bytesPerSecond: 5000,
    schedule: [
      { days, from: '13:00', to: '14:00', allow: 'pause' },
      { days, from: '14:00', to: '15:00', allow: 9000 },
    ],
  })
  expect([limiter.allowance.kind, limiter.bucket.bytesPerSecond, changes]).toEqual(['limit', 5000, 1])
  vi.advanceTimersByTime(5_000)
  expect(changes).toBe(1)
  now = noon + 3_600_000
  vi.advanceTimersByTime(1_000)
  expect([limiter.allowance.kind, limiter.bucket.bytesPerSecond]).toEqual(['pause', 5000])
  // Asleep for an hour and a half.
  now = noon + 9_000_000
  vi.advanceTimersByTime(1_000)
  expect([limiter.allowance.kind, limiter.bucket.bytesPerSecond]).toEqual(['limit', 9000])
  now = noon - 60_000
  vi.advanceTimersByTime(1_000)
  expect(limiter.bucket.bytesPerSecond).toBe(5000)
  limiter.configure({ bytesPerSecond: null, schedule: [] })
  expect([limiter.allowance.kind, limiter.bucket.bytesPerSecond]).toEqual(['free', null])
  limiter.stop()
})

test('rate limit: each of four destinations gets an even share of the limit, and the whole limit is reported', async () => {
  const limiter = openLimiter(
    () => undefined,
    () => 0,
  )
  limiter.configure({ bytesPerSecond: 1000 * KIB, schedule: [] }, 4)
  expect(limiter.allowance).toEqual({ kind: 'limit', bytesPerSecond: 1000 * KIB })
  const { pace, sum } = keepSending(limiter.bucket, 20 * KIB)
  await vi.advanceTimersByTimeAsync(2000)
  expect(sum() / KIB).toBeGreaterThan(500 * 0.9)
  expect(sum() / KIB).toBeLessThan(500 * 1.1 + 100)
  const before = sum()
  limiter.configure({ bytesPerSecond: 1000 * KIB, schedule: [] }, 1)
  await vi.advanceTimersByTimeAsync(1000)
  expect((sum() - before) / KIB).toBeGreaterThan(1000 * 0.9)
  pace.close()
  limiter.stop()
})
