import { expect, test } from 'vitest'
import {
  computeDigest,
  createHasher,
  DIGEST_BYTES,
  digestBeginning,
  digestText,
  hasDigest,
  isDigest,
} from '../../../core/platform/digest.ts'

const buildBytes = (length: number) => Uint8Array.from({ length }, (_, index) => index % 251)

// test_vectors.json of https://github.com/BLAKE3-team/BLAKE3
test.each([
  [0, 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'],
  [1, '2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213'],
  [1024, '42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7'],
  [1025, 'd00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444'],
  [31_744, '62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47'],
])('digest: `computeDigest` matches the BLAKE3 test vector of %i bytes', (length, digits) => {
  const text = digestText(computeDigest(buildBytes(length)))
  expect(text).toBe(digits)
  expect(text).toMatch(/^[0-9a-f]{64}$/)
  expect(digestBeginning(text)).toBe(digits.slice(0, 12))
})

test('digest: a hasher fed in pieces gives the digest of the whole', () => {
  const bytes = buildBytes(300_000)
  const whole = computeDigest(bytes)
  const hasher = createHasher()
  for (let at = 0; at < bytes.length; at += 70_001) {
    hasher.update(bytes.subarray(at, at + 70_001))
    // Another content meanwhile.
    computeDigest(bytes.subarray(0, 10))
  }
  expect(hasher.digest()).toEqual(whole)
  expect([whole.length, isDigest(whole)]).toEqual([DIGEST_BYTES, true])
  expect(hasDigest(whole, bytes)).toBe(true)
  expect(hasDigest(whole, bytes.subarray(1))).toBe(false)
})

test('digest: `isDigest` rejects bytes of another length and values that are not bytes', () => {
  for (const value of [Buffer.alloc(0), Buffer.alloc(31), Buffer.alloc(33), 'a'.repeat(32), null, [1]])
    expect(isDigest(value)).toBe(false)
})
