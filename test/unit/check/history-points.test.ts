import { describe, expect, it } from 'vitest'
import {
  packColumns,
  packPoints,
  packSamples,
  sampleOf,
  tagOf,
  unpackColumns,
  unpackPoints,
  unpackSamples,
} from '../../../core/check/history/packing.ts'
import {
  inOrder,
  merge,
  mergeSpans,
  type Sample,
  summarise,
  summariseSpans,
} from '../../../core/check/history/points.ts'
import { type VerdictKind, verdictKinds } from '../../../core/check/messages.ts'

const well = (at: number, delayMs: number): Sample => ({ at, kind: 'ok', delayMs })
const failed = (at: number, kind: VerdictKind): Sample => ({ at, kind, delayMs: null })
const MINUTE = 60_000
/** A time whose numbers do not fit into 32 bits. */
const START = 1_699_999_200_000

describe('a summary of checks', () => {
  it('has the exact minimum, median, 99th percentile (nearest rank) and maximum', () => {
    const delays = Array.from({ length: 200 }, (_, index) => well(index, ((index * 7) % 200) + 1))
    expect(summarise(5, delays)).toEqual({
      at: 5,
      count: 200,
      delays: { min: 1, median: 100, p99: 198, max: 200 },
      gravest: 'ok',
      kinds: { ok: 200 },
    })
  })

  it('counts each verdict, names the gravest, and takes delays from the checks that have one', () => {
    const samples = [well(0, 3), failed(1, 'hung'), failed(2, 'read-only'), failed(3, 'read-only')]
    expect(summarise(0, samples)).toEqual({
      at: 0,
      count: 4,
      delays: { min: 3, median: 3, p99: 3, max: 3 },
      gravest: 'hung',
      kinds: { ok: 1, hung: 1, 'read-only': 2 },
    })
    expect(summarise(0, [failed(1, 'missing')])).toMatchObject({ delays: null, gravest: 'missing' })
  })

  it('merges: extremes, counts and verdicts exactly, the median weighed, the percentile never too low', () => {
    const many = summarise(
      0,
      [1, 1, 1, 2, 2].map((delay, index) => well(index, delay)),
    )
    const few = summarise(5, [well(5, 50), failed(6, 'io-error')])
    expect(merge(0, [few, many, summarise(9, [failed(9, 'hung')])])).toEqual({
      at: 0,
      count: 8,
      delays: { min: 1, median: 1, p99: 50, max: 50 },
      gravest: 'hung',
      kinds: { ok: 6, 'io-error': 1, hung: 1 },
    })
    expect(merge(0, [summarise(9, [failed(9, 'hung')])]).delays).toBeNull()
  })

  it('is made for each span that has checks, counted from 1970', () => {
    const samples = [well(START + 1, 1), well(START + MINUTE - 1, 3), well(START + 5 * MINUTE, 9)]
    const spans = summariseSpans(samples, MINUTE)
    expect(spans.map(({ at, count }) => [at - START, count])).toEqual([
      [0, 2],
      [5 * MINUTE, 1],
    ])
    expect(mergeSpans(spans, 10 * MINUTE).map(({ count }) => count)).toEqual([3])
  })

  it('puts checks in order, and counts one that is there twice once', () => {
    expect(inOrder([well(3, 1), well(1, 2), well(3, 1), well(2, 4)]).map(({ at }) => at)).toEqual([1, 2, 3])
  })
})

describe('the packed form', () => {
  it.each(
    verdictKinds.flatMap((kind) =>
      [null, 0, 0.001, 0.2, 12.345, 3_600_000].map((delay) => ({ kind, delay })),
    ),
  )('keeps $kind with a delay of $delay ms', ({ kind, delay }) => {
    expect(sampleOf(7, tagOf(kind, delay))).toEqual({ at: 7, kind, delayMs: delay })
  })

  it('keeps a block of checks in a few bytes each', () => {
    const samples = Array.from({ length: 60 }, (_, index) =>
      well(START + index * 10_000, (200 + index) / 1_000),
    )
    samples[30] = failed(START + 300_000, 'hung')
    const packed = packSamples(samples, START)
    expect(unpackSamples(packed, START)).toEqual(samples)
    expect(packed.length).toBeLessThan(60 * 5)
  })

  it('keeps summaries, well ones and others', () => {
    const points = summariseSpans(
      [
        well(START, 1.5),
        well(START + 1, 2.5),
        failed(START + MINUTE, 'hung'),
        failed(START + 3 * MINUTE, 'ok'),
      ],
      MINUTE,
    )
    points.push(
      summarise(START + 4 * MINUTE, [well(START, 1), failed(START, 'full'), failed(START, 'error')]),
    )
    expect(unpackPoints(packPoints(points, START, MINUTE), START, MINUTE)).toEqual(points)
  })

  it('keeps batches of many paths, whose times need not rise', () => {
    const rows: [number, number, number][] = [
      [3, START + 10, tagOf('ok', 1)],
      [1, START + 12, tagOf('hung', null)],
      [70_000, START - 50_000, tagOf('ok', 900_000)],
      [0, 0, 0],
    ]
    const packed = packColumns({
      count: rows.length,
      paths: Uint32Array.from(rows, ([path]) => path),
      at: Float64Array.from(rows, ([, at]) => at),
      tags: Float64Array.from(rows, ([, , tag]) => tag),
    })
    const read: [number, number, number][] = []
    unpackColumns(packed, (path, at, tag) => read.push([path, at, tag]))
    expect(read).toEqual(rows)
  })
})
