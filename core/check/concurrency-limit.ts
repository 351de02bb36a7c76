import { createSemaphore } from '../lib/async/semaphore.ts'
import { LATE, withTimeout } from '../lib/async/with-timeout.ts'

/** Checks that may be out at once: each that hangs holds a thread of libuv's pool, which has some more (576). */
const MOST_OUT = 540
/** Where none of them comes back for this long, in milliseconds, they hang: a disk may have to spin up. */
const PATIENCE_MS = 5_000

/** Bounds the checks of one process that are out. */
export type ConcurrencyLimit = ReturnType<typeof createConcurrencyLimit>

export function createConcurrencyLimit(most: number = MOST_OUT) {
  const semaphore = createSemaphore(most)
  return {
    /** Runs a check as soon as it may be. null: it was not run, as no other came back in time. */
    async run<T>(check: () => Promise<T>): Promise<T | null> {
      if (!semaphore.tryAcquire()) {
        const turn = semaphore.acquire()
        if ((await withTimeout(PATIENCE_MS, turn)) === LATE) {
          // When its turn comes nobody wants it any more.
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
