/** CLOCK_MONOTONIC in milliseconds: the same clock in all processes of one machine, unlike performance.now(). */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
