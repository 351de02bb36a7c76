import { readdirSync } from 'node:fs'
import { usageByProcess } from '../support/process-tree.ts'

export interface Sample {
  /** Seconds since the beginning. */
  at: number
  mebibytes: number
  descriptors: number
  threads: number
}

export const measured = ['mebibytes', 'descriptors', 'threads'] as const
export type Measured = (typeof measured)[number]

/** All processes of these and their children together; null where one has ended while it was looked at. */
export function takeSample(pids: readonly number[], at: number): Sample | null {
  try {
    const usages = pids.flatMap((pid) => [...usageByProcess(pid)])
    return {
      at,
      mebibytes: usages.reduce((sum, [, { residentMiB }]) => sum + residentMiB, 0),
      descriptors: usages.reduce((sum, [pid]) => sum + readdirSync(`/proc/${pid}/fd`).length, 0),
      threads: usages.reduce((sum, [, { threads }]) => sum + threads, 0),
    }
  } catch {
    return null
  }
}

export interface Trend {
  mean: number
  /** What a straight line through them rises by from its beginning to its end (least squares), as a share of the mean. */
  rise: number
}

/** The second half of the samples: the first is the time in which everything grows to its size. */
export function computeTrend(samples: readonly Sample[], what: Measured): Trend {
  const half = samples.slice(Math.floor(samples.length / 2))
  const mean = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0) / values.length
  const meanAt = mean(half.map(({ at }) => at))
  const meanValue = mean(half.map((one) => one[what]))
  const spread = half.reduce((sum, { at }) => sum + (at - meanAt) ** 2, 0)
  const slope = half.reduce((sum, one) => sum + (one.at - meanAt) * (one[what] - meanValue), 0) / spread
  const seconds = (half.at(-1)?.at ?? 0) - (half[0]?.at ?? 0)
  return { mean: meanValue, rise: (slope * seconds) / meanValue }
}
