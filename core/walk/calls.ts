import { settled } from '../dropped-errors.ts'
import { createSemaphore, type Semaphore, withPermit } from '../lib/async/semaphore.ts'
import { LATE, withTimeout } from '../lib/async/with-timeout.ts'

/**
 * Calls that may be out on one source's tree at once. A source whose disk hangs holds so many threads of the
 * pool and no more; the pool has enough of them for many such sources (core/agent/workers/starter.ts).
 */
const CALLS_PER_SOURCE = 8

/** For this whole process: a call that hangs outlives the session, and the settings, that it was made for. */
const permits = new Map<string, Semaphore>()

/** Makes a call on a source's tree when it is its turn. The call must not wait for another one that asks here. */
export function callOn<T>(root: string, call: () => Promise<T>): Promise<T> {
  const known = permits.get(root) ?? createSemaphore(CALLS_PER_SOURCE)
  permits.set(root, known)
  return withPermit(known, call)
}

/** Disks inside sources, by their directories, that owe an answer: nothing more is asked of one meanwhile. */
const unanswered = new Set<string>()

/** Asks a disk inside a source, which may hang. Throws ETIMEDOUT if it does not answer in time, and for as long as it owes it. */
export async function askInTime<T>(place: string, ms: number, ask: () => Promise<T>): Promise<T> {
  if (!unanswered.has(place)) {
    const answer = ask()
    const first = await withTimeout(ms, answer)
    if (first !== LATE) return first
    unanswered.add(place)
    void settled(answer).then(() => unanswered.delete(place))
  }
  throw Object.assign(new Error(`${place} gives no answer`), { code: 'ETIMEDOUT' })
}
