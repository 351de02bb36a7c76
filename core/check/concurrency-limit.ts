import { createSemaphore } from '../lib/async/semaphore.ts'
import { LATE, withTimeout } from '../lib/async/with-timeout.ts'

/** Limit of checks that run at once: each that hangs blocks a thread of libuv's pool, which has a few more (576). */
const MOST_OUT = 540
/** If none of them returns for this long, in milliseconds, they count as hung: a disk may have to spin up. */
const PATIENCE_MS = 5_000

/** Bounds the number of running checks of one process. */
export type ConcurrencyLimit = ReturnType<typeof createConcurrencyLimit>

export function createConcurrencyLimit(most: number = MOST_OUT) {
  const semaphore = createSemaphore(most)
  return {
    /** Runs a check as soon as the limit permits. null: it was not run, since no other check returned in time. */
    async run<T>(check: () => Promise<T>): Promise<T | null> {
      if (!semaphore.tryAcquire()) {
        const turn = semaphore.acquire()
        if ((await withTimeout(PATIENCE_MS, turn)) === LATE) {
          // Release the permit as soon as it arrives, since it is no longer needed.
          void turn.then(() => semaphore.release())
          return null
        }
      }
      try {
        return await check()
      } finally {
        semaphore.release()
      }
    },
  }
}
