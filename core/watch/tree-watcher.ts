import type { NameRules } from '../filter/exclusion-rules.ts'
import type { Message } from '../lib/i18n/message.ts'
import { errorCode, isGone } from '../platform/system-error.ts'
import type { ScannedFile } from '../walk/scanned-file.ts'
import type { MountScope } from '../walk/walk.ts'

/** Describes the tree to be watched. */
export interface TreeRequest {
  /** Absolute path of the source; it is itself no symbolic link. */
  root: string
  /** The directory below `root` at which the tree begins; '' is the source itself. */
  base: string
  names: NameRules
  /** Directories (relative to the source) that are not entered; see TreeWatcher.leaveOut. */
  leaveOut?: readonly string[]
  /** A comparison always includes a whole directory of the first level. */
  comparesFirstLevel?: boolean
  /** The directory whose disk the calls are counted for (callOn); missing: the source. */
  place?: string
}

/** Files that programs have open for writing. */
export interface OpenFiles {
  files: number
  /** When the first of them was found open, milliseconds since 1970; 0 if there is none. */
  since: number
  /** The path of that file, relative to the source; '' if there is none. */
  path: string
}

/** A file that was changed under one of its names. */
export interface LinkedFile {
  inode: bigint
  /** st_ctime after the change, nanoseconds since 1970. */
  ctimeNs: bigint
  /** Number of names of the inode. */
  links: number
}

/** Events of a watcher. Calls come from the event loop, never from within a call of the watcher. */
export interface TreeListener {
  /** Files that no writer has open; at most a few hundred in one call. The same file may come again. */
  finished(files: ScannedFile[]): void
  /**
   * Changed files that have other names (hard links), for which no event shows the change. At most a few hundred in
   * one call.
   */
  linked(files: readonly LinkedFile[]): void
  /** Directories whose mode, owner or attributes have changed. At most a few hundred in one call. */
  directoriesChanged(paths: readonly string[]): void
  /**
   * These paths, files or directories, were deleted or moved out of the tree, about a second ago. null: too many to name
   * them. Watchers without events do not call this.
   */
  gone(paths: readonly string[] | null): void
  /** The set of files open for writing in the tree of `base` has changed, as far as the system shows it. */
  writing(base: string, open: OpenFiles): void
  /** A file with the name of a batch mark appeared. */
  mark(path: string): void
  /** A directory appeared in the tree's first level, or left it. */
  entriesChanged(): void
  /** Changes below this directory may be missing: compare it with the ledger. Resolves when that is done. */
  lost(base: string): Promise<void>
  problem(problem: Message): void
  /** A reported problem is resolved. */
  solved?(problem: Message): void
  /** The watcher can no longer be used; see isReopenNeeded. */
  ended(error: unknown): void
}

/** True if the system allows no further watches. */
export function isWatchLimit(code: string | null): code is 'ENOSPC' | 'EMFILE' {
  return code === 'ENOSPC' || code === 'EMFILE'
}

/**
 * True if a watcher that ended with this error must be replaced at once, if its directory is there: the directory was
 * deleted, renamed or unmounted (ENOENT), events were lost, or the tree needs more watches than there are.
 */
export function isReopenNeeded(error: unknown): boolean {
  const code = errorCode(error)
  return isGone(code) || isWatchLimit(code)
}

/** A watched tree. Every directory was watched before `openTree` resolved, so a listing may follow. */
export interface TreeWatcher {
  /** polling: changes are noticed by repeated comparisons, not by events of the system. */
  readonly method: 'watching' | 'polling'
  /**
   * Reports those of these files that are finished, now or when their writer closes them. Resolves when all were
   * examined, which bounds the work in progress.
   */
  examine(paths: readonly string[]): Promise<void>
  /** Retries what could not be watched. */
  refresh(): void
  /**
   * Replaces the set of directories that are not entered: they are finished, or belong to another file system, which
   * has its own tree. Files in directories that are entered again are found, or cause a comparison of the tree.
   */
  leaveOut(directories: readonly string[]): void
  close(): void
}

/** Opens a tree. Rejects with a system error if the tree's directory cannot be watched. */
export type OpenTree = (request: TreeRequest, listener: TreeListener) => Promise<TreeWatcher>

/** The same, including the file systems that are mounted inside the tree and belong to it. */
export type OpenScopedTree = (
  request: TreeRequest,
  listener: TreeListener,
  scope: MountScope,
) => Promise<TreeWatcher>
