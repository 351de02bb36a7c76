import type { Content } from '../../files/stat-facts.ts'

// When many files of a source lose what was in them: a fault and its repair (fsck), or a program that encrypts them.
// Pure; all numbers are here.

/** What is counted: what happened to a source's files within this time. */
export const COUNTED_MS = 60 * 60_000
/** What has lost its content is sent so much later: others may follow, and then it waits. */
export const WAIT_MS = 10_000

/** Emptied, or less than this share of what was sent is left. */
const LEFT_SHARE = 0.5
/** So many files, and this share of all that were sent, are no accident. */
const LOST = { files: 10, share: 0.2 }
/** Other content in place, hardly longer than before, in a file that had rested for so long. */
const CHANGED = { files: 50, share: 0.5, grown: 1.1, restedMs: 24 * 3_600_000 }

/** lost: it is empty, or most of it is gone; changed: something else is in its place. */
export type Suspicion = 'lost' | 'changed'

/**
 * What a change of one file may be a sign of; null: of nothing. Appending makes a file longer, and saving a document or
 * copying it anew mostly gives it another inode.
 *
 * @param before what was sent of it.
 * @param isBatch of a producer's directories whatever is written again is its work; only what is empty is not.
 * @param nowMs milliseconds since 1970.
 */
export function suspicionOf(
  before: Content,
  now: Content,
  isBatch: boolean,
  nowMs: number,
): Suspicion | null {
  if (before.size === 0) return null
  if (now.size === 0) return 'lost'
  if (isBatch) return null
  if (now.size < before.size * LEFT_SHARE) return 'lost'
  const isInPlace = now.inode === before.inode && now.mtimeNs !== before.mtimeNs
  const hadRested = nowMs - Number(before.mtimeNs / 1_000_000n) > CHANGED.restedMs
  return isInPlace && hadRested && now.size <= before.size * CHANGED.grown ? 'changed' : null
}

/** Whether a file that was suspected has what was sent of it back, or more than what made it one. */
export function isBack(before: Content & { suspicion: Suspicion }, now: Content): boolean {
  if (before.suspicion === 'lost') return now.size >= before.size * LEFT_SHARE
  const apartNs = now.mtimeNs - before.mtimeNs
  // SFTP keeps whole seconds.
  return now.size === before.size && apartNs < 2_000_000_000n && apartNs > -2_000_000_000n
}

/** Whether that many of a source's files are no accident. @param known files that were sent. */
export function isIncident({
  lost,
  changed,
  known,
}: {
  lost: number
  changed: number
  known: number
}): boolean {
  const isLost = lost >= LOST.files && lost >= known * LOST.share
  return isLost || (changed >= CHANGED.files && changed >= known * CHANGED.share)
}
