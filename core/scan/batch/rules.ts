import type { Unsendable } from '../../walk/walk.ts'

/** What a look at a batch directory (isocket's) found. */
export interface BatchFacts {
  name: string
  /** st_ino of the directory. */
  inode: bigint
  /** Last change of the directory, nanoseconds since 1970. */
  mtimeNs: bigint
  /** When the directory was made, nanoseconds since 1970; null where the file system does not say. */
  bornAtNs: bigint | null
  /** When the producer's mark "no more files" was made, or null if there is none (finished.parse). */
  closedAtNs: bigint | null
  /** The time of the mark "all files are durable", or null if there is none (finished.watch). */
  sentAtNs: bigint | null
}

/**
 * nothing: marked as sent, never looked at again. send: no more files will come; list, send, then mark.
 * watch: the producer is filling it.
 */
export type BatchAction = 'nothing' | 'send' | 'watch'

export interface BatchDecision {
  name: string
  action: BatchAction
  closed: boolean
  newest: boolean
  /** Marked as sent though its producer never closed it: "was not closed properly". */
  notClosed: boolean
}

/** Tells a directory from another that takes its name later; inode numbers alone are used again. */
export function identityOf({ inode, bornAtNs }: Pick<BatchFacts, 'inode' | 'bornAtNs'>): string {
  return `${inode} ${bornAtNs}`
}

/**
 * Decides about the batch directories of one source, in the order in which they are to be treated: oldest
 * first, the last of them is the newest. Equal times are ordered by name.
 *
 * A producer may make the next directory before it puts the last file and finished.parse into the one before:
 * then the time of the closed one is the later. A directory that was made clearly after all those that look
 * newer, and these are all done, is therefore still the newest. So is one that was first seen, and new then, after all
 * those: where the clock was set back meanwhile, nothing else tells that its producer has only begun.
 *
 * @param firstSeen the number of the look in which a directory was first there, and new; see `FirstSeen`.
 */
export function decideBatches(
  directories: readonly BatchFacts[],
  firstSeen: (directory: BatchFacts) => number = () => 0,
): BatchDecision[] {
  const ordered = [...directories].sort((one, other) => {
    const [a, b] = [age(one), age(other)]
    if (a !== b) return a < b ? -1 : 1
    return one.name < other.name ? -1 : 1
  })
  return ordered.map((directory, index) => {
    const newest = isNewest(ordered, index, firstSeen)
    const closed = directory.closedAtNs !== null
    const sent = directory.sentAtNs !== null
    const action = sent ? 'nothing' : newest && !closed ? 'watch' : 'send'
    return { name: directory.name, action, closed, newest, notClosed: sent && !closed }
  })
}

/** The nearest one decides nearly always: what comes after it is seldom asked, which with thousands counts. */
function isNewest(
  ordered: readonly BatchFacts[],
  index: number,
  firstSeen: (directory: BatchFacts) => number,
): boolean {
  const directory = ordered[index]
  for (let at = index + 1; at < ordered.length; at += 1) {
    const later = ordered[at]
    if (directory !== undefined && later !== undefined && !isOvertaken(later, directory, firstSeen))
      return false
  }
  return true
}

/**
 * When a producer last worked in the directory, in microseconds: what createMark can keep of a time. The sent
 * mark changes the directory's own time, and so does whoever tidies up a directory that is done with; neither
 * may make it look newer than the one that is being filled. The mark has the time of before.
 */
function age({ mtimeNs, sentAtNs }: BatchFacts): bigint {
  return (sentAtNs !== null && sentAtNs < mtimeNs ? sentAtNs : mtimeNs) / 1000n
}

/** Births that are nearer than this say nothing: two directories made together have no order. */
const CLEARLY_NS = 1_000_000_000n

function isOvertaken(
  later: BatchFacts,
  directory: BatchFacts,
  firstSeen: (directory: BatchFacts) => number,
): boolean {
  if (directory.closedAtNs !== null || directory.sentAtNs !== null) return false
  if (firstSeen(directory) > firstSeen(later)) return true
  if (later.closedAtNs === null && later.sentAtNs === null) return false
  if (later.bornAtNs === null || directory.bornAtNs === null) return false
  return directory.bornAtNs - later.bornAtNs > CLEARLY_NS
}

/** A directory that was made, or filled, less than this ago, in milliseconds, is new; one that was brought is older. */
const NEW_MS = 60_000

interface Seen {
  look: number
  name: string
  mtimeNs: bigint
}

/**
 * In which look of its session each batch directory was first there, and new: 0 for what was there in the first one,
 * and for what comes with an older time, moved or copied in, or because it could not be looked at before. Of those
 * that are gone nothing is kept.
 */
export class FirstSeen {
  #seen = new Map<string, Seen>()
  #looks = 0

  /**
   * Another look. `unsendable`: what is there, though it could not be found out what it is.
   * @returns the number of the look in which a directory was first there.
   */
  note(batches: readonly BatchFacts[], unsendable: readonly Unsendable[]): (directory: BatchFacts) => number {
    const before = this.#seen
    const now: typeof before = new Map()
    for (const one of batches) {
      const identity = identityOf(one)
      const look = this.#lookOf(one, before.get(identity))
      now.set(identity, { look, name: one.name, mtimeNs: one.mtimeNs })
    }
    const unasked = new Set(unsendable.map(({ path }) => path))
    for (const [identity, one] of before)
      if (unasked.has(one.name) && !now.has(identity)) now.set(identity, one)
    this.#seen = now
    this.#looks += 1
    return (directory) => now.get(identityOf(directory))?.look ?? 0
  }

  #lookOf({ mtimeNs }: BatchFacts, known: Seen | undefined): number {
    if (known !== undefined && mtimeNs >= known.mtimeNs) return known.look
    // Whoever copies a directory with its time sets that last: it goes back then, far from what the clock says.
    const isNew = Math.abs(Date.now() - Number(mtimeNs / 1_000_000n)) < NEW_MS
    return isNew ? (known?.look ?? this.#looks) : 0
  }
}
