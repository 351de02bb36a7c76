import { closeSync, constants, fsyncSync, lstatSync, openSync } from 'node:fs'
import path from 'node:path'
import { HOLD_DIRECTORY } from '../platform/fd.ts'
import { errorCode } from '../platform/system-error.ts'
import { nameRefusal, StorageError } from './outcome.ts'

/** Maximum of open directories. A few suffice: consecutive files are mostly near each other. */
const MOST_OPEN = 64

/** Errors for opening a symbolic link or a file as a directory (open(2), O_NOFOLLOW and O_DIRECTORY). */
const NO_DIRECTORY: ReadonlySet<string> = new Set(['ENOTDIR', 'ELOOP'])

/** A directory of a tree, valid until `trim` or `forget` is called. */
export interface TreeDirectory {
  /** Names may be appended. It refers to this directory even if a directory above it is renamed. */
  path: string
  /** -1 if the system does not support it. */
  fd: number
}

/** Makes a directory that is missing, or moves away what stands in its place. */
export interface Making {
  /** The name does not exist. */
  missing(parent: TreeDirectory, name: string, way: readonly string[]): void
  /** The name is not a directory. */
  inTheWay(parent: TreeDirectory, name: string, way: readonly string[]): void
}

const CAN_HOLD = process.platform === 'linux'

function openRoot(root: string): TreeDirectory {
  if (!CAN_HOLD) return { fd: -1, path: root }
  // The root may be a symbolic link, as the administrator has chosen it.
  const fd = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY)
  return { fd, path: `/proc/self/fd/${fd}` }
}

function openHeld(parent: TreeDirectory, name: string): TreeDirectory {
  const fd = openSync(`${parent.path}/${name}`, HOLD_DIRECTORY)
  return { fd, path: `/proc/self/fd/${fd}` }
}

function lookAt(parent: TreeDirectory, name: string): TreeDirectory {
  const directory = path.join(parent.path, name)
  if (lstatSync(directory).isDirectory()) return { fd: -1, path: directory }
  throw Object.assign(new Error(`no directory: ${directory}`), { code: 'ENOTDIR' })
}

const openIn = CAN_HOLD ? openHeld : lookAt

/** True if there is a file instead of a directory. @throws StorageError for a symbolic link */
function hasFile(parent: TreeDirectory, name: string): boolean {
  const stats = lstatSync(`${parent.path}/${name}`, { throwIfNoEntry: false })
  if (stats?.isSymbolicLink()) throw new StorageError('name', 'symlink')
  // A missing name or a directory has changed at this moment: the caller retries.
  return stats?.isDirectory() === false
}

/** Opens a directory, or calls `making` and returns null: then directories above it may have been closed. */
function openOrMake(
  parent: TreeDirectory,
  way: readonly string[],
  making: Making | undefined,
): TreeDirectory | null {
  const name = way.at(-1) ?? ''
  try {
    return nameRefusal(() => openIn(parent, name))
  } catch (error) {
    const code = errorCode(error) ?? ''
    // A symbolic link is refused with and without `making`.
    const isFile = NO_DIRECTORY.has(code) && hasFile(parent, name)
    if (making === undefined) throw error
    if (code === 'ENOENT') making.missing(parent, name, way)
    else if (isFile) making.inTheWay(parent, name, way)
    else if (!NO_DIRECTORY.has(code)) throw error
    return null
  }
}

function close({ fd }: TreeDirectory): void {
  if (fd >= 0) closeSync(fd)
}

/**
 * Directories below a root, opened component by component without following symbolic links. Blocks. On Linux, names are
 * resolved in the open directory (proc_pid_fd(5)); on other systems each directory is checked and then used by its
 * path.
 */
export class Tree {
  readonly #root: string
  #base: TreeDirectory | null = null
  readonly #open = new Map<string, TreeDirectory>()

  constructor(root: string) {
    this.#root = root
  }

  /**
   * Opens a directory.
   * @param way the names below the root.
   * @param making creates missing directories; left out: a missing directory is an error.
   * @throws system errors; StorageError for a symbolic link
   */
  enter(way: readonly string[], making?: Making): TreeDirectory {
    if (way.length === 0) {
      this.#base ??= openRoot(this.#root)
      return this.#base
    }
    const place = way.join('/')
    const known = this.#open.get(place)
    if (known !== undefined) return known
    for (let attempt = 1; ; attempt += 1) {
      // A name may be replaced repeatedly while it is opened: gives up after 8 attempts.
      const opened = openOrMake(this.enter(way.slice(0, -1), making), way, attempt > 8 ? undefined : making)
      if (opened === null) continue
      this.#open.set(place, opened)
      return opened
    }
  }

  /** Syncs a directory's entries. @throws system errors */
  sync(way: readonly string[]) {
    this.trim()
    const { fd, path: where } = this.enter(way)
    if (fd >= 0) return fsyncSync(fd)
    // Windows has no such call and does not need it.
    if (process.platform === 'win32') return
    const opened = openSync(where, constants.O_RDONLY)
    try {
      fsyncSync(opened)
    } finally {
      closeSync(opened)
    }
  }

  /** Closes all directories after a move: an open one may have another path now. */
  forget(): void {
    for (const directory of this.#open.values()) close(directory)
    this.#open.clear()
  }

  /** Closes all directories if too many are open. Directories opened before must no longer be used. */
  trim(): void {
    if (this.#open.size > MOST_OPEN) this.forget()
  }

  close(): void {
    this.forget()
    if (this.#base !== null) close(this.#base)
    this.#base = null
  }
}
