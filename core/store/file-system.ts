import { randomInt } from 'node:crypto'
import {
  closeSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { release } from 'node:os'
import path from 'node:path'
import { dropError } from '../dropped-errors.ts'
import { hasNoHardLinks } from '../platform/files.ts'
import { retryInUseSync } from '../platform/in-use.ts'
import { errorCode } from '../platform/system-error.ts'

/** Abilities of a store's file system, probed when the store is opened. */
export interface FileSystem {
  /** A single call makes everything durable that was written to the file system (syncfs(2)). */
  syncsWhole: boolean
  /** A file can be written without a name (open(2), O_TMPFILE) and be named later (linkat(2)). */
  hasUnnamed: boolean
  /** Names that differ only in case, or only in their Unicode form (NFC, NFD), are the same file. */
  foldsCase: boolean
  foldsForm: boolean
}

/**
 * File systems (statfs(2), linux/magic.h) whose syncfs waits for data, names and the disk's own cache: ext2, 3 and
 * 4, xfs, btrfs. File systems that pass calls on to another one (overlayfs, FUSE, network) are left out.
 */
const SYNCED_WHOLE = new Set([0xef53, 0x58465342, 0x9123683e])

/** open(2), O_TMPFILE: of Linux, where it includes O_DIRECTORY. */
const O_TMPFILE = 0o20000000 | (constants.O_DIRECTORY ?? 0)
/** Open flags for a file without a name, in the file system of a directory. */
export const UNNAMED = constants.O_WRONLY | O_TMPFILE

/**
 * True from Linux 5.17. Before 5.8, syncfs(2) did not report data that could not be written (syncfs(2), ERRORS). Before
 * 5.17, it did not report errors of the file system's own sync_fs (fs/sync.c).
 */
function tellsOfErrors(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map(Number)
  return major > 5 || (major === 5 && minor >= 17)
}

function opensUnnamed(directory: string): boolean {
  if (process.platform !== 'linux') return false
  try {
    closeSync(openSync(directory, UNNAMED, 0o600))
    return true
  } catch (error) {
    return dropError(error, 'a file system without O_TMPFILE gets files with names', false)
  }
}

/** True if a file created under one name also exists under another. Removes the file again. */
function isFolded(directory: string, one: string, other: string): boolean {
  // A random suffix, as a second process may probe here at the same time.
  const end = `-${randomInt(1e9)}`
  const file = path.join(directory, one + end)
  try {
    writeFileSync(file, '', { mode: 0o600 })
    return existsSync(path.join(directory, other + end))
  } finally {
    rmSync(file, { force: true })
  }
}

/** Used if the file system cannot be probed: assumes no abilities. */
export const UNKNOWN_FILE_SYSTEM: FileSystem = {
  syncsWhole: false,
  hasUnnamed: false,
  foldsCase: false,
  foldsForm: false,
}

/**
 * Probes the file system of a directory. Blocks. A read-only disk cannot be probed.
 * @param directory on the store's file system, used only by the store.
 */
export function tryFileSystem(directory: string): FileSystem {
  try {
    const isKnown = process.platform === 'linux' && SYNCED_WHOLE.has(statfsSync(directory).type)
    return {
      syncsWhole: isKnown && tellsOfErrors(release()),
      hasUnnamed: opensUnnamed(directory),
      foldsCase: isFolded(directory, 'case-probe', 'CASE-PROBE'),
      foldsForm: isFolded(directory, 'form-probe-\u00e9', 'form-probe-e\u0301'),
    }
  } catch (error) {
    return dropError(error, 'the file system is treated as an unknown one', UNKNOWN_FILE_SYSTEM)
  }
}

/** Folds the case of one letter, as file systems do: "ß" is not "ss". */
function foldLetter(letter: string): string {
  const upper = letter.toUpperCase()
  const lower = (upper.length === letter.length ? upper : letter).toLowerCase()
  return lower.length === letter.length ? lower : letter
}

/** Returns a path's key on a file system: two paths with the same key are the same file. */
export function toKey(
  file: string,
  { foldsCase, foldsForm }: Pick<FileSystem, 'foldsCase' | 'foldsForm'>,
): string {
  const composed = foldsForm ? file.normalize('NFC') : file
  return foldsCase ? Array.from(composed, foldLetter).join('') : composed
}

const FOLDS = [false, true].flatMap((foldsCase) =>
  [false, true].map((foldsForm) => ({ foldsCase, foldsForm })),
)

/** Returns the keys that a path may have, on any file system. */
export const toAllKeys = (path: string): string[] =>
  [...new Set(FOLDS.map((fold) => toKey(path, fold)))].sort()

/**
 * Renames a file to an unused name. Returns false, and changes nothing, if the name is in use. Blocks. Without hard
 * links, checks the name before the rename; this is safe because only the caller creates names in the store.
 */
export function moveToFreeSync(from: string, to: string): boolean {
  try {
    linkSync(from, to)
  } catch (thrown) {
    if (errorCode(thrown) === 'EEXIST') return false
    if (!hasNoHardLinks(thrown)) throw thrown
    if (lstatSync(to, { throwIfNoEntry: false }) !== undefined) return false
    retryInUseSync(() => renameSync(from, to))
    return true
  }
  retryInUseSync(() => rmSync(from))
  return true
}
