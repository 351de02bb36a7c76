import { settled } from '../dropped-errors.ts'
import { createSemaphore, type Semaphore, withPermit } from '../lib/async/semaphore.ts'
import { LATE, withTimeout } from '../lib/async/with-timeout.ts'

/**
 * Limit of simultaneous calls on one source's tree. A source whose disk hangs blocks at most this many threads of the
 * pool, which has enough for many such sources (core/agent/workers/starter.ts).
 */
const CALLS_PER_SOURCE = 8

/** Shared by the whole process: a call that hangs outlives the session and the settings that it was made for. */
const permits = new Map<string, Semaphore>()

/** Makes a call on a source's tree when a permit is free. The call must not wait for another call of `callOn`. */
export function callOn<T>(root: string, call: () => Promise<T>): Promise<T> {
  const known = permits.get(root) ?? createSemaphore(CALLS_PER_SOURCE)
  permits.set(root, known)
  return withPermit(known, call)
}

/** Directories of disks inside sources with an unanswered call: no further calls are made on them meanwhile. */
const unanswered = new Set<string>()

/**
 * Makes a call on a disk inside a source, which may hang. Throws ETIMEDOUT if it is late, and until it has answered.
 */
export async function callInTime<T>(place: string, ms: number, ask: () => Promise<T>): Promise<T> {
  if (!unanswered.has(place)) {
    const answer = ask()
    const first = await withTimeout(ms, answer)
    if (first !== LATE) return first
    unanswered.add(place)
    void settled(answer).then(() => unanswered.delete(place))
  }
  throw Object.assign(new Error(`${place} gives no answer`), { code: 'ETIMEDOUT' })
}
