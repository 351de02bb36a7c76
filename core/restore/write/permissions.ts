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

// Permissions of what is at the destination of a restore already. Its owner may set them, so nothing of this user's
// stands in the way: a mode is widened for as long as it is needed, and then set back.

/** open(2)'s O_PATH, which Node does not name: finds a file that may not be opened. */
const O_PATH = 0o10000000
const { O_NOFOLLOW = 0, O_NONBLOCK = 0, O_RDONLY, R_OK, W_OK, X_OK } = constants

const user = process.getuid?.() ?? null
/** Root needs no permission, and Windows has no such modes. */
const needsPermission = user !== null && user !== 0

const isDenied = (thrown: unknown): boolean => errorCode(thrown) === 'EACCES'

/**
 * Uses what a path leads to without opening it; a symbolic link is not followed.
 * @param use is given a path that leads to this very file, whatever its name comes to mean (on Linux).
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

/** Opens a file to read it. This user's own file is opened whatever its mode, which stays as it is. */
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

/** Directories of this process whose mode is widened: by path, with the mode that they had; those above come first. */
const widened = new Map<string, number>()

/** Sets the modes of directories back, for a process that is about to end. */
export function setBackModes(): void {
  for (const [directory, mode] of [...widened].reverse()) {
    try {
      withFile(directory, (held, stats) => stats.isDirectory() && chmodSync(held, mode))
    } catch (error) {
      // Its mode is the matter of another owner, if it has one by now.
      warnUnlessCode(error, ['ENOENT', 'ENOTDIR', 'EPERM'], 'a directory keeps the wider mode of a restore')
    }
  }
  widened.clear()
}

/** Directories of this user's that a restore found closed, and has opened for as long as it works in them. */
export class WidenedDirectories {
  readonly #root: string
  readonly #tree: Tree

  constructor(root: string, tree: Tree) {
    this.#root = root
    this.#tree = tree
  }

  /** Lets this user list, write and enter each directory on a way that is this user's. @returns false: nothing was to do. */
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

  /** Sets a directory's mode back, if it was widened. */
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

/** A permission that this user does not have, and of which file or directory. */
export interface Denied {
  /** `change`: the permissions would do, but the system allows no change (chattr(1), the sticky bit). */
  permission: 'enter' | 'list' | 'write' | 'read' | 'change'
  path: string
  /** User id of its owner. */
  owner: number
  /** Gives the permission, in a shell. */
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
 * Finds the permission that is missing on the way to a file.
 * @param root the first directory that is looked at: the destination, or the root of the file system.
 * @param names those of the way below it, the file's own last.
 * @returns null: none is missing (a security module may have refused).
 */
export function findDenied(thrown: unknown, root: string, names: readonly string[]): Denied | null {
  const code = errorCode(thrown)
  if (code !== 'EACCES' && code !== 'EPERM') return null
  let at = root
  let stats = lstatSync(at, { throwIfNoEntry: false })
  const found = (permission: Denied['permission']): Denied => {
    const owner = stats?.uid ?? 0
    // Its owner is another user, most likely through an earlier restore: all that is below it has that owner, too.
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

/** The sentence for a file that a missing permission has kept from its place, with the command that gives it. */
export function sentenceOfDenied(file: string, { permission, path: at, owner, command }: Denied): Message {
  const params = { path: file, at, owner: owner === 0 ? 'root' : String(owner), command }
  return message(sentences[permission], params)
}
