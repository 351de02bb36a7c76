import { randomBytes } from 'node:crypto'
import zlib from 'node:zlib'
import { expect, test } from 'vitest'
import { Compressor } from '../../../core/protocol/compression.ts'

const MIB = 1024 * 1024
const text = Buffer.alloc(64 * 1024, '2026-11-27T10:00:00Z,12.5,OK\n')

/** A compressor with its own clock. */
function setUp() {
  let now = 0
  const compressor = new Compressor(() => now)
  let sentBytes = 0
  return {
    /** A second of a connection that sends this number of bytes, and whose buffer is full for a part of the second. */
    pass(bytes: number, full: number) {
      compressor.noteFull(true)
      now += full * 1_000
      compressor.noteFull(false)
      now += (1 - full) * 1_000
      sentBytes += bytes
    },
    compress: (...payload: Buffer[]) =>
      compressor.compress(payload.length === 0 ? [text] : payload, sentBytes),
  }
}

test('compression: begins when a slow line holds the connection up, and continues with less to send', () => {
  const { pass, compress } = setUp()
  expect(compress()).toBeNull()
  pass(MIB, 0.2)
  expect(compress()).toBeNull()
  pass(MIB, 0.9)
  expect(compress()?.length).toBeLessThan(text.length / 10)
  pass(MIB, 0)
  expect(compress()).not.toBeNull()
})

test('compression: a line that carries more than 32 MiB a second gets uncompressed payloads', () => {
  const { pass, compress } = setUp()
  pass(40 * MIB, 0.9)
  expect(compress()).toBeNull()
  pass(20 * MIB, 0.9)
  expect(compress()).not.toBeNull()
  pass(40 * MIB, 0.9)
  expect(compress()).toBeNull()
})

test('compression: several pieces are one payload, with its size in front', () => {
  const { pass, compress } = setUp()
  pass(MIB, 0.9)
  const packed = compress(text.subarray(0, 40_000), text.subarray(40_000)) ?? expect.fail()
  expect(packed.readUInt32BE(0)).toBe(text.length)
  expect(zlib.zstdDecompressSync(packed.subarray(4)).equals(text)).toBe(true)
})

test('compression: payloads that do not shrink are tried less and less often', () => {
  const { pass, compress } = setUp()
  const random = randomBytes(64 * 1024)
  pass(MIB, 0.9)
  for (let count = 0; count < 500; count += 1) expect(compress(random)).toBeNull()
  let skipped = 0
  while (compress() === null) skipped += 1
  expect(skipped).toBeLessThanOrEqual(64)
  // One that shrinks is followed by others.
  for (let count = 0; count < 10; count += 1) expect(compress()).not.toBeNull()
})

test('compression: a small payload is sent uncompressed', () => {
  const { pass, compress } = setUp()
  pass(MIB, 0.9)
  expect(compress(text.subarray(0, 1_000))).toBeNull()
})
