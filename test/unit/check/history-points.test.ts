import { describe, expect, it } from 'vitest'
import { type VerdictKind, verdictKinds } from '../../../core/check/checker-messages.ts'
import { type CheckGroup, summarise, summariseSpans } from '../../../core/check/history/history-store.ts'

const MINUTE = 60_000
/** A time whose numbers do not fit into 32 bits. */
const START = 1_699_999_200_000

/** Delays are in milliseconds, as a point has them. */
function group(at: number, least: number, most = least, count = 1, kind: VerdictKind = 'ok'): CheckGroup {
  return { at, kind: verdictKinds.indexOf(kind), least: least * 1_000, most: most * 1_000, count }
}

const failed = (at: number, kind: VerdictKind): CheckGroup => ({
  ...group(at, 0, 0, 1, kind),
  least: -1,
  most: -1,
})

describe('check history summary', () => {
  it('has the exact minimum, median, 99th percentile (nearest rank) and maximum of single checks', () => {
    const delays = Array.from({ length: 200 }, (_, index) => group(index, ((index * 7) % 200) + 1))
    expect(summarise(5, delays)).toEqual({
      at: 5,
      count: 200,
      delays: { min: 1, median: 100, p99: 198, max: 200 },
      gravest: 'ok',
      kinds: { ok: 200 },
    })
  })

  it('counts each verdict, names the gravest, and takes delays from the checks that have one', () => {
    const samples = [group(0, 3), failed(1, 'hung'), failed(2, 'read-only'), failed(3, 'read-only')]
    expect(summarise(0, samples)).toEqual({
      at: 0,
      count: 4,
      delays: { min: 3, median: 3, p99: 3, max: 3 },
      gravest: 'hung',
      kinds: { ok: 1, hung: 1, 'read-only': 2 },
    })
    expect(summarise(0, [failed(1, 'missing')])).toMatchObject({ delays: null, gravest: 'missing' })
  })

  it('has exact extremes, counts and verdicts of groups, and the percentiles of their geometric means', () => {
    const groups = [group(5, 50, 50), group(0, 8, 9, 2), group(0, 1, 1.21, 3), failed(9, 'hung')]
    expect(summarise(0, groups)).toEqual({
      at: 0,
      count: 7,
      delays: { min: 1, median: 1.1, p99: 50, max: 50 },
      gravest: 'hung',
      kinds: { ok: 6, hung: 1 },
    })
    expect(summarise(0, [group(0, 8, 18, 2)]).delays).toEqual({ min: 8, median: 12, p99: 12, max: 18 })
  })

  it('covers each time span that has checks, aligned to 1970', () => {
    const groups = [group(START + 5 * MINUTE, 9), group(START + 1, 1), group(START + MINUTE - 1, 3)]
    expect(summariseSpans(groups, MINUTE).map(({ at, count }) => [at - START, count])).toEqual([
      [0, 2],
      [5 * MINUTE, 1],
    ])
    expect(summariseSpans(groups, 10 * MINUTE).map(({ count }) => count)).toEqual([3])
  })
})
