import { setImmediate as turn } from 'node:timers/promises'
import type { Ledger, SessionMemory } from '../../ledger/ledger.ts'
import type { Message } from '../../words/message.ts'
import { message } from '../../words/message.ts'

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

/** What the sender does about what both ends remember of their last session. */
export interface Agreed {
  /** The receiver has files of this computer that the ledger knows nothing of. */
  asksFirst: boolean
  /** What has been stored since this position is offered again; null: nothing. */
  offerSince: number | null
  /** What a person should know; null: nothing. */
  why: 'older' | 'anew' | 'forked' | null
}

/** Pure; see PROTOCOL.md, "Sessions". */
export function agree(ours: SessionMemory | null, theirs: Theirs): Agreed {
  if (ours === null) return { asksFirst: theirs.position > 0, offerSince: null, why: null }
  if (ours.epoch !== theirs.epoch) return { asksFirst: theirs.position > 0, offerSince: ALL, why: 'anew' }
  if (theirs.position < ours.position) return { asksFirst: false, offerSince: theirs.position, why: 'older' }
  return { asksFirst: false, offerSince: null, why: theirs.isForked ? 'forked' : null }
}

/** What the sender remembers of its sessions with one destination. */
export interface Sessions {
  /** What `hello` says of it. */
  hello(): SessionMemory | null
  /**
   * Takes over what the receiver has said: what it has lost waits again before this resolves, and the session is
   * written down.
   */
  welcome(theirs: Theirs | null): Promise<{ asksFirst: boolean; notice: Message | null }>
  /** The receiver wants these files again; how many wait now. */
  want(files: readonly (readonly [source: string, path: string])[]): number
}

export function openSessions(
  ledger: Pick<Ledger, 'session' | 'rememberSession' | 'offerAgainSince' | 'offerAgain' | 'removedSince'>,
  destination: { id: string; name: string },
): Sessions {
  const { id, name } = destination

  const offerAll = async (since: number): Promise<number> => {
    let files = 0
    for (let some = CHUNK_ROWS; some === CHUNK_ROWS; files += some) {
      some = ledger.offerAgainSince(id, since, CHUNK_ROWS)
      await turn()
    }
    return files
  }

  const noticeOf = (why: NonNullable<Agreed['why']>, files: number, removed: number): Message | null => {
    if (why === 'forked') return message('transfer.sessionForked', { name })
    if (files === 0 && removed === 0) return null
    if (removed > 0) return message('transfer.sessionLost', { name, files, removed })
    return message(why === 'anew' ? 'transfer.sessionAnew' : 'transfer.sessionOlder', { name, files })
  }

  return {
    hello: () => ledger.session(id),
    async welcome(theirs) {
      if (theirs === null) return { asksFirst: false, notice: null }
      const { asksFirst, offerSince, why } = agree(ledger.session(id), theirs)
      const removed = offerSince === null ? 0 : ledger.removedSince(id, offerSince)
      const files = offerSince === null ? 0 : await offerAll(offerSince)
      const { epoch, position, last, next } = theirs
      ledger.rememberSession(id, { epoch, position, last, next })
      return { asksFirst, notice: why === null ? null : noticeOf(why, files, removed) }
    },
    want: (files) => ledger.offerAgain(id, files),
  }
}
