import { EventEmitter } from 'node:events'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { pacedOutlet } from '../../../core/send/destinations/receiver/paced-outlet.ts'
import { bytesAhead, createBucket } from '../../../core/send/limit/bucket.ts'
import { openLimiter } from '../../../core/send/limit/limiter.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const KIB = 1024

/** A socket that takes everything at once, and remembers when. */
function openSocket() {
  const got: { at: number; bytes: Buffer }[] = []
  let ended = false
  const socket = Object.assign(new EventEmitter(), {
    destroyed: false,
    writableLength: 0,
    cork: () => undefined,
    uncork: () => undefined,
    write(bytes: Uint8Array, written?: (error?: Error) => void) {
      if (socket.destroyed) return written?.(new Error('closed'))
      got.push({ at: performance.now(), bytes: Buffer.from(bytes) })
      if (written !== undefined) setImmediate(written)
    },
    end: () => {
      ended = true
    },
  })
  const sum = () => got.reduce((total, { bytes }) => total + bytes.length, 0)
  const close = () => {
    socket.destroyed = true
    socket.emit('close')
  }
  return { socket: socket as unknown as TLSSocket, got, sum, close, ended: () => ended }
}

test('bytes go evenly: in any tenth of a second about a tenth of the rate, whatever the frames are', () => {
  const bucket = createBucket()
  bucket.setRate(1000 * KIB)
  const { socket, got, sum } = openSocket()
  const outlet = pacedOutlet(socket, bucket)
  const frame = Buffer.alloc(1100 * KIB, 7)
  outlet.write([frame.subarray(0, 9), frame.subarray(9)], () => undefined)
  outlet.write([Buffer.alloc(900 * KIB, 8)], () => undefined)
  const begin = performance.now()
  for (let tenth = 0; tenth < 15; tenth += 1) vi.advanceTimersByTime(100)
  expect(sum() / KIB).toBeGreaterThan(1500 * 0.9)
  expect(sum() / KIB).toBeLessThan(1500 * 1.1 + 100)
  for (let from = begin; from < begin + 1400; from += 10) {
    const inTenth = got.filter(({ at }) => at >= from && at < from + 100)
    const bytes = inTenth.reduce((total, one) => total + one.bytes.length, 0)
    expect(bytes, `from ${from - begin} ms on`).toBeLessThanOrEqual(201 * KIB)
    if (from > begin) expect(bytes, `from ${from - begin} ms on`).toBeGreaterThan(40 * KIB)
  }
  vi.advanceTimersByTime(1000)
  expect(Buffer.concat(got.map(({ bytes }) => bytes))).toEqual(
    Buffer.concat([frame, Buffer.alloc(900 * KIB, 8)]),
  )
})

test('the limit is one for all who share it', () => {
  const bucket = createBucket()
  bucket.setRate(100 * KIB)
  const [one, other] = [openSocket(), openSocket()]
  for (const { socket } of [one, other])
    pacedOutlet(socket, bucket).write([Buffer.alloc(400 * KIB)], () => undefined)
  vi.advanceTimersByTime(2000)
  expect((one.sum() + other.sum()) / KIB).toBeLessThan(215)
  expect((one.sum() + other.sum()) / KIB).toBeGreaterThan(180)
})

test('a change takes effect on what waits already', () => {
  const bucket = createBucket()
  bucket.setRate(1 * KIB)
  const { socket, sum } = openSocket()
  const outlet = pacedOutlet(socket, bucket)
  let moved = 0
  outlet.write([Buffer.alloc(500 * KIB)], () => {
    moved += 1
  })
  vi.advanceTimersByTime(1000)
  expect(sum()).toBeLessThan(4 * KIB)
  expect([moved, outlet.hasRoom]).toEqual([0, false])
  bucket.setRate(1000 * KIB)
  vi.advanceTimersByTime(200)
  expect(sum()).toBeGreaterThan(100 * KIB)
  bucket.setRate(null)
  vi.advanceTimersByTime(1)
  expect([sum(), moved, outlet.hasRoom]).toEqual([500 * KIB, 1, true])
})

test('without a limit nothing is in the way, and an end hands over what waits', () => {
  const bucket = createBucket()
  const { socket, sum, ended } = openSocket()
  const outlet = pacedOutlet(socket, bucket)
  outlet.write([Buffer.alloc(5 * KIB)], () => undefined)
  expect(sum()).toBe(5 * KIB)
  bucket.setRate(KIB)
  outlet.write([Buffer.alloc(50 * KIB)], () => undefined)
  outlet.end()
  expect([sum(), ended()]).toEqual([55 * KIB, true])
})

test('when the connection is gone, whoever waits for what it was to take is told', () => {
  const bucket = createBucket()
  bucket.setRate(KIB)
  const { socket, sum, close } = openSocket()
  const outlet = pacedOutlet(socket, bucket)
  const told: string[] = []
  const frame = [Buffer.alloc(9), Buffer.alloc(5 * KIB)]
  for (const name of ['one', 'two']) outlet.write(frame, (error) => told.push(`${name} ${error?.message}`))
  vi.advanceTimersByTime(200)
  expect(told).toEqual([])
  const moved = sum()
  close()
  expect(told).toEqual(['one closed', 'two closed'])
  vi.advanceTimersByTime(60_000)
  expect([sum(), told.length, outlet.hasRoom]).toEqual([moved, 2, true])
})

test('a bucket that rested gives a tenth of a second at once and no more', () => {
  const bucket = createBucket()
  bucket.setRate(1_000_000)
  vi.advanceTimersByTime(60_000)
  const pace = bucket.open()
  const granted: number[] = []
  pace.ask(1e9, (bytes) => granted.push(bytes))
  expect(granted).toEqual([100_000])
  // Half of that at a time.
  vi.advanceTimersByTime(50)
  expect(granted).toEqual([100_000, 50_000])
  pace.close()
  expect(granted.reduce((sum, bytes) => sum + bytes, 0)).toBe(1e9)
})

test.each([
  [null, 1024 * KIB],
  [100, 16 * KIB],
  [400_000, 100_000],
  [1e12, 1024 * KIB],
])('at %s bytes a second %i are made ready', (bytesPerSecond, expected) => {
  expect(bytesAhead({ bytesPerSecond })).toBe(expected)
})

test('the limiter follows the clock on the wall, also where it jumps', () => {
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
  expect(limiter.until).toBe(noon + 3_600_000)
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
  expect([limiter.bucket.bytesPerSecond, limiter.until]).toEqual([5000, noon + 3_600_000])
  limiter.configure({ bytesPerSecond: null, schedule: [] })
  expect([limiter.allowance.kind, limiter.until, limiter.bucket.bytesPerSecond]).toEqual(['free', null, null])
  limiter.stop()
})

test('of several destinations that share a limit each takes its even part; what is told is the whole', () => {
  const limiter = openLimiter(
    () => undefined,
    () => 0,
  )
  const { socket, sum } = openSocket()
  const outlet = pacedOutlet(socket, limiter.bucket)
  limiter.configure({ bytesPerSecond: 1000 * KIB, schedule: [] }, 4)
  expect(limiter.allowance).toEqual({ kind: 'limit', bytesPerSecond: 1000 * KIB })
  outlet.write([Buffer.alloc(4000 * KIB)], () => undefined)
  vi.advanceTimersByTime(2000)
  expect(sum() / KIB).toBeGreaterThan(500 * 0.9)
  expect(sum() / KIB).toBeLessThan(500 * 1.1 + 100)
  const before = sum()
  limiter.configure({ bytesPerSecond: 1000 * KIB, schedule: [] }, 1)
  vi.advanceTimersByTime(1000)
  expect((sum() - before) / KIB).toBeGreaterThan(1000 * 0.9)
  limiter.stop()
})
