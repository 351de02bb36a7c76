import { setTimeout as delay } from 'node:timers/promises'

/** Tests set other clocks. */
const now = performance.now.bind(performance)

/**
 * Waits until `probe` gives something other than undefined, false or null, and gives that back. Fails after
 * `withinMs` with `what` and the last error: tests wait for conditions, never for time.
 */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  withinMs = 60_000,
): Promise<Exclude<T, undefined | false | null>> {
  const started = now()
  let lastError: unknown
  for (;;) {
    try {
      const value = await probe()
      if (value !== undefined && value !== false && value !== null) {
        return value as Exclude<T, undefined | false | null>
      }
    } catch (error) {
      lastError = error
    }
    const elapsedMs = now() - started
    if (elapsedMs > withinMs) {
      throw new Error(
        `not within ${withinMs} ms: ${what}`,
        lastError === undefined ? {} : { cause: lastError },
      )
    }
    // Probes often ask another process: less often during a long wait, which leaves it the processor.
    await delay(elapsedMs < 1_000 ? 20 : elapsedMs < 5_000 ? 50 : 150)
  }
}
