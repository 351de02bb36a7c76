import { settled } from '../dropped-errors.ts'
import { LATE, withTimeout } from '../lib/async/timing.ts'

/** Directories of disks inside sources that have not answered a call yet. No further calls are made on these disks. */
const unanswered = new Set<string>()

/**
 * Makes a call on a disk inside a source, which may hang.
 * @throws ETIMEDOUT if the call takes longer than `ms`, and for all further calls until that one has ended
 */
export async function callInTime<T>(place: string, ms: number, ask: () => Promise<T>): Promise<T> {
  if (!unanswered.has(place)) {
    const answer = ask()
    const result = await withTimeout(ms, answer)
    if (result !== LATE) return result
    unanswered.add(place)
    void settled(answer).then(() => unanswered.delete(place))
  }
  throw Object.assign(new Error(`${place} gives no answer`), { code: 'ETIMEDOUT' })
}
