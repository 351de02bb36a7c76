import { randomBytes } from 'node:crypto'
import zlib from 'node:zlib'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Compressor, CpuMeter } from '../../../core/protocol/compression.ts'

const text = Buffer.alloc(64 * 1024, '2026-11-27T10:00:00Z,12.5,OK\n')
const idle = { isBusy: false }

test('compression: several pieces are one payload, with its size in front', () => {
  const pieces = [text.subarray(0, 40_000), text.subarray(40_000)]
  const packed = new Compressor(idle).compress(pieces) ?? expect.fail()
  expect(packed.length).toBeLessThan(text.length / 10)
  expect(packed.readUInt32BE(0)).toBe(text.length)
  expect(zlib.zstdDecompressSync(packed.subarray(4)).equals(text)).toBe(true)
})

test('compression: small payloads, and all of a busy process, are sent uncompressed', () => {
  expect(new Compressor(idle).compress([text.subarray(0, 4_000)])).toBeNull()
  expect(new Compressor(idle).compress([])).toBeNull()
  expect(new Compressor({ isBusy: true }).compress([text])).toBeNull()
})

test('compression: after a payload that does not shrink, the next three are not tried', () => {
  const compressor = new Compressor(idle)
  const random = randomBytes(64 * 1024)
  const tried = vi.spyOn(zlib, 'zstdCompressSync')
  onTestFinished(() => tried.mockRestore())
  for (let count = 0; count < 8; count += 1) expect(compressor.compress([random])).toBeNull()
  expect(tried).toHaveBeenCalledTimes(2)
  for (let count = 0; count < 10; count += 1) expect(compressor.compress([text])).not.toBeNull()
})

test('compression: no payload becomes longer, whatever follows a beginning that shrinks', () => {
  for (let bytes = 200; bytes <= 8_192; bytes += 200) {
    const beginning = Buffer.concat([text.subarray(0, bytes), randomBytes(8_192 - bytes)])
    const payload = Buffer.concat([beginning, randomBytes(256 * 1024 - 8_192)])
    const packed = new Compressor(idle).compress([payload])
    expect(packed?.length ?? 0).toBeLessThan(payload.length)
  }
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
