import type { AlignedData } from 'uplot'

/** Columns for the plot: seconds before the last check, the delay, and a mark at 0 where a check failed. */
export function plotData(delays: readonly (number | null)[], intervalSeconds: number): AlignedData {
  return [
    delays.map((_, index) => (index - delays.length + 1) * intervalSeconds),
    [...delays],
    delays.map((delay) => (delay === null ? 0 : null)),
  ]
}

/** Median and greatest delay in milliseconds; null where every check failed. */
export function delayFacts(delays: readonly (number | null)[]): { median: number; most: number } | null {
  const sorted = delays.filter((delay) => delay !== null).sort((a, b) => a - b)
  const most = sorted.at(-1)
  const median = sorted[Math.floor((sorted.length - 1) / 2)]
  return most === undefined || median === undefined ? null : { median, most }
}
