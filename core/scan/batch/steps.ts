/** How the last listing of a batch directory began and what it found. */
export interface Listing {
  /** When it began, in milliseconds of a steady clock. */
  startedAt: number
  /** It began when no more files were expected. */
  closing: boolean
  /** It began after finished.parse. */
  afterClose: boolean
  /** It began when the ledger had every known file of the directory as sent. */
  allSent: boolean
  /** Files that were not known as they are, or that cannot be sent, then or by an event since. */
  found: number
  /** Something happened since, so that another listing may find more or less. */
  stale: boolean
}

/** All that decides what is to be done next about one batch directory. */
export interface DirectoryState {
  watching: boolean
  /** finished.parse is there. */
  closed: boolean
  /** finished.watch is there. */
  sent: boolean
  /** The newest of its source: without finished.parse its producer may be at work. */
  newest: boolean
  listing: Listing | null
  /** When a listing first found a directory without finished.parse at rest; null if none did. */
  calmSince: number | null
  /** A mark was refused: there is no listing for another one before this time of the steady clock. */
  nextMarkAt: number
}

export const newDirectoryState: DirectoryState = {
  watching: false,
  closed: false,
  sent: false,
  newest: false,
  listing: null,
  calmSince: null,
  nextMarkAt: Number.NEGATIVE_INFINITY,
}

/** A closed directory in which a listing has found something is listed again after this, in milliseconds. */
const FOUND_AGAIN_MS = 30_000
/** A mark that was refused is tried again after this: each try of a directory that nobody closed is two listings. */
const MARK_AGAIN_MS = 30_000

/**
 * watch, list, mark, unwatch: do that. rest: wait for an event, a nudge or the next comparison. settle: look
 * again at a time, in milliseconds of the steady clock.
 */
export type Step =
  | { step: 'watch' | 'list' | 'mark' | 'unwatch' | 'rest' }
  | { step: 'settle'; until: number }

/**
 * The next step. Order matters: watched before listed, so that nothing falls between; listed once more after
 * finished.parse; listed once more after everything was durable; marked only if that found nothing. A
 * directory that nobody closed must in addition have rested for the quiet period: its producer may be alive.
 */
export function nextStep(
  state: DirectoryState,
  facts: { unsent: number; now: number; quietMs: number },
): Step {
  if (state.sent) return { step: state.watching ? 'unwatch' : 'rest' }
  if (!state.watching) return { step: 'watch' }
  const { listing } = state
  if (listing === null) return { step: 'list' }
  // Live: events bring its files; whoever fears that one was missed takes the listing away.
  if (!state.closed && state.newest) return { step: 'rest' }
  if (!listing.closing || (state.closed && !listing.afterClose)) return { step: 'list' }
  if (facts.unsent > 0) return { step: 'rest' }
  if (!state.closed && facts.now < state.nextMarkAt) return { step: 'settle', until: state.nextMarkAt }
  if (!listing.allSent || listing.stale) return { step: 'list' }
  if (listing.found > 0) {
    // What was found was offered, or is held open: then its writer may remove it, which no event tells.
    const again = listing.startedAt + FOUND_AGAIN_MS
    return facts.now >= again ? { step: 'list' } : { step: 'settle', until: again }
  }
  if (state.closed) return { step: 'mark' }
  const restedAt = (state.calmSince ?? listing.startedAt) + facts.quietMs
  if (listing.startedAt >= restedAt) return { step: 'mark' }
  return facts.now >= restedAt ? { step: 'list' } : { step: 'settle', until: restedAt }
}

/** The state after a listing. */
export function listed(
  state: DirectoryState,
  listing: Omit<Listing, 'stale'>,
  closed: boolean,
): DirectoryState {
  const clean = listing.closing && listing.allSent && listing.found === 0
  return {
    ...state,
    closed: state.closed || closed,
    listing: { ...listing, stale: false },
    calmSince: clean ? (state.calmSince ?? listing.startedAt) : null,
  }
}

/** The state after a mark was refused. Whoever has closed a directory begins no file in it afterwards. */
export function refused(state: DirectoryState, now: number): DirectoryState {
  return state.closed ? state : { ...unsettled(state), nextMarkAt: now + MARK_AGAIN_MS }
}

/**
 * The state when the last listings prove nothing any more: a mark was refused, or the directory is live again. A
 * producer may have begun a file since, and nothing tells of it before it is finished.
 */
export function unsettled(state: DirectoryState): DirectoryState {
  const { listing } = state
  return { ...state, listing: listing === null ? null : { ...listing, stale: true }, calmSince: null }
}

/** The state after a look at all batch directories. */
export function looked(
  state: DirectoryState,
  { closed, newest }: { closed: boolean; newest: boolean },
): DirectoryState {
  const now = { ...state, closed, newest }
  return newest && !state.newest ? unsettled(now) : now
}

/** The state after an event brought files that were new. */
export function disturbed(state: DirectoryState, newFiles: number): DirectoryState {
  if (state.listing === null) return state
  const { listing } = state
  return unsettled({ ...state, listing: { ...listing, found: listing.found + newFiles } })
}
