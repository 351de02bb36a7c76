import type { Unsendable } from '../../walk/walk.ts'

/** Metadata of a batch directory (isocket's). */
export interface BatchMetadata {
  name: string
  /** st_ino of the directory. */
  inode: bigint
  /** Last change of the directory, nanoseconds since 1970. */
  mtimeNs: bigint
  /** Birth time of the directory, nanoseconds since 1970; null if the file system has none. */
  bornAtNs: bigint | null
  /** When the producer closed the directory: the time of its mark finished.parse; null: there is none. */
  closedAtNs: bigint | null
  /** The time of the mark "all files are durable" (finished.watch); null: there is none. */
  sentAtNs: bigint | null
  /**
   * When isocket, or a person, made that mark, by the change time of its inode; null: there is none, or Holdfast made it,
   * here or in another installation.
   */
  foreignSinceNs: bigint | null
}

/**
 * nothing: marked as sent; compared only to find what was written since. send: the producer is done; list, send, then
 * mark. watch: the producer is filling it.
 */
type BatchAction = 'nothing' | 'send' | 'watch'

export interface BatchDecision {
  name: string
  action: BatchAction
  closed: boolean
  newest: boolean
  /** Marked as sent, but never closed by its producer: "was not closed properly". */
  notClosed: boolean
  /** See BatchMetadata. */
  foreignSinceNs: bigint | null
}

/** Identifies a directory even if another takes its name later; inode numbers alone are reused. */
export function getIdentity({ inode, bornAtNs }: Pick<BatchMetadata, 'inode' | 'bornAtNs'>): string {
  return `${inode} ${bornAtNs}`
}

/**
 * Decides about the batch directories of one source, in the order in which they are processed: oldest first, so the
 * last is the newest. Equal times are ordered by name.
 *
 * A producer may make the next directory before it puts the last file and finished.parse into the previous one, which
 * then has the later time. Therefore a directory that was born clearly after all those that look newer is still the
 * newest if these are all closed or marked. The same is true for a directory that was first seen, as new, after all of
 * those: if the clock was set back meanwhile, this is the only sign that its producer has just begun.
 *
 * All of this is isocket's rule for a producer that fills one directory after another. A directory with a closing mark of
 * its own is closed by that mark alone: any number are open at once, and each of those counts as the newest.
 *
 * @param hasOwnMark see hasOwnClosedMark.
 * @param firstSeen the number of the look in which a directory was first present and new; see `FirstSeen`.
 */
export function decideBatches(
  directories: readonly BatchMetadata[],
  hasOwnMark: boolean,
  firstSeen: (directory: BatchMetadata) => number = () => 0,
): BatchDecision[] {
  const ordered = [...directories].sort((one, other) => {
    const [a, b] = [getLastWorkUs(one), getLastWorkUs(other)]
    if (a !== b) return a < b ? -1 : 1
    return one.name < other.name ? -1 : 1
  })
  return ordered.map((directory, index) => {
    const newest = hasOwnMark || isNewest(ordered, index, firstSeen)
    const closed = directory.closedAtNs !== null
    const sent = directory.sentAtNs !== null
    const action = sent ? 'nothing' : newest && !closed ? 'watch' : 'send'
    const { name, foreignSinceNs } = directory
    return { name, action, closed, newest, notClosed: sent && !closed, foreignSinceNs }
  })
}

/**
 * True if this directory overtakes all that follow it in the order. The first of those nearly always decides, so the
 * others are seldom compared, which matters with thousands.
 */
function isNewest(
  ordered: readonly BatchMetadata[],
  index: number,
  firstSeen: (directory: BatchMetadata) => number,
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
 * Returns when a producer last worked in the directory, in microseconds, the precision of a time that createMark sets.
 * The sent mark changes the directory's own time, and so does cleaning up a finished directory. Neither may make it
 * look newer than the one that is being filled, so the time of the mark is used, which is the directory's earlier
 * time.
 */
function getLastWorkUs({ mtimeNs, sentAtNs }: BatchMetadata): bigint {
  return (sentAtNs !== null && sentAtNs < mtimeNs ? sentAtNs : mtimeNs) / 1000n
}

/** Birth times closer than this do not count: two directories made together have no order. */
const CLEARLY_NS = 1_000_000_000n

function isOvertaken(
  later: BatchMetadata,
  directory: BatchMetadata,
  firstSeen: (directory: BatchMetadata) => number,
): boolean {
  if (directory.closedAtNs !== null || directory.sentAtNs !== null) return false
  if (firstSeen(directory) > firstSeen(later)) return true
  if (later.closedAtNs === null && later.sentAtNs === null) return false
  if (later.bornAtNs === null || directory.bornAtNs === null) return false
  return directory.bornAtNs - later.bornAtNs > CLEARLY_NS
}

/** A directory that changed less than this many milliseconds ago is new; one that was moved or copied in is older. */
const NEW_MS = 60_000

interface Seen {
  look: number
  name: string
  mtimeNs: bigint
}

/**
 * Remembers in which look of its session each batch directory was first present and new: 0 for directories that were
 * present in the first look, and for those that appear with an older time, because they were moved or copied in, or
 * could not be read before. Directories that are gone are forgotten.
 */
export class FirstSeen {
  #seen = new Map<string, Seen>()
  #looks = 0

  /**
   * Records another look. `unsendable`: entries that exist but could not be read.
   * @returns the number of the look in which a directory was first present.
   */
  note(
    batches: readonly BatchMetadata[],
    unsendable: readonly Unsendable[],
  ): (directory: BatchMetadata) => number {
    const before = this.#seen
    const now: typeof before = new Map()
    for (const one of batches) {
      const identity = getIdentity(one)
      const look = this.#findFirstLook(one, before.get(identity))
      now.set(identity, { look, name: one.name, mtimeNs: one.mtimeNs })
    }
    const unasked = new Set(unsendable.map(({ path }) => path))
    for (const [identity, one] of before)
      if (unasked.has(one.name) && !now.has(identity)) now.set(identity, one)
    this.#seen = now
    this.#looks += 1
    return (directory) => now.get(getIdentity(directory))?.look ?? 0
  }

  #findFirstLook({ mtimeNs }: BatchMetadata, known: Seen | undefined): number {
    if (known !== undefined && mtimeNs >= known.mtimeNs) return known.look
    // Copying a directory with its time sets the time last: it then jumps back, far from the clock.
    const isNew = Math.abs(Date.now() - Number(mtimeNs / 1_000_000n)) < NEW_MS
    return isNew ? (known?.look ?? this.#looks) : 0
  }
}
