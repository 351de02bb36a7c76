import type { AlignedData } from 'uplot'
import type { CommandOutput } from '../../../core/agent/contract.ts'

export type CheckHistory = CommandOutput<'checkHistory'>
type Point = CheckHistory['points'][number]

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** How far back the plot may show, in milliseconds; how often it is asked for anew. */
export const reaches = {
  hour: { lengthMs: hour, refreshMs: 2_000 },
  day: { lengthMs: day, refreshMs: minute },
  month: { lengthMs: 30 * day, refreshMs: 10 * minute },
} as const
export type Reach = keyof typeof reaches

/** Which reach is as long as this; null: none. */
export function reachOf(lengthMs: number): Reach | null {
  return (Object.keys(reaches) as Reach[]).find((reach) => reaches[reach].lengthMs === lengthMs) ?? null
}

/** A plot of less would be one of nothing. Milliseconds. */
const leastShown = 10 * second

/** Points that the plot is asked for: about one for each of its pixels. */
export const plotPoints = 400

/** A span without a check that is longer than this many of its neighbours' is a gap in the line. */
const gapSpans = 2.5

/**
 * Columns for the plot: seconds before `to`, the median delay, the 99th percentile, and a mark at 0 where a check
 * failed. Where there was no check for long, the lines are interrupted.
 */
export function plotData({ points, spanMs }: CheckHistory, to: number, intervalMs: number): AlignedData {
  const rows: [number, number | null, number | null, number | null][] = []
  const longest = gapSpans * Math.max(spanMs, intervalMs, usualGap(points))
  let before: number | null = null
  for (const point of points) {
    if (before !== null && point.at - before > longest) {
      rows.push([(before + longest - to) / 1_000, null, null, null])
    }
    const { at, delays } = point
    const failed = failuresOf(point) > 0 ? 0 : null
    rows.push([(at - to) / 1_000, delays?.median ?? null, delays?.p99 ?? null, failed])
    before = at
  }
  return [
    rows.map((row) => row[0]),
    rows.map((row) => row[1]),
    rows.map((row) => row[2]),
    rows.map((row) => row[3]),
  ]
}

/** What three of four checks came within, after the one before: the interval may have been another one then. */
function usualGap(points: readonly Point[]): number {
  const gaps = points.slice(1).map(({ at }, index) => at - (points[index]?.at ?? at))
  return gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length * 0.75)] ?? 0
}

function failuresOf({ count, kinds }: Point): number {
  return count - (kinds.ok ?? 0) - (kinds.slow ?? 0)
}

export interface DelayFacts {
  checks: number
  failed: number
  /** Milliseconds; null where every check failed. */
  delays: { median: number; p99: number; most: number } | null
}

/** How many checks there were and failed, and their delays; of summaries the median and p99 are nearly so. */
export function delayFacts({ points }: CheckHistory): DelayFacts {
  const known = points.flatMap(({ count, delays }) => (delays === null ? [] : [{ count, ...delays }]))
  const counted = known.reduce((sum, { count }) => sum + count, 0)
  /** The delay that this share of the checks does not exceed, where each has its point's. */
  const rank = (share: number, of: (delays: NonNullable<Point['delays']>) => number): number => {
    let rest = counted * share
    const sorted = known.toSorted((one, other) => of(one) - of(other))
    const found = sorted.find(({ count }) => {
      rest -= count
      return rest <= 0
    })
    return found === undefined ? 0 : of(found)
  }
  return {
    checks: points.reduce((sum, { count }) => sum + count, 0),
    failed: points.reduce((sum, point) => sum + failuresOf(point), 0),
    delays:
      known.length === 0
        ? null
        : {
            median: rank(0.5, ({ median }) => median),
            p99: rank(0.99, ({ p99 }) => p99),
            most: known.reduce((most, { max }) => Math.max(most, max), 0),
          },
  }
}

/** How much of a reach there is to show: the plot begins with the first check. Milliseconds. */
export function shownLength({ points: [first] }: CheckHistory, to: number, reach: Reach): number {
  const { lengthMs } = reaches[reach]
  return first === undefined ? lengthMs : Math.min(lengthMs, Math.max(leastShown, to - first.at))
}

/** Times between two marks of the axis that a person can read at a glance. */
const markSteps = [
  ...[second, minute].flatMap((unit) => [unit, 2 * unit, 5 * unit, 10 * unit, 20 * unit]),
  ...[hour, 2 * hour, 4 * hour, 8 * hour],
  ...[day, 2 * day, 5 * day],
]

/** Pixels from mark to mark, so that their words do not run into each other. */
const MARK_WIDTH = 75

/** Where the axis of this width has a word, in seconds before now: 0 and at most three marks before it. */
export function axisMarks(lengthMs: number, width: number): number[] {
  const most = Math.min(4, width / MARK_WIDTH)
  const step = markSteps.find((one) => lengthMs / one < most) ?? 10 * day
  const count = Math.floor(lengthMs / step)
  return Array.from({ length: count + 1 }, (_, index) => ((index - count) * step) / 1_000)
}
