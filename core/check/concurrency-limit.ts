import { createSemaphore } from '../pacing/semaphore.ts'
import type { Clock } from './clock.ts'

/** Checks that may be out at once: each that hangs holds a thread of libuv's pool, which has some more (1,024). */
const MOST_OUT = 900
/** Where none of them comes back for this long, in milliseconds, they hang: a disk may have to spin up. */
const PATIENCE_MS = 5_000

/** Bounds the checks of one process that are out. */
export interface ConcurrencyLimit {
  /** Runs a check as soon as it may be. null: it was not run, as no other came back in time. */
  run<T>(check: () => Promise<T>): Promise<T | null>
}

export function createConcurrencyLimit(clock: Clock, most: number = MOST_OUT): ConcurrencyLimit {
  const semaphore = createSemaphore(most)

  const inTime = (turn: Promise<boolean>): Promise<boolean> =>
    new Promise((resolve) => {
      const cancel = clock.at(clock.now() + PATIENCE_MS, () => {
        resolve(false)
        // When its turn comes nobody wants it any more.
        void turn.then(() => semaphore.release())
      })
      void turn.then(() => {
        cancel()
        resolve(true)
      })
    })

  return {
    run: async (check) => {
      if (!semaphore.tryAcquire() && !(await inTime(semaphore.acquire()))) return null
      try {
        return await check()
      } finally {
        semaphore.release()
      }
    },
  }
}
