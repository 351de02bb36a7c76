import type { AlignedData } from 'uplot'
import type { CommandOutput } from '../../../core/agent/contract.ts'

export type CheckHistory = CommandOutput<'checkHistory'>
type Point = CheckHistory['points'][number]

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** Lengths of time that the plot can show, and its refresh intervals, in milliseconds. */
export const reaches = {
  hour: { lengthMs: hour, refreshMs: 2_000 },
  day: { lengthMs: day, refreshMs: minute },
  month: { lengthMs: 30 * day, refreshMs: 10 * minute },
} as const
export type Reach = keyof typeof reaches

/** Returns the reach of this length; null if there is none. */
export function findReach(lengthMs: number): Reach | null {
  return (Object.keys(reaches) as Reach[]).find((reach) => reaches[reach].lengthMs === lengthMs) ?? null
}

/** The plot shows at least this span, in milliseconds: a shorter one would be empty. */
const leastShown = 10 * second

/** Points to request for the plot: about one per pixel. */
export const plotPoints = 400

/** A span without checks that exceeds the usual one by this factor is a gap in the line. */
const gapSpans = 2.5

/**
 * Returns the plot's columns: seconds before `to`, median delay, 99th percentile, and a mark at 0 for each failed
 * check. The lines are interrupted at gaps without checks.
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
    const failed = countFailures(point) > 0 ? 0 : null
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

/** Returns the 75th percentile of the spans between checks: the interval may have been another one at the time. */
function usualGap(points: readonly Point[]): number {
  const gaps = points.slice(1).map(({ at }, index) => at - (points[index]?.at ?? at))
  return gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length * 0.75)] ?? 0
}

function countFailures({ count, kinds }: Point): number {
  return count - (kinds.ok ?? 0) - (kinds.slow ?? 0)
}

export interface DelaySummary {
  checks: number
  failed: number
  /** Milliseconds; null if all checks failed. */
  delays: { median: number; p99: number; most: number } | null
}

/** Counts checks and failures and summarizes the delays; median and p99 of aggregated points are approximate. */
export function summarizeDelays({ points }: CheckHistory): DelaySummary {
  const known = points.flatMap(({ count, delays }) => (delays === null ? [] : [{ count, ...delays }]))
  const counted = known.reduce((sum, { count }) => sum + count, 0)
  /** Returns the delay that this share of the checks does not exceed, with each check at its point's delay. */
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
    failed: points.reduce((sum, point) => sum + countFailures(point), 0),
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

/** Returns the span to show, in milliseconds: the plot begins with the first check. */
export function shownLength({ points: [first] }: CheckHistory, to: number, reach: Reach): number {
  const { lengthMs } = reaches[reach]
  return first === undefined ? lengthMs : Math.min(lengthMs, Math.max(leastShown, to - first.at))
}

/** Distances between two marks of the time axis. */
const markSteps = [
  ...[second, minute].flatMap((unit) => [unit, 2 * unit, 5 * unit, 10 * unit, 20 * unit]),
  ...[hour, 2 * hour, 4 * hour, 8 * hour],
  ...[day, 2 * day, 5 * day],
]

/** Minimum distance of the marks in pixels, so that their labels do not overlap. */
const MARK_WIDTH = 75

/** Returns the labelled positions of a time axis of this width, in seconds before now: 0 and at most three others. */
export function axisMarks(lengthMs: number, width: number): number[] {
  const most = Math.min(4, width / MARK_WIDTH)
  const step = markSteps.find((one) => lengthMs / one < most) ?? 10 * day
  const count = Math.floor(lengthMs / step)
  return Array.from({ length: count + 1 }, (_, index) => ((index - count) * step) / 1_000)
}
