import { opendirSync } from 'node:fs'
import type { NameFilter } from '../filter/names.ts'
import { closeDescriptor } from '../platform/libc.ts'
import { holdDirectorySync } from '../platform/openat2.ts'
import { errorCode, isGone } from '../platform/system-error.ts'
import { joinRelative } from '../walk/scanned-file.ts'
import type { Unsendable } from '../walk/walk.ts'
import { addWatch, IN, openInotify, removeWatch } from './linux.ts'
import type { TreeRequest } from './tree-watcher.ts'

/** One watched directory; the tree's shape gives its path, so a rename costs nothing. */
export interface Directory {
  readonly parent: Directory | null
  readonly name: string
  /** The watch's number; -1 while there is none. */
  wd: number
  readonly children: Map<string, Directory>
}

/** The directory's path relative to the source. */
export function pathOf(directory: Directory): string {
  const names: string[] = []
  for (let at: Directory | null = directory; at !== null; at = at.parent) names.push(at.name)
  return names.reverse().reduce(joinRelative, '')
}

/** False once the directory, or one above it, was dropped from its tree. */
function isAttached(directory: Directory): boolean {
  for (let at = directory; at.parent !== null; at = at.parent) {
    if (at.parent.children.get(at.name) !== at) return false
  }
  return true
}

/** The directory and all below it, parents first. */
function* subtree(directory: Directory): Generator<Directory> {
  const pending = [directory]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    yield next
    pending.push(...next.children.values())
  }
}

const MASK =
  IN.MODIFY |
  IN.ATTRIB |
  IN.CLOSE_WRITE |
  IN.CREATE |
  IN.MOVED_TO |
  IN.MOVED_FROM |
  IN.DELETE_SELF |
  IN.MOVE_SELF |
  IN.ONLYDIR |
  IN.DONT_FOLLOW |
  IN.EXCL_UNLINK

/** Entries that are looked at before events are read again: the kernel's queue must not fill meanwhile. */
const SLICE = 256

export interface DirectoriesOptions {
  request: TreeRequest
  filter: NameFilter
  /** A file was found in a directory that is new to the tree. */
  file(path: string): void
  problem(unsendable: Unsendable): void
}

/**
 * The directories of one tree, each with a watch: each is watched, then listed for those in it. Of an inotify instance of
 * its own: two trees may show one directory, and each instance has one watch of it. Throws ENOSPC where the system allows
 * no more watches.
 */
export class WatchedDirectories {
  readonly fd = openInotify()
  readonly root: Directory
  readonly #options: DirectoriesOptions
  readonly #byNumber = new Map<number, Directory>()
  /** Those that wait to be listed: first come, first served, so that none waits for all that are made meanwhile. */
  readonly #unlisted = new Set<Directory>()
  /** The listing of the one whose turn it is. */
  #listing: Generator<undefined, void, void> | null = null
  #leaveOut: ReadonlySet<string>

  constructor(options: DirectoriesOptions) {
    const { base, leaveOut = [] } = options.request
    this.#options = options
    this.#leaveOut = new Set(leaveOut)
    this.root = { parent: null, name: base, wd: -1, children: new Map() }
  }

  /** Begins with the tree's own directory. Throws the system's error where that cannot be watched. */
  open(): void {
    const code = this.#watch(this.root)
    if (code !== null) throw systemError(code)
    this.#unlisted.add(this.root)
  }

  get isListed(): boolean {
    return this.#listing === null && this.#unlisted.size === 0
  }

  find(wd: number): Directory | undefined {
    return this.#byNumber.get(wd)
  }

  /** Watch first, list second: what comes between the two is seen twice rather than never. */
  found(parent: Directory, name: string): void {
    const known = parent.children.get(name)
    const directory = known ?? { parent, name, wd: -1, children: new Map() }
    const path = pathOf(directory)
    if (this.#leaveOut.has(path)) {
      // Something was mounted on it: what is there now is another tree's.
      if (known !== undefined) this.drop(known)
      return
    }
    const { filter, problem } = this.#options
    if (known === undefined && filter.directory(path) !== null) return
    const before = directory.wd
    const code = this.#watch(directory)
    if (code !== null) {
      this.drop(directory)
      if (!isGone(code)) problem({ why: 'directory', path, code })
      return
    }
    parent.children.set(name, directory)
    if (directory.wd === before) return
    // Another directory has taken the name.
    for (const child of [...directory.children.values()]) this.drop(child)
    this.#unlisted.add(directory)
  }

  /** Goes down to a directory, relative to the source; null: it, or one on the way, was not known, and is found now. */
  reach(path: string): Directory | null {
    const { base } = this.#options.request
    const below = base === '' ? path : path.slice(base.length + 1)
    let at = this.root
    for (const name of below === '' ? [] : below.split('/')) {
      const child = at.children.get(name)
      if (child === undefined) {
        this.found(at, name)
        return null
      }
      at = child
    }
    return at
  }

  /** Lists a bounded piece; `mayGoOn` is asked before each entry. */
  list(mayGoOn: () => boolean): void {
    for (let entries = 0; entries < SLICE && mayGoOn(); entries += 1) {
      this.#listing ??= this.#next()
      if (this.#listing === null) return
      if (this.#listing.next().done === true) this.#listing = null
    }
  }

  leaveOut(directories: readonly string[]): void {
    const before = this.#leaveOut
    this.#leaveOut = new Set(directories)
    for (const path of before) if (!this.#leaveOut.has(path)) this.reach(path)
    for (const path of directories) {
      const known = this.reach(path)
      if (known !== null) this.drop(known)
    }
  }

  /** A directory has left its name, or was deleted. Another one may have taken the name before the event was read. */
  left(parent: Directory, name: string): void {
    const known = parent.children.get(name)
    if (known !== undefined) this.drop(known)
    this.found(parent, name)
  }

  /** Removes the watches of a directory and of all below it, and takes it out of its tree. */
  drop(directory: Directory): void {
    for (const each of subtree(directory)) {
      if (each.wd === -1) continue
      removeWatch(this.fd, each.wd)
      this.#byNumber.delete(each.wd)
      each.wd = -1
    }
    directory.parent?.children.delete(directory.name)
  }

  close(): void {
    this.#listing?.return()
    closeDescriptor(this.fd)
  }

  #next(): Generator<undefined, void, void> | null {
    for (const directory of this.#unlisted) {
      this.#unlisted.delete(directory)
      return this.#entriesOf(directory)
    }
    return null
  }

  *#entriesOf(directory: Directory): Generator<undefined, void, void> {
    const { request, file, problem } = this.#options
    const path = pathOf(directory)
    try {
      // `held`: where a file system does not say an entry's type, Node asks for it below the path that it was given.
      const held = holdDirectorySync(request.root, path)
      try {
        const handle = opendirSync(held.path, { bufferSize: SLICE })
        try {
          // What is still to be read of one that was moved would be taken for what is in its place now.
          while (isAttached(directory)) {
            const entry = handle.readSync()
            if (entry === null) return
            if (entry.isDirectory()) this.found(directory, entry.name)
            else file(joinRelative(path, entry.name))
            yield
          }
        } finally {
          handle.closeSync()
        }
      } finally {
        held.close()
      }
    } catch (error) {
      const code = errorCode(error)
      if (code === null || code === 'ENOSPC') throw error
      if (!isGone(code) && code !== 'ELOOP') problem({ why: 'directory', path, code })
    }
  }

  /**
   * Watches a directory. Returns null, or the name of the error. A second call finds out whether the path has become
   * another directory. No symbolic link is followed on the way.
   */
  #watch(directory: Directory): string | null {
    // Batch directories that are marked have no watch that would tell that they are deleted.
    const mask = directory === this.root ? MASK | IN.DELETE : MASK
    try {
      const held = holdDirectorySync(this.#options.request.root, pathOf(directory))
      try {
        // The descriptor's own name is a link, which would not be followed; "." in what it leads to is none.
        const wd = addWatch(this.fd, `${held.path}/.`, mask)
        if (typeof wd === 'string') throw systemError(wd)
        this.#number(directory, wd)
        return null
      } finally {
        held.close()
      }
    } catch (error) {
      const code = errorCode(error)
      if (code === null || code === 'ENOSPC') throw error
      return code === 'ELOOP' ? 'ENOTDIR' : code
    }
  }

  #number(directory: Directory, wd: number): void {
    if (directory.wd === wd) return
    if (directory.wd !== -1) this.#byNumber.delete(directory.wd)
    const other = this.#byNumber.get(wd)
    // The same directory under a second path (moved here, or bind-mounted): the newer path has the events.
    if (other !== undefined) other.wd = -1
    this.#byNumber.set(wd, directory)
    directory.wd = wd
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(`inotify: ${code}`), { code })
}
