import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  type Stats,
} from 'node:fs'
import path from 'node:path'
import { defer } from '../../defer.ts'
import { dropError, warnUnlessCode } from '../../dropped-errors.ts'
import { shellWord } from '../../lib/i18n/formats.ts'
import { type Message, message, type WordKey } from '../../lib/i18n/message.ts'
import { READ_FILE } from '../../platform/fd.ts'
import type { FileMetadata } from '../../platform/file-metadata.ts'
import { native, setTimes } from '../../platform/native.ts'
import { errorCode } from '../../platform/system-error.ts'
import type { Tree } from '../../store/tree.ts'

// Metadata and permissions at the target of a restore: sets owner, attributes, mode and times of written files and
// created directories; makes existing files and directories of this user accessible; explains a missing permission.
// The owner may change a mode, so a file of this user is always accessible: its mode is widened while needed, then reset.

const PERMISSIONS = 0o777
const STICKY = 0o1000
const SET_GROUP_ID = 0o2000

// Attributes are kept on Linux only.
const setAttribute = process.platform === 'linux' ? native?.setAttribute : undefined
const user = process.getuid?.() ?? null
// Only root may change owners. For other users, restored files belong to them.
const isRoot = user === 0
/** False for root, which needs no permission, and on Windows, which has no such modes. */
const needsPermission = user !== null && !isRoot

/**
 * Mode bits that are restored (chmod(2)). Set-user-ID and set-group-ID are not restored for files, because they would
 * run a program as another user. In a directory, set-group-ID only gives new files the directory's group; only root
 * restores it. The sticky bit protects the files of a shared directory from its other users. On systems other than
 * Linux only root may set it on a file, where it has no effect.
 */
const FILE_BITS = process.platform === 'linux' ? PERMISSIONS | STICKY : PERMISSIONS
const DIRECTORY_BITS = PERMISSIONS | STICKY | (isRoot ? SET_GROUP_ID : 0)

/** O_PATH of open(2), which Node does not define: opens a reference to a file without read permission. */
const O_PATH = 0o10000000
const { O_NOFOLLOW = 0, O_NONBLOCK = 0, O_RDONLY, R_OK, W_OK, X_OK } = constants

const sentences: Readonly<Record<Denied['permission'], WordKey>> = {
  enter: 'store.restoreDenied.enter',
  list: 'store.restoreDenied.list',
  write: 'store.restoreDenied.write',
  read: 'store.restoreDenied.read',
  change: 'store.restoreDenied.change',
}

/** Directories of this process with a widened mode: path to former mode, parents first. */
const widened = new Map<string, number>()

/** A permission that this user lacks, and the file or directory concerned. */
export interface Denied {
  /** `change`: permissions suffice, but the system allows no change (chattr(1), the sticky bit). */
  permission: 'enter' | 'list' | 'write' | 'read' | 'change'
  path: string
  /** User id of its owner. */
  owner: number
  /** A shell command that grants the permission. */
  command: string
}

/**
 * Applies the metadata that an open file or directory had at the source.
 * @returns false: its owner or an attribute could not be set.
 * @throws if its mode or time cannot be set.
 */
export function applyMetadata(
  fd: number,
  { mode, user, group, mtimeNs, more }: FileMetadata,
  what: 'file' | 'directory' = 'file',
): boolean {
  let isWhole = true
  const attributes = Object.entries(more?.attributes ?? {})
  if (isRoot) {
    try {
      fchownSync(fd, user, group)
    } catch (error) {
      isWhole = dropError(error, 'a restored file is reported as without its owner', false)
    }
  }
  // Setting attributes needs write permission on the file (xattr(7)), so the mode is set after them.
  else if (attributes.length > 0 && setAttribute !== undefined) fchmodSync(fd, 0o700)
  for (const [name, value] of attributes) if (setAttribute?.(fd, name, value) !== true) isWhole = false
  if (process.platform !== 'win32') fchmodSync(fd, mode & (what === 'file' ? FILE_BITS : DIRECTORY_BITS))
  setTimes(fd, mtimeNs)
  return isWhole
}

interface OnTheWay {
  way: readonly string[]
  facts: FileMetadata | null
}

/**
 * The directories that files are restored to. Once all files of a directory have their names, a created directory gets
 * its own metadata, and a widened one its former mode.
 */
export class TargetDirectories {
  readonly #root: string
  readonly #tree: Tree
  /** Directories of the last file's path, deepest last; and directories whose files are complete. */
  readonly #open: OnTheWay[] = []
  readonly #complete: OnTheWay[] = []
  readonly #created = new Set<string>()

  constructor(root: string, tree: Tree) {
    this.#root = root
    this.#tree = tree
  }

  /** Records that this restore has created a directory. */
  created(way: readonly string[]): void {
    this.#created.add(way.join('/'))
  }

  isCreated(way: readonly string[]): boolean {
    return this.#created.has(way.join('/'))
  }

  /** Moves on to the path of the next file. Files come sorted by path, so directories left behind are complete. */
  follow(way: readonly string[], facts: readonly (FileMetadata | null)[]): void {
    const open = this.#open
    const shared = open.findIndex((one, depth) => one.way.at(-1) !== way[depth])
    const kept = Math.min(shared === -1 ? open.length : shared, way.length)
    this.#complete.push(...open.splice(kept).reverse())
    for (let depth = kept; depth < way.length; depth += 1)
      open.push({ way: way.slice(0, depth + 1), facts: facts[depth] ?? null })
  }

  /** Applies metadata to complete directories, and resets modes. @returns how many did not get all of it. */
  applyToComplete(): number {
    let undressed = 0
    for (const { way, facts } of this.#complete.splice(0)) {
      this.#resetMode(way)
      if (!this.#created.delete(way.join('/')) || facts === null) continue
      const fd = openSync(this.#tree.enter(way).path, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0))
      using _ = defer(() => closeSync(fd))
      if (!applyMetadata(fd, facts, 'directory')) undressed += 1
    }
    return undressed
  }

  /**
   * Makes each directory of this user in a path listable, writable and enterable.
   * @returns false: nothing to change.
   */
  widen(way: readonly string[]): boolean {
    if (!needsPermission) return false
    let isDone = false
    for (let depth = 1; depth <= way.length; depth += 1) {
      const at = way.slice(0, depth)
      try {
        const parent = this.#tree.enter(at.slice(0, -1)).path
        if (this.#widenOne(`${parent}/${at.at(-1)}`, at)) isDone = true
      } catch (error) {
        return dropError(
          error,
          'a directory is not made yet, or is of another user; the next call fails for it',
          isDone,
        )
      }
    }
    return isDone
  }

  /** Resets a directory's mode, if it was widened. */
  #resetMode(way: readonly string[]): void {
    const directory = path.join(this.#root, ...way)
    const mode = widened.get(directory)
    if (mode === undefined) return
    chmodSync(this.#tree.enter(way).path, mode)
    widened.delete(directory)
  }

  #widenOne(file: string, way: readonly string[]): boolean {
    return withFile(file, (held, stats) => {
      const mode = stats.mode & 0o7777
      if (!stats.isDirectory() || stats.uid !== user || (mode & 0o700) === 0o700) return false
      chmodSync(held, mode | 0o700)
      widened.set(path.join(this.#root, ...way), mode)
      return true
    })
  }
}

const isDenied = (thrown: unknown): boolean => errorCode(thrown) === 'EACCES'

/**
 * Uses the file at a path without opening it for reading; does not follow a symbolic link.
 * @param use is given a path that refers to this very file even if its name is reused (Linux only).
 */
function withFile<T>(file: string, use: (held: string, stats: Stats) => T): T {
  if (process.platform !== 'linux') return use(file, lstatSync(file))
  const fd = openSync(file, O_PATH | O_NOFOLLOW)
  using _ = defer(() => closeSync(fd))
  return use(`/proc/self/fd/${fd}`, fstatSync(fd))
}

/** Opens a file for reading. Opens this user's own files regardless of their mode, and leaves the mode unchanged. */
export function openToRead(file: string): number {
  try {
    return openSync(file, READ_FILE)
  } catch (thrown) {
    if (!needsPermission || !isDenied(thrown)) throw thrown
    return withFile(file, (held, stats) => {
      if (stats.uid !== user || !stats.isFile()) throw thrown
      const mode = stats.mode & 0o7777
      chmodSync(held, mode | 0o400)
      try {
        return openSync(held, O_RDONLY | O_NONBLOCK)
      } finally {
        chmodSync(held, mode)
      }
    })
  }
}

/** Resets the modes of directories, for a process that is about to end. */
export function setBackModes(): void {
  for (const [directory, mode] of [...widened].reverse()) {
    try {
      withFile(directory, (held, stats) => stats.isDirectory() && chmodSync(held, mode))
    } catch (error) {
      // It may have been replaced by a directory of another owner, whose mode must not change.
      warnUnlessCode(error, ['ENOENT', 'ENOTDIR', 'EPERM'], 'a directory keeps the wider mode of a restore')
    }
  }
  widened.clear()
}

const may = (file: string, mode: number): boolean => {
  try {
    accessSync(file, mode)
    return true
  } catch (thrown) {
    return !isDenied(thrown)
  }
}

function commandFor(permission: Denied['permission'], at: string, owner: number, isWhole: boolean): string {
  const quoted = shellWord(at)
  if (permission === 'change') return `sudo chattr -i ${quoted}`
  if (owner === user) return `chmod u+rwx ${quoted}`
  return `sudo chown ${isWhole ? '-R ' : ''}${user ?? 0} ${quoted}`
}

/**
 * Finds the missing permission in the path of a file.
 * @param root the first directory to check: the target, or the root of the file system.
 * @param names the path components below it; the file's own name is last.
 * @returns null: none is missing (a security module may have denied access).
 */
export function findDenied(thrown: unknown, root: string, names: readonly string[]): Denied | null {
  const code = errorCode(thrown)
  if (code !== 'EACCES' && code !== 'EPERM') return null
  let at = root
  let stats = lstatSync(at, { throwIfNoEntry: false })
  const found = (permission: Denied['permission']): Denied => {
    const owner = stats?.uid ?? 0
    // It belongs to another user, probably from an earlier restore, so everything below has the same owner.
    const isWhole = permission !== 'read' && at !== root && root !== path.parse(root).root
    return { permission, path: at, owner, command: commandFor(permission, at, owner, isWhole) }
  }
  for (const name of names) {
    if (!may(at, X_OK)) return found('enter')
    if (!may(at, R_OK)) return found('list')
    const next = path.join(at, name)
    const there = lstatSync(next, { throwIfNoEntry: false })
    if (there?.isDirectory()) {
      at = next
      stats = there
      continue
    }
    if (there === undefined || may(next, R_OK)) break
    at = next
    stats = there
    return found('read')
  }
  if (!may(at, X_OK)) return found('enter')
  if (!may(at, R_OK)) return found('list')
  if (!may(at, W_OK)) return found('write')
  return code === 'EPERM' ? found('change') : null
}

/**
 * Returns the message for a file that could not be restored for lack of a permission, with the command that grants it.
 */
export function describeDenied(file: string, { permission, path: at, owner, command }: Denied): Message {
  const params = { path: file, at, owner: owner === 0 ? 'root' : String(owner), command }
  return message(sentences[permission], params)
}
