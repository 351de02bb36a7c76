import { describe, expect, test } from 'vitest'
import { MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTES } from '../../../core/platform/file-metadata.ts'
import { frameKinds } from '../../../core/protocol/frames.ts'
import {
  BATCH_MAX_FILES,
  LONGEST_TEXT,
  MAX_DIRECTORIES,
  MAX_FILE_NUMBER,
  MAX_SOURCES,
  SMALL_FILE_BYTES,
} from '../../../core/protocol/limits.ts'
import { decodeMetadata, encodeMetadata } from '../../../core/protocol/metadata-codec.ts'
import { buildFacts } from '../../support/store/file-facts.ts'

const digest = new Uint8Array(32)
const facts = [1_700_000_000, 500_000_000, 0o644, 1000, 1000, null]
const file = [1, 0, 'a/b', 4096, facts, digest]
const directory = [0, 'a', facts]
const result = [1, 0, '']

const lists = {
  file: (list: unknown) => frameKinds.batch.header.safeParse({ files: list, directories: [] }).success,
  directory: (list: unknown) =>
    frameKinds.batch.header.safeParse({ files: [file], directories: list }).success,
  result: (list: unknown) => frameKinds.result.header.safeParse({ position: 1, results: list }).success,
}
type Kind = keyof typeof lists
const entries: Record<Kind, unknown[]> = { file, directory, result }

const changed = (entry: unknown[], at: number, value: unknown) =>
  entry.map((one, index) => (index === at ? value : one))

function judges(kind: Kind, at: number, good: readonly unknown[], bad: readonly unknown[]) {
  for (const [values, expected] of [
    [good, true],
    [bad, false],
  ] as const)
    for (const value of values)
      expect([value, lists[kind]([changed(entries[kind], at, value)])]).toEqual([value, expected])
}

const texts = ['', 'x'.repeat(LONGEST_TEXT)]
const noTexts = ['x'.repeat(LONGEST_TEXT + 1), 1, null, undefined]

describe('entries of batch and result frames', () => {
  test.each([
    [0, [0, MAX_FILE_NUMBER], [-1, MAX_FILE_NUMBER + 1, 1.5, '1', 1n, null]],
    [1, [0, MAX_SOURCES - 1], [-1, MAX_SOURCES, 0.5, 'data', null]],
    [2, texts, noTexts],
    [3, [0, SMALL_FILE_BYTES], [-1, SMALL_FILE_BYTES + 1, 0.5, Number.NaN, '4096']],
    [4, [facts], [null, [], facts.slice(1), [...facts, 0], {}]],
    [5, [digest, Buffer.alloc(32)], [new Uint8Array(31), new Uint8Array(33), 'x'.repeat(32), null]],
  ])('field %i of a file entry accepts valid values and rejects others', (at, good, bad) =>
    judges('file', at, good, bad),
  )

  test.each([
    [0, [0, MAX_SOURCES - 1], [-1, MAX_SOURCES, '0']],
    [1, texts, noTexts],
    [2, [facts], [null, facts.slice(1)]],
  ])('field %i of a directory entry accepts valid values and rejects others', (at, good, bad) =>
    judges('directory', at, good, bad),
  )

  test.each([
    [0, [0, MAX_FILE_NUMBER], [-1, 0.5, '1']],
    [1, [0, 9], [-1, 10, 0.5, 'durable']],
    [2, ['', 'x'.repeat(1000)], ['x'.repeat(1001), null]],
  ])('field %i of a result entry accepts valid values and rejects others', (at, good, bad) =>
    judges('result', at, good, bad),
  )

  test.each([
    ['file', 1, BATCH_MAX_FILES],
    ['directory', 0, MAX_DIRECTORIES],
    ['result', 1, BATCH_MAX_FILES],
  ] as const)(
    'a list of %s entries is accepted within its limits and rejected if too long or malformed',
    (kind, least, most) => {
      const takes = lists[kind]
      const entry = entries[kind]
      expect(takes([])).toBe(least === 0)
      expect(takes(Array(most).fill(entry))).toBe(true)
      for (const list of [
        Array(most + 1).fill(entry),
        [entry, null],
        [entry.slice(1)],
        [[...entry, 0]],
        {},
        null,
      ])
        expect(takes(list)).toBe(false)
      // biome-ignore lint/suspicious/noSparseArray: a list with a hole is none
      expect(takes([entry, , entry])).toBe(false)
    },
  )
})

describe('encoded file metadata', () => {
  const attributes = (count: number, bytes: number) => ({
    attributes: Object.fromEntries(
      Array.from({ length: count }, (_, index) => [`user.${index}`.padEnd(8), new Uint8Array(bytes)]),
    ),
  })

  test.each([
    [0, [-(2 ** 43), 0, 2 ** 43], [2 ** 44, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '0', 0n]],
    [1, [0, 999_999_999], [-1, 1_000_000_000, 0.5, null]],
    [2, [0, 0o7777], [-1, 0o10000, 0.5, null]],
    [3, [0, 2 ** 32 - 1], [-1, 2 ** 32, 0.5, null]],
    [4, [0, 2 ** 32 - 1], [-1, 2 ** 32, 0.5, null]],
    [
      5,
      [null, {}, { sparse: true }, attributes(MAX_ATTRIBUTES, 24), attributes(1, MAX_ATTRIBUTE_BYTES - 8)],
      [
        ...[
          undefined,
          [],
          'x',
          { sparse: false },
          { attributes: null },
          { attributes: { 'user.x': 'text' } },
        ],
        ...[{ other: 1 }, attributes(MAX_ATTRIBUTES + 1, 0), attributes(1, MAX_ATTRIBUTE_BYTES - 7)],
      ],
    ],
  ])('field %i accepts valid values and rejects others', (at, good, bad) => {
    const inFile = (value: unknown) => changed(facts, at, value)
    judges('file', 4, good.map(inFile), bad.map(inFile))
  })

  test.each([0n, 1n, -1n, -1_000_000_000n, -1_500_000_000n, 1_700_000_000_123_456_789n])(
    'a time of %d nanoseconds is encoded and decoded exactly',
    (mtimeNs) => {
      const told = buildFacts(5, { mtimeNs, more: { sparse: true } })
      const words = encodeMetadata(told)
      expect(words[1]).toBeGreaterThanOrEqual(0)
      expect(lists.file([changed(file, 4, words)])).toBe(true)
      expect(decodeMetadata(words, 5)).toEqual(told)
    },
  )
})
