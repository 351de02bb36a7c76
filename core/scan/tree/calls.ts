import { Limit } from './limit.ts'

/**
 * Calls that may be out on one source's tree at once. A source whose disk hangs holds so many threads of the
 * pool and no more; the pool has enough of them for many such sources (worker-starter.ts).
 */
const CALLS_PER_SOURCE = 8

/** For this whole process: a call that hangs outlives the session, and the settings, that it was made for. */
const limits = new Map<string, Limit>()

/** Makes a call on a source's tree when it is its turn. The call must not wait for another one that asks here. */
export function callOn<T>(root: string, call: () => Promise<T>): Promise<T> {
  const known = limits.get(root) ?? new Limit(CALLS_PER_SOURCE)
  limits.set(root, known)
  return known.run(call)
}
