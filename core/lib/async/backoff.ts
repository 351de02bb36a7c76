/** Pause before the first further attempt, in milliseconds. */
const FIRST_MS = 1_000

/**
 * How long to wait after the `attempt`th failure in a row (1 is the first), in milliseconds: twice as long
 * each time up to `capMs`, and by chance up to a fifth shorter, so that many senders do not come back to one
 * receiver in the same moment.
 * @param random from 0 up to, not including, 1.
 */
export function backoffMs(attempt: number, capMs: number, random: number = Math.random()): number {
  const full = Math.min(capMs, FIRST_MS * 2 ** Math.min(30, Math.max(0, attempt - 1)))
  return full * (1 - random / 5)
}
