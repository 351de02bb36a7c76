import type { FrameHeader } from '../wire/frames.ts'
import type { KnownSession } from './store.ts'

/** What becomes of what both ends remember of their last session. */
export interface Judged {
  /** The sender's data, or the store, was put back to an earlier state or copied: somebody has to know. */
  isForked: boolean
  /** What the store has got since this position the sender does not know: it is offered again; null: nothing. */
  offerSince: number | null
}

/**
 * Each session has a name that both ends write down: the sender before it sends anything, the receiver with the first
 * that it stores. Where the last name that has stored something is none of the two that the sender may know, somebody
 * else has sent in its place since: a copy of it, or it itself, before it was put back. Also within one session it may
 * have been put back (a snapshot of a computer that runs): what it was not answered, or knows no more, is the same here.
 * Pure.
 */
export function judgeSession(theirs: FrameHeader<'hello'>['session'], ours: KnownSession | null): Judged {
  const nothing: Judged = { isForked: false, offerSince: null }
  // A sender without a session, or of another manifest, offers everything anyway.
  if (theirs === null || ours === null || theirs.epoch !== ours.epoch || ours.session === null) return nothing
  return {
    isForked: theirs.last !== ours.session && theirs.next !== ours.session,
    offerSince: theirs.position < ours.position ? theirs.position : null,
  }
}
