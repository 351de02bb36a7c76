import type { HistoryPoint } from '../checker-messages.ts'
import { verdictKinds } from '../verdict-kinds.ts'

/** Checks of one path with the same verdict and similar delays, or a single check. */
export type CheckGroup = {
  /** Milliseconds since 1970. */
  at: number
  /** Index in verdictKinds. */
  kind: number
  /** The shortest and the longest delay, in microseconds; -1: these checks have none. */
  least: number
  most: number
  count: number
}

/**
 * Builds one point from at least one group. Count, verdicts, minimum and maximum are exact, and so are the median and
 * the 99th percentile (nearest rank) of single checks. Those of rollups are off by less than 10 %: each delay counts
 * as the geometric mean of its group's shortest and longest, which moves it by 9.6 % at most.
 */
export function summarise(at: number, groups: readonly CheckGroup[]): HistoryPoint {
  const kinds: HistoryPoint['kinds'] = {}
  for (const { kind, count } of groups) {
    const name = verdictKinds[kind] ?? 'error'
    kinds[name] = (kinds[name] ?? 0) + count
  }
  const gravest = verdictKinds.findLast((kind) => kinds[kind] !== undefined) ?? 'ok'
  const delays = summariseDelays(groups.filter(({ least }) => least >= 0))
  return { at, count: sumCounts(groups), delays, gravest, kinds }
}

/** Builds a point for each span of time that has checks; spans are counted from 1970, so they do not move. */
export function summariseSpans(groups: readonly CheckGroup[], spanMs: number): HistoryPoint[] {
  const spans = Map.groupBy(groups, ({ at }) => Math.floor(at / spanMs) * spanMs)
  return [...spans].map(([at, some]) => summarise(at, some)).sort((a, b) => a.at - b.at)
}

function summariseDelays(groups: readonly CheckGroup[]): HistoryPoint['delays'] {
  if (groups.length === 0) return null
  const sorted = groups.toSorted((a, b) => getMeanDelay(a) - getMeanDelay(b))
  const rank = (share: number): number => {
    let rest = Math.ceil(sumCounts(groups) * share)
    const found = sorted.find(({ count }) => {
      rest -= count
      return rest <= 0
    })
    return found === undefined ? 0 : getMeanDelay(found) / 1_000
  }
  const min = groups.reduce((least, group) => Math.min(least, group.least), Number.POSITIVE_INFINITY)
  const max = groups.reduce((most, group) => Math.max(most, group.most), 0)
  return { min: min / 1_000, median: rank(0.5), p99: rank(0.99), max: max / 1_000 }
}

function getMeanDelay({ least, most }: CheckGroup): number {
  return Math.sqrt(least * most)
}

function sumCounts(groups: readonly CheckGroup[]): number {
  return groups.reduce((sum, { count }) => sum + count, 0)
}
