import { closeSync, constants, fsyncSync, lstatSync, openSync } from 'node:fs'
import path from 'node:path'
import { HOLD_DIRECTORY } from '../platform/open-flags.ts'
import { errorCode } from '../platform/system-error.ts'
import { FileRefused, nameRefusal } from './outcome.ts'

/** More directories than this are not kept open: files that follow one another are mostly near each other. */
const MOST_OPEN = 64

/** How a symbolic link, or a file, is told where a directory is wanted (open(2), O_NOFOLLOW and O_DIRECTORY). */
const NO_DIRECTORY: ReadonlySet<string> = new Set(['ENOTDIR', 'ELOOP'])

/** A directory of a tree, good until the tree is trimmed, or something in it is moved. */
export interface TreeDirectory {
  /** Names may be appended; it leads to this very directory, whatever the names on the way come to mean. */
  path: string
  /** Where the system has none: -1. */
  fd: number
}

/** What is to be done where a directory is missing, or is none. */
export interface Making {
  /** There is nothing of this name. */
  missing(parent: TreeDirectory, name: string, way: readonly string[]): void
  /** There is something else than a directory. */
  inTheWay(parent: TreeDirectory, name: string, way: readonly string[]): void
}

const CAN_HOLD = process.platform === 'linux'

function openRoot(root: string): TreeDirectory {
  if (!CAN_HOLD) return { fd: -1, path: root }
  // It may be a symbolic link: it is the administrator's own.
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

/** Whether there is a file instead of a directory. @throws FileRefused for a symbolic link. */
function hasFile(parent: TreeDirectory, name: string): boolean {
  const stats = lstatSync(`${parent.path}/${name}`, { throwIfNoEntry: false })
  if (stats?.isSymbolicLink()) throw new FileRefused('name', 'symlink')
  // Nothing, or a directory: it was exchanged in this moment, and is tried again.
  return stats?.isDirectory() === false
}

/** Opens it, or has it made; null: that was done, and what is above may be open no more. */
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
 * Directories below a root, found step by step, and never by a symbolic link. Blocks. Linux alone lets names be looked
 * up in an open directory (proc_pid_fd(5)); elsewhere each is looked at, and then used by its path.
 */
export class Tree {
  readonly #root: string
  #base: TreeDirectory | null = null
  readonly #open = new Map<string, TreeDirectory>()

  constructor(root: string) {
    this.#root = root
  }

  /**
   * @param way the names below the root.
   * @param making without, what is missing is an error.
   * @throws what the system says; FileRefused for a symbolic link.
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
      // Somebody may exchange a name again and again while it is opened; who does that is not served.
      const opened = openOrMake(this.enter(way.slice(0, -1), making), way, attempt > 8 ? undefined : making)
      if (opened === null) continue
      this.#open.set(place, opened)
      return opened
    }
  }

  /** Makes a directory's entries durable. @throws what the system says. */
  sync(way: readonly string[]) {
    this.trim()
    const { fd, path: where } = this.enter(way)
    if (fd >= 0) return fsyncSync(fd)
    // Windows has no such call and needs none.
    if (process.platform === 'win32') return
    const opened = openSync(where, constants.O_RDONLY)
    try {
      fsyncSync(opened)
    } finally {
      closeSync(opened)
    }
  }

  /** Something was moved: what is open may be elsewhere now. */
  forget(): void {
    for (const directory of this.#open.values()) close(directory)
    this.#open.clear()
  }

  /** Closes what is open, where that is much: what was entered is used no more. */
  trim(): void {
    if (this.#open.size > MOST_OPEN) this.forget()
  }

  close(): void {
    this.forget()
    if (this.#base !== null) close(this.#base)
    this.#base = null
  }
}
