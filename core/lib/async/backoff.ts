/** Delay before the first retry, in milliseconds. */
const FIRST_MS = 1_000

/**
 * Returns the delay after the `attempt`th failure in a row (the first is 1), in milliseconds. It doubles each time up
 * to `capMs`, and is randomly shortened by up to a fifth, so that many senders do not reconnect to one receiver at the
 * same moment.
 * @param random from 0 up to, not including, 1.
 */
export function backoffMs(attempt: number, capMs: number, random: number = Math.random()): number {
  const full = Math.min(capMs, FIRST_MS * 2 ** Math.min(30, Math.max(0, attempt - 1)))
  return full * (1 - random / 5)
}
