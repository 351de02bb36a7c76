import { setImmediate as turn } from 'node:timers/promises'
import type { Ledger, SessionMemory } from '../ledger/ledger.ts'
import { type Message, message } from '../lib/i18n/message.ts'

/** Rows in one transaction; the event loop turns between two. */
const CHUNK_ROWS = 1_000
/** The position before the first one. */
const ALL = -1

/** The session that a destination remembers. */
interface Theirs extends Omit<SessionMemory, 'next'> {
  /** The id of the new session. */
  next: string
  /** Two computers have continued the same session: one is a copy of the other. */
  isForked: boolean
}

export type Sessions = ReturnType<typeof openSessions>

/** The sender's memory of its sessions with one destination; see PROTOCOL.md, "Sessions". */
export function openSessions(
  ledger: Pick<Ledger, 'session' | 'rememberSession' | 'offerAgainSince' | 'offerAgain' | 'removedSince'>,
  destination: { id: string; name: string },
) {
  const { id, name } = destination

  const offerAll = async (since: number): Promise<number> => {
    let files = 0
    for (let some = CHUNK_ROWS; some === CHUNK_ROWS; files += some) {
      some = ledger.offerAgainSince(id, since, CHUNK_ROWS)
      await turn()
    }
    return files
  }

  return {
    /** Returns the last session for the `hello` frame. */
    hello: () => ledger.session(id),
    /**
     * Compares the receiver's session with ours, and stores it. Files that the receiver has lost wait again before this
     * resolves.
     */
    async welcome(theirs: Theirs | null): Promise<{ asksFirst: boolean; notice: Message | null }> {
      if (theirs === null) return { asksFirst: false, notice: null }
      const { epoch, position, last, next, isForked } = theirs
      const ours = ledger.session(id)
      const isAnew = ours?.epoch !== epoch
      const since = findLostSince(ours, theirs)
      let notice = ours !== null && isForked ? message('transfer.sessionForked', { name }) : null
      if (since !== null) {
        const removed = ledger.removedSince(id, since)
        const files = await offerAll(since)
        // The receiver has no files of this computer: its folder is new, or was restored to its beginning.
        const isEmpty = isAnew || position === 0
        notice = describeLoss(isEmpty, { name, files, at: Date.now() }, removed)
      }
      ledger.rememberSession(id, { epoch, position, last, next })
      return { asksFirst: isAnew && position > 0, notice }
    },
    /** Offers files again that the receiver asked for; returns how many wait now. */
    offerAgain: (files: readonly (readonly [source: string, path: string])[]): number =>
      ledger.offerAgain(id, files),
  }
}

/** Returns the position after which stored files are offered again; null: the receiver has lost none. */
function findLostSince(
  ours: Pick<SessionMemory, 'epoch' | 'position'> | null,
  { epoch, position }: Theirs,
): number | null {
  if (ours === null) return null
  if (ours.epoch !== epoch) return ALL
  return position < ours.position ? position : null
}

/**
 * Returns the notice about files that the receiver has lost; null: it has lost none.
 * @param removed number of lost files that were removed here; other files that no longer exist here are detected when
 *   they are read for sending.
 */
function describeLoss(
  isEmpty: boolean,
  params: { name: string; files: number; at: number },
  removed: number,
): Message | null {
  if (removed > 0)
    return message(isEmpty ? 'transfer.sessionAnewLost' : 'transfer.sessionLost', { ...params, removed })
  if (params.files > 0) return message(isEmpty ? 'transfer.sessionAnew' : 'transfer.sessionOlder', params)
  return null
}
