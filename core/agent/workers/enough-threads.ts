import { UserError } from '../../lib/i18n/user-error.ts'
import { readDescriptorLimit, readThreadLimit } from '../../platform/process-limits.ts'
import { describeThreads, getLeft, PART, POOL_THREADS } from './pool-threads.ts'

// Checks that the system allows an agent or a receiver what it needs.

/** Threads that must be left for an agent with one destination, and for a command beside it. */
const LEAST_LEFT = 256
/** Descriptors with which each process works, with few files open at a time; and a number that suits all agents. */
const LEAST_DESCRIPTORS = 128
const ENOUGH_DESCRIPTORS = 4_096

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
