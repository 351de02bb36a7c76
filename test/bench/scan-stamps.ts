/** CLOCK_MONOTONIC in milliseconds: the same clock in all processes of one machine, unlike performance.now(). */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** The number in a burst file's name, or null if it is another file. */
export function burstIndex(file: string): number | null {
  const digits = /\/f(\d+)$/.exec(file)?.[1]
  return digits === undefined ? null : Number(digits)
}

/** A message of the scanner to the benchmark, beside those to a supervisor: every directory is watched. */
export const WATCHED = 'watched'
