import type { NameRules } from '../filter/names.ts'
import type { Message } from '../lib/i18n/message.ts'
import { errorCode, isGone } from '../platform/system-error.ts'
import type { MountScope } from '../walk/regions.ts'
import type { ScannedFile } from '../walk/scanned-file.ts'

/** Which tree is watched. */
export interface TreeRequest {
  /** Absolute path of the source; it is itself no symbolic link. */
  root: string
  /** The directory below it that the tree begins at; '' is the source itself. */
  base: string
  names: NameRules
  /** Directories (relative to the source) that are not entered; see TreeWatcher.leaveOut. */
  leaveOut?: readonly string[]
  /** The directory whose disk is asked, which bounds the calls that are out on it; the source if not given. */
  place?: string
}

/** Files that programs have open for writing. */
export interface OpenFiles {
  files: number
  /** Milliseconds since 1970: since when the first of them was found open; 0 if there is none. */
  since: number
  /** That file, relative to the source; '' if there is none. */
  path: string
}

/** A file that was changed under one of its names. */
export interface LinkedFile {
  inode: bigint
  /** Number of names of the inode after the change. */
  ctimeNs: bigint
  /** How many names it has. */
  links: number
}

/** What a watcher tells. Calls come from the event loop, never from within a call to the watcher. */
export interface TreeListener {
  /** Files that no writer holds open; at most a few hundred a call. The same file may come again. */
  finished(files: ScannedFile[]): void
  /** These files have other names, under which no event shows the change: hard links. At most a few hundred a call. */
  linked(files: readonly LinkedFile[]): void
  /** These directories have another mode, owner or attribute. At most a few hundred a call. */
  directoriesChanged(paths: readonly string[]): void
  /** The files that are open for writing in the tree of a base are others than before, as far as the kernel shows it. */
  writing(base: string, open: OpenFiles): void
  /** A file with the name of a batch mark appeared. */
  mark(path: string): void
  /** A directory appeared in the tree's first level, or left it. */
  entriesChanged(): void
  /** Changes below this directory may have gone untold: it must be compared with the ledger. Resolves when it was. */
  lost(base: string): Promise<void>
  problem(problem: Message): void
  /** The watcher is of no use any more; see isToBeOpenedAnew. */
  ended(error: unknown): void
}

/** The system allows no more watches. */
export function isWatchLimit(code: string | null): code is 'ENOSPC' | 'EMFILE' {
  return code === 'ENOSPC' || code === 'EMFILE'
}

/**
 * Whether a watcher that ended with this is to be replaced at once by another one, should its directory be there: that was
 * deleted, renamed or unmounted (ENOENT), or events were lost, or the tree needs more watches than there are.
 */
export function isToBeOpenedAnew(error: unknown): boolean {
  const code = errorCode(error)
  return isGone(code) || isWatchLimit(code)
}

/** A watched tree. Every directory was watched before `openTree` resolved, so a listing may follow. */
export interface TreeWatcher {
  /** polling: changes are noticed by looking again and again, not by the system's word. */
  readonly method: 'watching' | 'polling'
  /**
   * Reports those of these files that are finished, now or when their writer closes them. Resolves when all
   * were looked at, which bounds what is under way.
   */
  examine(paths: readonly string[]): Promise<void>
  /** Tries again what could not be watched. */
  refresh(): void
  /**
   * From now on these directories are not entered, and no others: they are done with, or of another file system, which
   * is a tree of its own. What is in those that were left out before is found, or has the tree compared.
   */
  leaveOut(directories: readonly string[]): void
  close(): void
}

/** Opens a tree. Rejects with a system error if the tree's directory cannot be watched at all. */
export type OpenTree = (request: TreeRequest, listener: TreeListener) => Promise<TreeWatcher>

/** The same, with everything that is mounted inside the tree and belongs to it. */
export type OpenScopedTree = (
  request: TreeRequest,
  listener: TreeListener,
  scope: MountScope,
) => Promise<TreeWatcher>
