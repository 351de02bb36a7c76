import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  type Stats,
} from 'node:fs'
import path from 'node:path'
import { dropError, warnUnlessCode } from '../../dropped-errors.ts'
import { type Message, message, type WordKey } from '../../lib/i18n/message.ts'
import { shellWord } from '../../lib/i18n/shell-word.ts'
import { READ_FILE } from '../../platform/open-flags.ts'
import { errorCode } from '../../platform/system-error.ts'
import type { Tree } from '../../store/tree.ts'

// Permissions of files that already exist at the target of a restore. The owner may change them, so a file of this
// user is always accessible: its mode is widened while needed, and then reset.

/** O_PATH of open(2), which Node does not define: opens a reference to a file without read permission. */
const O_PATH = 0o10000000
const { O_NOFOLLOW = 0, O_NONBLOCK = 0, O_RDONLY, R_OK, W_OK, X_OK } = constants

const user = process.getuid?.() ?? null
/** False for root, which needs no permission, and on Windows, which has no such modes. */
const needsPermission = user !== null && user !== 0

const isDenied = (thrown: unknown): boolean => errorCode(thrown) === 'EACCES'

/**
 * Uses the file at a path without opening it for reading; does not follow a symbolic link.
 * @param use is given a path that refers to this very file even if its name is reused (Linux only).
 */
function withFile<T>(file: string, use: (held: string, stats: Stats) => T): T {
  if (process.platform !== 'linux') return use(file, lstatSync(file))
  const fd = openSync(file, O_PATH | O_NOFOLLOW)
  try {
    return use(`/proc/self/fd/${fd}`, fstatSync(fd))
  } finally {
    closeSync(fd)
  }
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

/** Directories of this process with a widened mode: path to former mode, parents first. */
const widened = new Map<string, number>()

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

/** Directories of this user without sufficient permissions, made accessible while a restore works in them. */
export class WidenedDirectories {
  readonly #root: string
  readonly #tree: Tree

  constructor(root: string, tree: Tree) {
    this.#root = root
    this.#tree = tree
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
  setBack(way: readonly string[]): void {
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

const sentences: Readonly<Record<Denied['permission'], WordKey>> = {
  enter: 'store.restoreDenied.enter',
  list: 'store.restoreDenied.list',
  write: 'store.restoreDenied.write',
  read: 'store.restoreDenied.read',
  change: 'store.restoreDenied.change',
}

/**
 * Returns the message for a file that could not be restored for lack of a permission, with the command that grants it.
 */
export function describeDenied(file: string, { permission, path: at, owner, command }: Denied): Message {
  const params = { path: file, at, owner: owner === 0 ? 'root' : String(owner), command }
  return message(sentences[permission], params)
}
