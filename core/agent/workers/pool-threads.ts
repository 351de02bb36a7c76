import { readThreadLimit, type ThreadLimit } from '../../platform/process-limits.ts'
import type { StartedName } from '../state/schema.ts'

// The sizes of libuv's thread pools. libuv creates all threads of a pool at its first use, and ends the process by
// SIGABRT if the system refuses one.

/** Least threads at the start: enough for one hung source. */
const FIRST = 32
/** Threads of the pools that grow. Each other pool has all its threads from the start. */
export const FIRST_THREADS: Partial<Record<StartedName, number>> = {
  checker: FIRST,
  scanner: FIRST,
  sender: FIRST,
}
/**
 * Threads of the pool that follows when all of them are occupied, where nothing limits them. A path that hangs in the
 * kernel occupies a thread as long as it hangs; core/check/scheduler/timetable.ts limits the checker's. The scanner and
 * the sender limit the pending calls of one source (core/walk/walk.ts, core/send/transfer/attempt.ts: about twenty
 * calls), so their threads suffice for more than twenty hung sources. A destination folder counts as one more disk.
 */
export const POOL_THREADS: Record<StartedName, number> = {
  checker: 576,
  scanner: 512,
  sender: 512,
  // For the disk of its store, which may have twice as many calls as files that are written at a time: from the start.
  receiver: 128,
  // Its calls block, or wait for a network.
  restorer: 16,
}
/** A pool takes at most this part of the threads that are left, so that any number of processes fits. */
export const PART = 5
const LEAST_THREADS = 16
/** For a pool of as many threads as are of use. */
export const ANY_CALLS = Number.POSITIVE_INFINITY
/** Threads of a process besides its pool: those of Node.js, and those with synchronous calls. */
const OWN_THREADS = 16

/** Threads of the processes that were started here and run; libuv may not have created them yet. */
let reserved = 0
/** Threads that existed before the first one was started. */
let before: number | null = null

/** Returns the number of threads that may still be created. */
export const getLeft = ({ most, used }: ThreadLimit): number => {
  before ??= used
  return most - Math.max(used, before + reserved)
}

/** Returns the threads of a pool where so many are left. One that replaces a crowded pool takes half to be no smaller. */
function getShare(left: number, isCrowded: boolean): number {
  const least = isCrowded ? Math.min(FIRST, Math.floor(left / 2)) : 0
  return Math.max(LEAST_THREADS, least, Math.floor(left / PART))
}

/** Returns the threads for so many calls that may hang at a time, of which a sixteenth and some more stay free. */
const threadsFor = (calls: number): number => Math.ceil(calls * 1.1) + 8

/**
 * Returns the size of a new process' pool, which fits the limits of the system. Call `release` at its end.
 * @param calls so many may hang at a time; ANY_CALLS: a smaller pool was fully occupied.
 */
export function reserveThreads(
  name: StartedName,
  calls: number,
  limit = readThreadLimit(),
): { threads: number; release(): void } {
  const first = FIRST_THREADS[name] ?? POOL_THREADS[name]
  const most = Math.min(POOL_THREADS[name], Math.max(first, threadsFor(calls)))
  const threads = limit === null ? most : Math.min(most, getShare(getLeft(limit), calls === ANY_CALLS))
  let held = threads + OWN_THREADS
  reserved += held
  return {
    threads,
    release() {
      reserved -= held
      held = 0
    },
  }
}

/**
 * Sizes this process' own pool, before its first use. The environment that it was started with gives the most.
 * @returns a line for the log if the pool is smaller than usual; null: it is not.
 */
export function fitOwnPool(name: StartedName, limit = readThreadLimit()): string | null {
  const { threads } = reserveThreads(name, 0, limit)
  const given = Number(process.env.UV_THREADPOOL_SIZE)
  if (limit === null || threads >= (given > 0 ? given : LEAST_THREADS)) return null
  process.env.UV_THREADPOOL_SIZE = String(threads)
  return `${describeThreads(limit)}: the pool has ${threads} threads, so fewer files are written at a time`
}

/** Returns the use of a limit, for the log. */
export function describeThreads({ most, used, of }: ThreadLimit): string {
  const what = of === 'cgroup' ? 'pids.max of the control group' : 'ulimit -u'
  return `${used} of ${most} processes and threads exist (${what})`
}
