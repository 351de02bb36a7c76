import type { HistoryPoint } from '../messages.ts'
import { type VerdictKind, verdictKinds } from '../verdict-kinds.ts'

/** One check as the history keeps it. */
export interface Sample {
  /** Milliseconds since 1970. */
  at: number
  kind: VerdictKind
  delayMs: number | null
}

/** The point that stands for several checks, which must not be none; exact. */
export function summarise(at: number, samples: readonly Sample[]): HistoryPoint {
  const kinds: HistoryPoint['kinds'] = {}
  for (const { kind } of samples) kinds[kind] = (kinds[kind] ?? 0) + 1
  const delays = samples.flatMap(({ delayMs }) => (delayMs === null ? [] : [delayMs])).sort((a, b) => a - b)
  const rank = (share: number) => delays[Math.ceil(delays.length * share) - 1]
  const [min, median, p99, max] = [delays[0], rank(0.5), rank(0.99), delays.at(-1)]
  const isKnown = min !== undefined && median !== undefined && p99 !== undefined && max !== undefined
  return {
    at,
    count: samples.length,
    delays: isKnown ? { min, median, p99, max } : null,
    gravest: gravestOf(kinds),
    kinds,
  }
}

/**
 * One point from several: minimum, maximum, count and verdicts stay exact. The median is the one in the middle of
 * their medians, each weighing as much as its checks; the 99th percentile is their greatest, so it is never too low.
 */
export function merge(at: number, points: readonly HistoryPoint[]): HistoryPoint {
  const kinds: HistoryPoint['kinds'] = {}
  for (const point of points) {
    for (const kind of verdictKinds) {
      const count = point.kinds[kind]
      if (count !== undefined) kinds[kind] = (kinds[kind] ?? 0) + count
    }
  }
  const count = points.reduce((sum, point) => sum + point.count, 0)
  return { at, count, delays: mergeDelays(points), gravest: gravestOf(kinds), kinds }
}

function mergeDelays(points: readonly HistoryPoint[]): HistoryPoint['delays'] {
  const known = points.flatMap(({ delays, count }) => (delays === null ? [] : [{ ...delays, count }]))
  const byMedian = [...known].sort((a, b) => a.median - b.median)
  let before = known.reduce((sum, { count }) => sum + count, 0) / 2
  const middle = byMedian.find(({ count }) => {
    before -= count
    return before <= 0
  })
  if (middle === undefined) return null
  return {
    min: known.reduce((least, { min }) => Math.min(least, min), Number.POSITIVE_INFINITY),
    median: middle.median,
    p99: known.reduce((most, { p99 }) => Math.max(most, p99), 0),
    max: known.reduce((most, { max }) => Math.max(most, max), 0),
  }
}

function gravestOf(kinds: HistoryPoint['kinds']): VerdictKind {
  return verdictKinds.findLast((kind) => (kinds[kind] ?? 0) > 0) ?? 'ok'
}

/** Samples in the order of their time, those that are there twice once. */
export function inOrder(samples: readonly Sample[]): Sample[] {
  const sorted = [...samples].sort((a, b) => a.at - b.at)
  return sorted.filter(({ at }, index) => index === 0 || sorted[index - 1]?.at !== at)
}

/** A summary of each span of time that has checks. */
export function summariseSpans(samples: readonly Sample[], spanMs: number): HistoryPoint[] {
  return [...grouped(samples, spanMs)].map(([at, group]) => summarise(at, group))
}

export function mergeSpans(points: readonly HistoryPoint[], spanMs: number): HistoryPoint[] {
  return [...grouped(points, spanMs)].map(([at, group]) => merge(at, group))
}

/** By the beginning of the span that each lies in; spans are counted from 1970, so they stay the same later. */
export function grouped<T extends { at: number }>(all: readonly T[], spanMs: number): Map<number, T[]> {
  const groups = new Map<number, T[]>()
  for (const one of all) {
    const start = Math.floor(one.at / spanMs) * spanMs
    const group = groups.get(start)
    if (group === undefined) groups.set(start, [one])
    else group.push(one)
  }
  return groups
}
