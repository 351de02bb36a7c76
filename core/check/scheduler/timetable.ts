import { createSemaphore } from '../../lib/async/semaphore.ts'
import { LATE, withTimeout } from '../../lib/async/timing.ts'

// The times at which a check may run: the timetable of a path, the timeouts, and the limit of checks of one process.

/** Longest default timeout of a check, in milliseconds: a disk needs some time to spin up. */
const MOST_PATIENCE_MS = 5_000
/** Below this interval, in milliseconds, the checks themselves are frequent enough. */
const SPOT_CHECKS_FROM_MS = 2_000
/** Total reserve for detection, reporting and a late timer, in milliseconds. */
const RESERVE_MS = 100
/** Duration of a spot check, in milliseconds, after which all paths of its file system are checked at once. */
export const SUSPICION_MS = 400
/** If no check returns for this long, in milliseconds, all that run count as hung: a disk may have to spin up. */
const STALL_MS = 5_000
/** A check that waits for this long, in milliseconds, is reason for a process with more threads. */
const CROWDED_MS = 500
/** The pool of a checker without limits: POOL_THREADS of core/agent/workers/pool-threads.ts, which this may not import. */
const USUAL_THREADS = 576

/**
 * Returns the limit of checks that run at once. Each that hangs blocks a thread of this process' pool; a sixteenth stays
 * free for their further calls, and one thread waits for the kernel's log.
 */
function mostAtOnce(): number {
  const threads = Math.min(USUAL_THREADS, Number(process.env.UV_THREADPOOL_SIZE ?? USUAL_THREADS))
  return Math.floor(((threads - 1) * 15) / 16)
}

/**
 * The fixed timetable of one path: tick k is due at start + k·interval on the monotonic clock, however long the last
 * check took. Times are in milliseconds.
 */
export interface Timetable {
  startMs: number
  intervalMs: number
}

export function dueAt({ startMs, intervalMs }: Timetable, tick: number): number {
  return startMs + tick * intervalMs
}

/** Returns the tick to wait for after `tick` has fired at `nowMs`; ticks missed during sleep are skipped. */
export function tickAfter({ startMs, intervalMs }: Timetable, tick: number, nowMs: number): number {
  return Math.max(tick + 1, Math.ceil((nowMs - startMs) / intervalMs))
}

/** Calls `run` when performance.now() reaches `atMs`; returns the function that cancels it. */
export function callAt(atMs: number, run: () => void): () => void {
  const timer = setTimeout(run, Math.max(0, Math.ceil(atMs - performance.now())))
  return () => clearTimeout(timer)
}

/**
 * Returns the longest timeout that still reports a hang within one interval and a second after it began, since a busy
 * disk is not a hung one. With the timetable alone, the next tick would meet a hang that begins just after a tick,
 * which leaves a timeout of one second. So each file system is checked in the middle as well.
 *
 * @returns in milliseconds: `timeoutMs`, after which a running check counts as hung; `spotCheckEveryMs`, the interval
 * at which one path of each file system is checked between two ticks; null: not needed.
 */
export function chooseTimeouts(intervalMs: number) {
  if (intervalMs < SPOT_CHECKS_FROM_MS) {
    return { timeoutMs: Math.min(intervalMs, 1_000 - RESERVE_MS), spotCheckEveryMs: null }
  }
  const spotCheckEveryMs = intervalMs / 2
  // A spot check, the suspicion and the timeout of the other checks: together at most the interval and a second.
  const timeoutMs = intervalMs + 1_000 - spotCheckEveryMs - SUSPICION_MS - RESERVE_MS
  return { timeoutMs: Math.min(MOST_PATIENCE_MS, timeoutMs), spotCheckEveryMs }
}

/** Bounds the number of running checks of one process. */
export type ConcurrencyLimit = ReturnType<typeof createConcurrencyLimit>

/** @param crowded is called when a check waits because the others take long. */
export function createConcurrencyLimit(crowded: () => void = () => undefined, most: number = mostAtOnce()) {
  const semaphore = createSemaphore(most)
  return {
    /** Runs a check as soon as the limit permits. null: it was not run, since no other check returned in time. */
    async run<T>(check: () => Promise<T>): Promise<T | null> {
      if (!semaphore.tryAcquire()) {
        const turn = semaphore.acquire()
        const isLate = (await withTimeout(CROWDED_MS, turn)) === LATE
        if (isLate) crowded()
        if (isLate && (await withTimeout(STALL_MS - CROWDED_MS, turn)) === LATE) {
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
