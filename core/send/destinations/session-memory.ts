import { setImmediate as turn } from 'node:timers/promises'
import type { Ledger, SessionMemory } from '../../ledger/ledger.ts'
import { type Message, message } from '../../lib/i18n/message.ts'

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
      // Files stored after this position are offered again.
      const since = ours === null ? null : isAnew ? ALL : position < ours.position ? position : null
      let notice = ours !== null && isForked ? message('transfer.sessionForked', { name }) : null
      if (since !== null) {
        const removed = ledger.removedSince(id, since)
        const files = await offerAll(since)
        // The receiver has no files of this computer: its folder is new, or was restored to its beginning.
        const isEmpty = isAnew || position === 0
        const [plain, lost] = isEmpty
          ? (['transfer.sessionAnew', 'transfer.sessionAnewLost'] as const)
          : (['transfer.sessionOlder', 'transfer.sessionLost'] as const)
        // Files that no longer exist here are detected when they are read for sending.
        const params = { name, files, at: Date.now() }
        notice = files > 0 ? message(plain, params) : null
        if (removed > 0) notice = message(lost, { ...params, removed })
      }
      ledger.rememberSession(id, { epoch, position, last, next })
      return { asksFirst: isAnew && position > 0, notice }
    },
    /** Offers files again that the receiver asked for; returns how many wait now. */
    offerAgain: (files: readonly (readonly [source: string, path: string])[]): number =>
      ledger.offerAgain(id, files),
  }
}
