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
import { hasNoHardLinks } from '../platform/move-to-free.ts'
import { errorCode } from '../platform/system-error.ts'

/** What the file system of a store can do; found out by trying, when the store is opened. */
export interface FileSystem {
  /** One call makes all durable that was written to it (syncfs(2)). */
  syncsWhole: boolean
  /** A file can be written before it has a name (open(2), O_TMPFILE), and be given one (linkat(2)). */
  hasUnnamed: boolean
  /** One file has the names that differ in the case of letters, or in how they are composed (Unicode NFC, NFD). */
  foldsCase: boolean
  foldsForm: boolean
}

/**
 * File systems (statfs(2), linux/magic.h) whose syncfs waits for data, names and the disk's own cache: ext2, 3 and
 * 4, xfs, btrfs. What passes calls on to others (overlayfs, FUSE, networks) is not among them.
 */
const SYNCED_WHOLE = new Set([0xef53, 0x58465342, 0x9123683e])

/** open(2), O_TMPFILE: of Linux, where it includes O_DIRECTORY. */
const O_TMPFILE = 0o20000000 | (constants.O_DIRECTORY ?? 0)
/** How a file is opened that has no name yet, in the file system of a directory. */
export const UNNAMED = constants.O_WRONLY | O_TMPFILE

/**
 * Linux 5.17. Before 5.8 syncfs(2) did not tell of data that could not be written (syncfs(2), ERRORS); before 5.17
 * not of what the file system's own sync_fs said (fs/sync.c).
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

/** Whether a file that was made under one name is there under another. Leaves nothing behind. */
function isFolded(directory: string, one: string, other: string): boolean {
  // Somebody else may be trying here at the same moment.
  const end = `-${randomInt(1e9)}`
  const file = path.join(directory, one + end)
  try {
    writeFileSync(file, '', { mode: 0o600 })
    return existsSync(path.join(directory, other + end))
  } finally {
    rmSync(file, { force: true })
  }
}

/** Where nothing could be tried: the most careful of all. */
export const UNKNOWN_FILE_SYSTEM: FileSystem = {
  syncsWhole: false,
  hasUnnamed: false,
  foldsCase: false,
  foldsForm: false,
}

/** Blocks. @param directory is on the store's file system, and nobody else's. A disk that is read-only cannot be tried. */
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

/** OutgoingMessage by letter, as file systems do: "ß" is not "ss". */
function foldLetter(letter: string): string {
  const upper = letter.toUpperCase()
  const lower = (upper.length === letter.length ? upper : letter).toLowerCase()
  return lower.length === letter.length ? lower : letter
}

/** What a path is to a file system: two paths with one key are one place. */
export function keyOf(
  file: string,
  { foldsCase, foldsForm }: Pick<FileSystem, 'foldsCase' | 'foldsForm'>,
): string {
  const composed = foldsForm ? file.normalize('NFC') : file
  return foldsCase ? Array.from(composed, foldLetter).join('') : composed
}

const FOLDS = [false, true].flatMap((foldsCase) =>
  [false, true].map((foldsForm) => ({ foldsCase, foldsForm })),
)

/** The keys that a path may have in a store. */
export const keysOf = (path: string): string[] => [...new Set(FOLDS.map((fold) => keyOf(path, fold)))].sort()

/**
 * Gives a file another name, which nothing has; false: something has it, and both stay as they are. Blocks. The caller
 * alone gives names in the store: where there are no hard links it looks first.
 */
export function moveToFreeSync(from: string, to: string): boolean {
  try {
    linkSync(from, to)
  } catch (thrown) {
    if (errorCode(thrown) === 'EEXIST') return false
    if (!hasNoHardLinks(thrown)) throw thrown
    if (lstatSync(to, { throwIfNoEntry: false }) !== undefined) return false
    renameSync(from, to)
    return true
  }
  rmSync(from)
  return true
}
