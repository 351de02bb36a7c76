import type { Ledger } from '../ledger/ledger.ts'
import type { Message } from '../lib/i18n/message.ts'
import type { Source } from '../settings/schema.ts'
import type { MountScope } from '../walk/regions.ts'
import type { TreeListener, TreeWatcher } from '../watch/tree-watcher.ts'
import type { Losses } from './reconcile/mass-change-guard.ts'
import type { Young } from './reconcile/minimum-age.ts'
import type { MarkedAnswer, Scanned } from './scanner-messages.ts'

/** What a session is told of its source's tree. */
export type SourceEvents = Pick<
  TreeListener,
  'finished' | 'linked' | 'directoriesChanged' | 'lost' | 'mark' | 'entriesChanged'
>

/** What a session of one source works with. */
export interface SessionContext {
  source: Source
  /** Absolute path of the source's directory, with symbolic links resolved. */
  root: string
  /** st_dev of that directory. */
  device: bigint
  /** false: the source's disk is not mounted any more, and its path shows what is underneath. */
  isThere(): boolean
  /** Which file systems mounted inside the source belong to it. */
  scope: MountScope
  ledger: Ledger
  /** Where the source's files go, as the ledger names it; one at least. */
  destinations: readonly string[]
  quietMs: number
  /** Files that are not old enough yet. */
  young: Young
  /** Whether many files have lost their content. */
  losses: Losses
  /**
   * Watches the source's tree.
   * @param leaveOut directories that are not entered; see TreeWatcher.leaveOut.
   */
  watch(events: SourceEvents, leaveOut?: readonly string[]): Promise<TreeWatcher>
  /** Ends with the session. */
  signal: AbortSignal
  /** Files became waiting in the ledger. */
  offered(): void
  /** Begins a listing of the whole source; returns the function that ends it (see Problems). */
  sweep(): () => void
  problem(problem: Message): void
  /** What the ledger threw is told in words. */
  ledgerFailed(error: unknown): void
  /** What was told as a problem is over, which the next listing would find otherwise. */
  solved(problem: Message): void
  /** Something that `Scanned` tells has changed. */
  update(change: Partial<Pick<Scanned, 'phase' | 'compared' | 'marked' | 'batches' | 'open'>>): void
  /** The source must be looked at anew: its directory or its watcher is gone. */
  ended(error: unknown): void
  /** Files were found that could not be offered: they have to be found again. */
  compareSoon(): void
  log(message: string): void
}

/** One source while its directory is there. */
export interface SourceSession {
  /** Compares the whole source with the ledger; resolves when it is done or failed in words. */
  reconcile(): Promise<void>
  /** Files became durable. */
  nudge(): void
  /** Files became old enough to be sent. */
  ripe(paths: string[]): void
  /** A person has decided about files that carry isocket's mark. */
  answerMarked?(answer: MarkedAnswer): Promise<void>
  /** Ends at once; what is under way in the kernel ends by itself. */
  stop(): void
}
