import type { Message } from '../words/message.ts'
import type { Compare } from './ledger-compare.ts'
import type { PageQuery } from './ledger-pages.ts'
import type { FileState, LedgerFile, Totals } from './messages.ts'

/** What stat(2) says about a file, and which file it is. */
export interface Candidate {
  /** The source's id. */
  source: string
  /** Relative to the source, with "/". */
  path: string
  size: number
  mtimeNs: bigint
  inode: bigint
  device: bigint
}

export interface LedgerEntry {
  state: FileState
  size: number
  mtimeNs: bigint
  inode: bigint
}

/** A row at one generation: an answer that belongs to an older one changes nothing. */
export interface Claim {
  id: number
  generation: number
}

/** A waiting file that may go now. */
export interface Due extends Claim, Candidate {
  attempts: number
}

export interface Ledger {
  /** What happened to an earlier file of this name, if it had to be set aside. */
  readonly notice: Message | null
  /**
   * One short transaction. New → waiting; known with another size, mtime or inode → waiting again (also if
   * it was sent or parked); the same → untouched. Returns how many became waiting.
   */
  offer(destination: string, candidates: readonly Candidate[]): number
  lookup(destination: string, source: string, path: string): LedgerEntry | null
  /** Which files of some rows it does not have with the same size, time and inode. */
  differing: Compare
  /** The mount point that a source was on when it was last there, or null. */
  home(source: string): string | null
  rememberHome(source: string, mountPoint: string): void
  /**
   * Counts of files below a directory of a source (relative, no trailing slash; '' is the source itself)
   * that are not sent yet.
   */
  unsentBelow(destination: string, source: string, directory: string): { waiting: number; parked: number }
  /** By source id. */
  totals(destination: string): Record<string, Totals>
  /** A page, newest row first. */
  files(destination: string, query: PageQuery): { files: LedgerFile[]; more: boolean }
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
  /** When the next deferred file is due (milliseconds since 1970), or null. */
  nextRetryAt(): number | null
  /**
   * One transaction; returns the ids that are sent now: a file that changed meanwhile stays waiting.
   * A claim with `mark` also owes its file the group-write mark.
   */
  markSent(claims: readonly (Claim & { mark: boolean })[], now: number): Set<number>
  /** Sent files that are owed their mark, after the row `after`; at most `limit`. */
  dueMarks(destination: string, source: string, after: number, limit: number): Due[]
  /** The marks of these files are set, or not wanted any more. */
  marksDone(claims: readonly Claim[]): void
  park(claim: Claim, reason: Message): void
  /** Waiting still, but not before `at` (milliseconds since 1970). */
  retryLater(claims: readonly Claim[], at: number, reason: Message | null): void
  /** The file has changed: waiting as a new generation, not before `at`. */
  renew(claim: Claim, facts: Omit<Candidate, 'source' | 'path'>, at: number): void
  /** The file is gone at the source: nothing is left to send. */
  drop(claim: Claim): void
  /** Gives at most `limit` parked files another try; returns how many, fewer than `limit` at the end. */
  unpark(destination: string, source: string | null, limit: number): number
  /**
   * Offers what one destination has, or waits for, to another: one chunk of at most `limit` rows after the
   * row `after` (0 at first). Returns the last row, for the next chunk, or null at the end.
   */
  requeue(fromDestination: string, toDestination: string, after: number, limit: number): number | null
  /** Every destination that the ledger knows. */
  destinations(): string[]
  /** Removes at most `limit` rows of a source at every destination; returns how many. */
  forgetSource(source: string, limit: number): number
  /** The destination of the last run, kept so that a change is noticed after a restart too. */
  destination: string | null
  close(): void
}
