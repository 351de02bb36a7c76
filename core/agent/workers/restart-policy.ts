const FIRST_DELAY_MS = 200
const LONGEST_DELAY_MS = 30_000
const HOUR_MS = 3_600_000
/** A worker that ran for this long is well: its next end starts the delays anew. */
const WELL_AFTER_MS = 60_000
export const RESTARTS_PER_HOUR = 30

export interface RestartDecision {
  /** Milliseconds until the next start. */
  delayMs: number
  /** The hour's restarts are used up: say so, and wait until one of them is an hour old. */
  exhausted: boolean
}

/**
 * When a worker that has ended is started again: exponential backoff, and never more than RESTARTS_PER_HOUR.
 * @param restarts times of its earlier restarts in milliseconds, oldest first
 * @param startedAt when the run that has ended began
 */
export function decideRestart(restarts: readonly number[], startedAt: number, now: number): RestartDecision {
  const lastHour = restarts.filter((at) => at > now - HOUR_MS)
  const oldest = lastHour[0]
  if (oldest !== undefined && lastHour.length >= RESTARTS_PER_HOUR) {
    return { delayMs: oldest + HOUR_MS - now, exhausted: true }
  }
  if (now - startedAt > WELL_AFTER_MS) return { delayMs: FIRST_DELAY_MS, exhausted: false }
  const quick = lastHour.filter((at) => at > now - 10 * WELL_AFTER_MS).length
  return { delayMs: Math.min(FIRST_DELAY_MS * 2 ** quick, LONGEST_DELAY_MS), exhausted: false }
}
