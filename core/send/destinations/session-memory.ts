import { setImmediate as turn } from 'node:timers/promises'
import type { Ledger, SessionMemory } from '../../ledger/ledger.ts'
import { type Message, message } from '../../lib/i18n/message.ts'

/** Rows in one transaction; between two the event loop turns. */
const CHUNK_ROWS = 1_000
/** Before the first position. */
const ALL = -1

/** What a destination says that it remembers. */
export interface Theirs extends Omit<SessionMemory, 'next'> {
  /** What this session is called from now on. */
  next: string
  /** Two computers have gone on with one session: one is a copy of the other. */
  isForked: boolean
}

/** What the sender remembers of its sessions with one destination; see PROTOCOL.md, "Sessions". */
export type Sessions = ReturnType<typeof openSessions>

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
    /** What `hello` says of it. */
    hello: () => ledger.session(id),
    /**
     * Takes over what the receiver has said: what it has lost waits again before this resolves, and the session is
     * written down.
     */
    async welcome(theirs: Theirs | null): Promise<{ asksFirst: boolean; notice: Message | null }> {
      if (theirs === null) return { asksFirst: false, notice: null }
      const { epoch, position, last, next, isForked } = theirs
      const ours = ledger.session(id)
      const isAnew = ours?.epoch !== epoch
      // What has been stored since is offered again.
      const since = ours === null ? null : isAnew ? ALL : position < ours.position ? position : null
      let notice = ours !== null && isForked ? message('transfer.sessionForked', { name }) : null
      if (since !== null) {
        const removed = ledger.removedSince(id, since)
        const files = await offerAll(since)
        // Nothing of this computer is there: that is a new folder, or one that was put back as far as that.
        const isEmpty = isAnew || position === 0
        const [plain, lost] = isEmpty
          ? (['transfer.sessionAnew', 'transfer.sessionAnewLost'] as const)
          : (['transfer.sessionOlder', 'transfer.sessionLost'] as const)
        // What is here no more is found out as it is read to be sent.
        const params = { name, files, at: Date.now() }
        notice = files > 0 ? message(plain, params) : null
        if (removed > 0) notice = message(lost, { ...params, removed })
      }
      ledger.rememberSession(id, { epoch, position, last, next })
      return { asksFirst: isAnew && position > 0, notice }
    },
    /** The receiver wants these files again; how many wait now. */
    want: (files: readonly (readonly [source: string, path: string])[]): number =>
      ledger.offerAgain(id, files),
  }
}
