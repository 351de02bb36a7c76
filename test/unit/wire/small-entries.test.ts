import { describe, expect, test } from 'vitest'
import { frameKinds } from '../../../core/wire/frames.ts'
import {
  BATCH_MAX_FILES,
  LONGEST_TEXT,
  MAX_FILE_NUMBER,
  SMALL_FILE_BYTES,
} from '../../../core/wire/limits.ts'

const digest = new Uint8Array(32)
const file = [1, 'data', 'a/b', 4096, 1_700_000_000_000.5, 0o644, digest]
const result = [1, 0, '']
const takes = (type: 'batch' | 'result', list: unknown) =>
  frameKinds[type].header.safeParse(type === 'batch' ? { files: list } : { results: list }).success
const changed = (entry: unknown[], at: number, value: unknown) =>
  entry.map((one, index) => (index === at ? value : one))

describe('entries of a batch, and of its results', () => {
  test.each([
    [0, [0, MAX_FILE_NUMBER], [-1, MAX_FILE_NUMBER + 1, 1.5, '1', 1n, null]],
    [1, ['', 'x'.repeat(LONGEST_TEXT)], ['x'.repeat(LONGEST_TEXT + 1), 1, null, undefined]],
    [2, ['', 'x'.repeat(LONGEST_TEXT)], ['x'.repeat(LONGEST_TEXT + 1), 1, null, undefined]],
    [3, [0, SMALL_FILE_BYTES], [-1, SMALL_FILE_BYTES + 1, 0.5, Number.NaN, '4096']],
    [4, [-8.64e15, 0, 0.25, 8.64e15], [8.65e15, Number.NaN, Number.POSITIVE_INFINITY, '0', 0n]],
    [5, [0, 0o7777], [-1, 0o10000, 0.5, null]],
    [6, [digest, Buffer.alloc(32)], [new Uint8Array(31), new Uint8Array(33), 'x'.repeat(32), null]],
  ])('place %i of a file', (at, good, bad) => {
    for (const value of good)
      expect([value, takes('batch', [changed(file, at, value)])]).toEqual([value, true])
    for (const value of bad)
      expect([value, takes('batch', [changed(file, at, value)])]).toEqual([value, false])
  })

  test.each([
    [0, [0, MAX_FILE_NUMBER], [-1, 0.5, '1']],
    [1, [0, 9], [-1, 10, 0.5, 'durable']],
    [2, ['', 'x'.repeat(1000)], ['x'.repeat(1001), null]],
  ])('place %i of a result', (at, good, bad) => {
    for (const value of good)
      expect([value, takes('result', [changed(result, at, value)])]).toEqual([value, true])
    for (const value of bad)
      expect([value, takes('result', [changed(result, at, value)])]).toEqual([value, false])
  })

  test.each([
    ['batch', file],
    ['result', result],
  ] as const)('the list of a %s', (type, entry) => {
    expect(takes(type, Array(BATCH_MAX_FILES).fill(entry))).toBe(true)
    for (const list of [
      [],
      Array(BATCH_MAX_FILES + 1).fill(entry),
      [entry, null],
      [entry.slice(1)],
      [[...entry, 0]],
      {},
      null,
    ])
      expect(takes(type, list)).toBe(false)
    // biome-ignore lint/suspicious/noSparseArray: a list with a hole is none
    expect(takes(type, [entry, , entry])).toBe(false)
  })
})
