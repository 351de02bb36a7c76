import { randomBytes } from 'node:crypto'
import zlib from 'node:zlib'
import { expect, test } from 'vitest'
import { CpuMeter, compress } from '../../../core/protocol/compression.ts'

const text = Buffer.alloc(64 * 1024, '2026-11-27T10:00:00Z,12.5,OK\n')
const idle = { isBusy: false }

test('compression: several pieces are one payload, with its size in front', () => {
  const packed = compress([text.subarray(0, 40_000), text.subarray(40_000)], idle) ?? expect.fail()
  expect(packed.length).toBeLessThan(text.length / 10)
  expect(packed.readUInt32BE(0)).toBe(text.length)
  expect(zlib.zstdDecompressSync(packed.subarray(4)).equals(text)).toBe(true)
})

test('compression: small payloads, those that do not shrink, and all of a busy process are sent uncompressed', () => {
  expect(compress([text.subarray(0, 4_000)], idle)).toBeNull()
  expect(compress([randomBytes(64 * 1024)], idle)).toBeNull()
  expect(compress([], idle)).toBeNull()
  expect(compress([text], { isBusy: true })).toBeNull()
})

test('compression: a process counts as busy for five seconds after it has used half of a processor for a second', () => {
  let [now, cpuMs] = [0, 0]
  const meter = new CpuMeter(
    () => now,
    () => cpuMs,
  )
  const pass = (ms: number, used: number) => {
    now += ms
    cpuMs += used * ms
    return meter.isBusy
  }
  expect(meter.isBusy).toBe(false)
  // A moment of other work.
  expect(pass(500, 0.9)).toBe(false)
  expect(pass(500, 0.1)).toBe(false)
  expect(pass(500, 0.9)).toBe(false)
  expect(pass(500, 0.6)).toBe(true)
  expect(pass(4_900, 0)).toBe(true)
  expect(pass(600, 0.4)).toBe(false)
  expect(pass(60_000, 0.1)).toBe(false)
})
