const FIRST_DELAY_MS = 200
/** One that ends all the time is started thirty times an hour. */
const LONGEST_DELAY_MS = 120_000
/** A worker that ran for this long is well: its next end starts the delays anew. */
const WELL_AFTER_MS = 10 * 60_000

export interface Restart {
  /** Ends in a row, this one included. */
  failures: number
  /** Milliseconds until the next start. */
  delayMs: number
  /** The longest delay is reached: it does not come back by itself. */
  isHopeless: boolean
}

/** When a worker is started again that has ended after `ranMs`, and `failures` times in a row before. */
export function decideRestart(failures: number, ranMs: number): Restart {
  const before = ranMs > WELL_AFTER_MS ? 0 : failures
  const delayMs = Math.min(FIRST_DELAY_MS * 2 ** before, LONGEST_DELAY_MS)
  return { failures: before + 1, delayMs, isHopeless: delayMs === LONGEST_DELAY_MS }
}
