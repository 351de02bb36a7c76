import type { Semaphore } from '../../pacing/semaphore.ts'
import type { FileFacts } from '../file-facts.ts'
import type { Outcome } from '../file-refused.ts'
import { FileRefused, outcomeOf } from '../file-refused.ts'
import type { Room } from '../limits/admission.ts'
import type { Copies } from './copies.ts'
import type { StoreParts } from './parts.ts'
import { componentsOf, judgeName } from './parts.ts'

/** A name under which nothing can have been stored has no content. */
function judgeOldName(from: Pick<FileFacts, 'source' | 'path'>): void {
  try {
    judgeName(from)
  } catch {
    throw new FileRefused('unknown', 'name')
  }
}

/**
 * Stores a file whose content is there already, under another name of the same sender: looked at, copied, and
 * durable when it resolves; `unknown`: there is no such content. After the signal it may give up. Never rejects.
 * Of its own name it is a question: nothing is written, and `same` means that the content was read back just now.
 *
 * @param turns what it waits for, once its names were judged: thousands may wait, and what is no name may be far longer.
 */
export type StoreCopy = (
  facts: FileFacts,
  from: Pick<FileFacts, 'source' | 'path'>,
  digest: Uint8Array,
  signal: AbortSignal,
  turns?: Semaphore,
) => Promise<Outcome>

export function openStoreCopy(parts: StoreParts, copies: Copies): StoreCopy {
  const { admission, commit, discard, findSame, mayBeSame, sealed, watch, writing } = parts

  return async (facts, from, digest, signal, turns) => {
    let room: Room | null = null
    let hasTurn = false
    try {
      judgeName(facts)
      judgeOldName(from)
      hasTurn = turns === undefined || (await turns.acquire())
      // Only now: in pieces a name takes several times its memory.
      const components = componentsOf(facts)
      const old = componentsOf({ ...facts, ...from })
      const { size, mtimeMs, mode, arrival } = facts
      if (old.join('/') === components.join('/')) {
        await copies.confirm(old, { size, digest }, signal)
        return { status: 'same', detail: '' }
      }
      room = await watch.during(() => admission.enter(facts.folder, size))
      const { unlessSame } = room
      if (unlessSame !== null && !(await mayBeSame(components, size))) throw unlessSame
      const open = await copies.make(old, { size, digest }, signal, room.written)
      const temporary = await writing(() => sealed(open, facts))
      const same = await findSame(components, { size, digest }, () => signal.aborted)
      if (signal.aborted) {
        await discard(temporary)
        throw new FileRefused('aborted', '')
      }
      const mtime = mtimeMs / 1000
      return await commit({ temporary, components, size, mtime, mode, digest, arrival, unlessSame, same })
    } catch (thrown) {
      return outcomeOf(thrown)
    } finally {
      room?.leave()
      if (hasTurn) turns?.release()
    }
  }
}
