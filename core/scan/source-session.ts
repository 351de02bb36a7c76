import type { Ledger } from '../ledger/ledger.ts'
import type { Message } from '../lib/i18n/message.ts'
import type { Source } from '../settings/schema.ts'
import type { OwnPlaces } from '../walk/own-places.ts'
import type { ScannedFile } from '../walk/scanned-file.ts'
import type { MountScope } from '../walk/walk.ts'
import type { TreeListener, TreeWatcher } from '../watch/tree-watcher.ts'
import type { MassChangeGuard } from './reconcile/mass-change-guard.ts'
import type { Deletions } from './reconcile/recent-deletions.ts'
import type { MarkedAnswer, Scanned } from './scanner-messages.ts'

/** Events of its source's tree that a session handles. */
type SourceEvents = Pick<
  TreeListener,
  'finished' | 'linked' | 'directoriesChanged' | 'gone' | 'lost' | 'mark' | 'entriesChanged'
>

/** The environment of a source's session. */
export interface SessionContext {
  source: Source
  /** Absolute path of the source's directory, with symbolic links resolved. */
  root: string
  /** st_dev of that directory. */
  device: bigint
  /** false: the source's disk is unmounted, and its path shows the directory underneath. */
  isThere(): boolean
  /** Holdfast's own directories and keys, which are never sent. */
  own: OwnPlaces
  /** Those that a comparison has met, relative to the source; '': the source itself. */
  ownPaths: Set<string>
  /** Decides which file systems mounted inside the source belong to it. */
  scope: MountScope
  ledger: Ledger
  /** Destinations of the source's files, as the ledger names them; at least one. */
  destinations: readonly string[]
  quietMs: number
  /** The mass-change guard. */
  massChangeGuard: MassChangeGuard
  /** Counts recent deletions, and decides whether a person is notified of them. */
  deletions: Deletions
  /**
   * Notes finished files that the settings may expect.
   * @param isKnown a comparison met them, and the ledger has them already
   */
  finished(files: readonly ScannedFile[], isKnown: boolean): void
  /**
   * Watches the source's tree.
   * @param leaveOut directories that are not entered; see TreeWatcher.leaveOut.
   */
  watch(events: SourceEvents, leaveOut?: readonly string[]): Promise<TreeWatcher>
  /** Aborted when the session ends. */
  signal: AbortSignal
  /** Files became waiting in the ledger. */
  offered(): void
  /** Begins a listing of the whole source; returns the function that ends it (see Problems). */
  sweep(): () => void
  problem(problem: Message): void
  /** Reports an error of the ledger as a problem. */
  ledgerFailed(error: unknown): void
  /** Removes a reported problem that is resolved, before the next listing would remove it. */
  solved(problem: Message): void
  /** Changes fields of the source's `Scanned` status. */
  update(change: Partial<Pick<Scanned, 'phase' | 'compared' | 'marked' | 'batches' | 'open'>>): void
  /** The source must be opened again: its directory or its watcher is gone. */
  ended(error: unknown): void
  /** Files were found that could not be offered: a comparison must find them again soon. */
  compareSoon(): void
  log(message: string): void
}

/** Handles a source while its directory is there. */
export interface SourceSession {
  /** Compares the whole source with the ledger; false: it did not reach its end. A failure is reported. */
  reconcile(): Promise<boolean>
  /** Files became durable at a destination. */
  nudge(): void
  /** Carries out a person's decision about files with isocket's mark. */
  answerMarked?(answer: MarkedAnswer): Promise<void>
  /** Stops at once; system calls under way finish later. */
  stop(): void
}
