import { UserError } from '../../lib/i18n/user-error.ts'
import { readDescriptorLimit, readThreadLimit, type ThreadLimit } from '../../platform/process-limits.ts'
import type { StartedName } from '../state/schema.ts'

// The sizes of libuv's thread pools. libuv creates all threads of a pool at its first use, and ends the process by
// SIGABRT if the system refuses one.

/**
 * Threads of a pool where nothing limits them. A path that hangs in the kernel occupies a thread as long as it hangs;
 * core/check/scheduler/timetable.ts limits the checker's. The scanner and the sender limit the pending calls of one
 * source (core/walk/walk.ts, core/send/transfer/attempt.ts: about twenty calls), so their threads suffice for more than
 * twenty hung sources. A destination folder counts as one more disk.
 */
const POOL_THREADS: Record<StartedName, number> = {
  checker: 576,
  scanner: 512,
  sender: 512,
  // For the disk of its store, which may have twice as many calls as files that are written at a time.
  receiver: 128,
  // Its calls block, or wait for a network.
  restorer: 16,
}
/** A pool takes at most this part of the threads that are left, so that any number of processes fits. */
const PART = 5
const LEAST_THREADS = 16
/** Threads of a process besides its pool: those of Node.js, and those with synchronous calls. */
const OWN_THREADS = 16
/** Threads that must be left for an agent with one destination, and for a command beside it. */
const LEAST_LEFT = 256
/** Descriptors with which each process works, with few files open at a time; and a number that suits all agents. */
const LEAST_DESCRIPTORS = 128
const ENOUGH_DESCRIPTORS = 4_096

/** Threads of the processes that were started here and run; libuv may not have created them yet. */
let reserved = 0
/** Threads that existed before the first one was started. */
let before: number | null = null

const getLeft = ({ most, used }: ThreadLimit): number => {
  before ??= used
  return most - Math.max(used, before + reserved)
}

/** Returns the size of a new process' pool, which fits the limits of the system. Call `release` at its end. */
export function reserveThreads(
  name: StartedName,
  limit = readThreadLimit(),
): { threads: number; release(): void } {
  const most = POOL_THREADS[name]
  const threads =
    limit === null ? most : Math.min(most, Math.max(LEAST_THREADS, Math.floor(getLeft(limit) / PART)))
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
  const { threads } = reserveThreads(name, limit)
  const given = Number(process.env.UV_THREADPOOL_SIZE)
  if (limit === null || threads >= (given > 0 ? given : LEAST_THREADS)) return null
  process.env.UV_THREADPOOL_SIZE = String(threads)
  return `${describeThreads(limit)}: the pool has ${threads} threads, so fewer files are written at a time`
}

/**
 * Checks that an agent has the threads that it needs.
 * @returns a line for the log if pools are smaller than usual, as fewer disks may hang at a time; null: they are not.
 * @throws UserError agent.fewThreads
 */
export function checkThreads(limit = readThreadLimit()): string | null {
  if (limit === null) return null
  const left = getLeft(limit)
  const { most, used } = limit
  const raised = used + 4 * LEAST_LEFT
  if (left < LEAST_LEFT) {
    const figures = { most, used, least: LEAST_LEFT, raised }
    throw new UserError(limit.of === 'cgroup' ? 'agent.fewThreadsGroup' : 'agent.fewThreadsUser', figures)
  }
  if (left >= PART * POOL_THREADS.checker) return null
  return `${describeThreads(limit)}: pools are smaller, so fewer disks may hang at a time`
}

/**
 * Checks that the processes of an agent, or a receiver, may have the descriptors that each needs.
 * @param most the limit; null: unknown
 * @throws UserError agent.fewDescriptors
 */
export function checkDescriptors(most = readDescriptorLimit()): void {
  if (most === null || most >= LEAST_DESCRIPTORS) return
  throw new UserError('agent.fewDescriptors', { most, least: LEAST_DESCRIPTORS, raised: ENOUGH_DESCRIPTORS })
}

/** Returns the use of a limit, for the log. */
export function describeThreads({ most, used, of }: ThreadLimit): string {
  const what = of === 'cgroup' ? 'pids.max of the control group' : 'ulimit -u'
  return `${used} of ${most} processes and threads exist (${what})`
}
