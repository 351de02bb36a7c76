import type { Message } from '../words/message.ts'
import type { FileState, LedgerFile, Totals } from './messages.ts'
import type { PageQuery } from './pages.ts'

/** What stat(2) says about a file, and which file it is. */
export interface Candidate {
  /** The source's id. */
  source: string
  /** Relative to the source, with "/". */
  path: string
  size: number
  mtimeNs: bigint
  /** Last change of the inode (st_ctime), which no program can set: content, mode and owner change it. */
  ctimeNs: bigint
  inode: bigint
  device: bigint
}

/** What a sender remembers of its sessions with a destination; see PROTOCOL.md, "Sessions". */
export interface SessionMemory {
  epoch: string
  /** The destination's position by which it last stored something. */
  position: number
  last: string | null
  next: string
}

export interface LedgerEntry {
  state: FileState
  size: number
  mtimeNs: bigint
  inode: bigint
  /** Why it is parked, or waits for another attempt; null where nothing failed. */
  reason: Message | null
}

/** A row at one generation: an answer that belongs to an older one changes nothing. */
export interface Claim {
  id: number
  generation: number
}

/** A claim on a file that the receiver has stored. */
export interface SentClaim extends Claim {
  /** It is owed the group-write mark. */
  mark: boolean
  /** Digest (digest.ts) of the content that was stored, where it is known; without it the file is never copied from. */
  digest?: Uint8Array | null
  /** The destination's position by which it was stored. */
  position?: number
}

/** Content that a destination has. */
export interface SentContent {
  /** The source's id. */
  source: string
  path: string
  /** See digest.ts. */
  digest: Uint8Array
}

/** A waiting file that may go now. */
export interface Due extends Claim, Candidate {
  attempts: number
  /** Of the content that this destination was last known to have, if that may still be this one. */
  digest: Uint8Array | null
}

/** A sent file that may be removed at the source. */
export interface Removable extends Due {
  /** Of what was sent. */
  digest: Uint8Array
  /** When the destination last read its copy back for a removal (milliseconds since 1970); 0: never. */
  provenAt: number
}

/** What a removal needs of the other destinations of the source. */
export interface Proofs {
  /** Each of these must have read its copy back since `since`; milliseconds since 1970. */
  others: readonly string[]
  since: number
  /** When this destination has read back the files of the claims. */
  now: number
}

/** A mount point inside a source. */
export interface InnerMount {
  /** Relative to the source, with "/". */
  path: string
  /** The absolute path, with the source's symbolic links resolved. */
  point: string
}

/** What tells a file's content from another without reading it. */
export type Content = Pick<Candidate, 'size' | 'mtimeNs' | 'inode'>

/** A file of the rows that were compared which the ledger does not have with this content. */
export interface Difference {
  /** The file's place in the rows. */
  index: number
  /** false: the ledger has never heard of this path. */
  known: boolean
}

/** Compares files of a source, written as JSON (see `comparedRow`), with what the ledger has of them. */
export type Compare = (destination: string, source: string, rows: string) => Difference[]

export interface Ledger {
  /** What happened to an earlier file of this name, if it had to be set aside. */
  readonly notice: Message | null
  /**
   * One short transaction. New → waiting; known with another size, mtime, ctime or inode → waiting again (also if
   * it was sent or parked); the same → untouched. Where the ctime alone is another one the digest stays known: the
   * content may be the same. One that changes again and again waits with growing pauses, of
   * at most some seconds. Returns how many became waiting.
   */
  offer(destination: string, candidates: readonly Candidate[]): number
  lookup(destination: string, source: string, path: string): LedgerEntry | null
  /**
   * What was sent of this inode under any name of the source: with this very content, or else with another one.
   * null: nothing, or the file system has no inodes.
   */
  sentAs(destination: string, source: string, file: Content): LedgerEntry | null
  /**
   * A file that was sent, and renamed since, is known by its new name, too: so a later change of it is one. Paths that
   * the ledger has stay as they are.
   */
  adoptRenamed(destination: string, source: string, file: Content & Pick<Candidate, 'path' | 'ctimeNs'>): void
  /** Which files of some rows it does not have with the same size, times and inode. */
  differing: Compare
  /** The mount point that a source was on when it was last there, or null. */
  home(source: string): string | null
  rememberHome(source: string, mountPoint: string): void
  /** What was mounted inside a source when it was last looked at, or has files that still wait. */
  mountsInside(source: string): InnerMount[]
  rememberMountsInside(source: string, mounts: readonly InnerMount[]): void
  /**
   * Counts of files below a directory of a source (relative, no trailing slash; '' is the source itself)
   * that are not sent yet.
   */
  unsentBelow(destination: string, source: string, directory: string): { waiting: number; parked: number }
  /** Whether a file below such a directory is sent, and does not carry its mark yet: that will change its ctime. */
  owesMarks(destination: string, source: string, directory: string): boolean
  /** Waiting and parked files of a source after the path `after` ('' at first), by path; at most `limit`. */
  unsentPage(
    destination: string,
    source: string,
    after: string,
    limit: number,
  ): { path: string; size: number }[]
  /**
   * One transaction. These files are left out now: those that wait, or are parked, do so no more. That an
   * earlier content of one was sent stays known. Returns how many it was.
   */
  withdraw(destination: string, source: string, paths: readonly string[]): number
  /** By source id. */
  totals(destination: string): Record<string, Totals>
  /** A page, newest row first. */
  files(destinations: readonly string[], query: PageQuery): { files: LedgerFile[]; more: boolean }
  /**
   * Waiting files whose time has come, each source's oldest first, shared evenly between the sources; rows
   * in `excluding` are left out. `now` is in milliseconds since 1970.
   */
  take(
    destination: string,
    sources: readonly string[],
    limit: number,
    now: number,
    excluding: ReadonlySet<number>,
  ): Due[]
  /**
   * When the oldest file of these sources that waits was modified (milliseconds since 1970), or null. Since when a file
   * waits is not written down; by this time they are sent. Of those that wait for their next attempt only the next
   * thousand are looked at, and a time before 1970 counts for none: so it costs little, however many wait.
   */
  oldestWaiting(destination: string, sources: readonly string[]): number | null
  /** When the next deferred file is due (milliseconds since 1970), or null. */
  nextRetryAt(): number | null
  /**
   * One transaction; returns the ids that are sent now: a file that changed meanwhile stays waiting.
   */
  markSent(claims: readonly SentClaim[], now: number): Set<number>
  /**
   * For each of the files, by its id, a sent file of this destination, of any source, that had this very inode, size
   * and time, if there is one: so this one is probably a new name of it. Only probably: an inode is given again, and
   * a time can be set by anybody.
   */
  sentElsewhere(
    destination: string,
    files: readonly (Claim & Omit<Candidate, 'source' | 'path'>)[],
  ): Map<number, SentContent>
  /**
   * Sent files that are owed their mark, and that the `others`, the source's other destinations, have, too; at most
   * `limit`, in the order of their ids, behind `after`. What another one lacks is put off, until that one gets it or
   * `reviewMarks` finds that it need not.
   */
  dueMarks(
    destination: string,
    source: string,
    limit: number,
    others: readonly string[],
    after?: number,
  ): Due[]
  /**
   * The source has other destinations than before: looks at what was put off. One chunk of at most `limit` rows after
   * the row `after` (0 at first); returns the last row, or null at the end.
   */
  reviewMarks(
    destination: string,
    source: string,
    others: readonly string[],
    after: number,
    limit: number,
  ): number | null
  /**
   * The marks of these files are set, or not wanted any more; for every destination that has this content. `ctimeNs`:
   * since a mark was set, which changed it.
   */
  marksDone(claims: readonly (Claim & { ctimeNs: bigint | null })[]): void
  session(destination: string): SessionMemory | null
  /** On the disk when it returns. */
  rememberSession(destination: string, session: SessionMemory): void
  /** The destination has stored something by this position. */
  rememberPosition(destination: string, position: number): void
  /**
   * What this destination has got since a position has to be offered to it again: one chunk of at most `limit` files.
   * Returns how many, fewer than `limit` at the end.
   */
  offerAgainSince(destination: string, position: number, limit: number): number
  /** This destination wants these files, by their sources' ids, offered again. Returns how many wait now. */
  offerAgain(destination: string, files: readonly (readonly [source: string, path: string])[]): number
  /** How many files this destination has that were removed here after they were sent, since a position. */
  removedSince(destination: string, position: number): number
  park(claim: Claim, reason: Message): void
  /** Waiting still, but not before `at` (milliseconds since 1970). */
  retryLater(claims: readonly Claim[], at: number, reason: Message | null): void
  /** Of a source, what was put off without a reason waits no longer than until it is so old (milliseconds). */
  dueByAge(destination: string, source: string, age: number): void
  /** The file has changed: waiting as a new generation, not before `at`. */
  renew(claim: Claim, facts: Omit<Candidate, 'source' | 'path'>, at: number): void
  /** The file is gone at the source: nothing is left to send. A removal that was begun stays known. */
  drop(claim: Claim): void
  /** Gives one parked file another try; false: it is parked no more. */
  unparkOne(claim: Claim): boolean
  /** Gives at most `limit` parked files another try; returns how many, fewer than `limit` at the end. */
  unpark(destination: string, source: string | null, limit: number): number
  /**
   * Offers the files of a source that are in this state at one destination, and are not known to be gone, to another:
   * one chunk of at most `limit` rows after the row `after` (0 at first). Returns the last row, for the next chunk, or
   * null at the end.
   */
  requeue(
    fromDestination: string,
    toDestination: string,
    source: string,
    state: FileState,
    after: number,
    limit: number,
  ): number | null
  /** The destinations that were offered everything that the ledger knows of a source. */
  filled(source: string): string[]
  /** `to` was, too; of the others only those in `others` still are. */
  rememberFilled(source: string, to: string, others: readonly string[]): void
  /**
   * Sent files that were durable before `sentBefore` (milliseconds since 1970), carry the mark that they are owed,
   * and are not removed: at most `limit` of the next rows after the row `after`. `last`: the last row that was looked
   * at; null at the end.
   */
  removable(
    destination: string,
    source: string,
    sentBefore: number,
    after: number,
    limit: number,
  ): { files: Removable[]; last: number | null }
  /**
   * These files are about to be removed; on the disk when it returns, whatever happens to the computer. Returns the
   * ids of those whose row is still as it was, and that the other destinations have proven.
   */
  beginRemovals(claims: readonly Claim[], proven: Proofs): Set<number>
  /** How removals ended: by us at `at` (milliseconds since 1970), not at all, or the file was gone already. */
  endRemovals(ends: readonly { id: number; end: 'removed' | 'none' | 'absent' }[], at: number): void
  /**
   * Files of a source whose removal was begun and not ended, whatever they have become since, without those that its
   * `others`, the other destinations, have begun; at most `limit`, in the order of their ids, behind `after`.
   */
  begunRemovals(
    source: string,
    others: readonly string[],
    limit: number,
    after?: number,
  ): { id: number; path: string }[]
  /** Every destination that the ledger knows. */
  destinations(): string[]
  /** Removes at most `limit` rows of a source at every destination, but no removal that was begun; returns how many. */
  forgetSource(source: string, limit: number): number
  close(): void
}
