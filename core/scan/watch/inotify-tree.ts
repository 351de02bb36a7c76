import { holdDirectorySync } from '../../files/beneath.ts'
import { closeDescriptor } from '../../files/libc.ts'
import { errorCode } from '../../files/system-error.ts'
import { createNameFilter, type NameFilter } from '../../filter/names.ts'
import { joinRelative } from '../tree/facts.ts'
import { addWatch, IN, openInotify, removeWatch } from './linux.ts'
import type { TreeRequest } from './tree-watcher.ts'

/** One watched (or not yet watchable) directory; the tree's shape gives its path, so a rename costs nothing. */
export interface Directory {
  readonly tree: Tree
  readonly parent: Directory | null
  readonly name: string
  /** The watch's number; -1 while there is none. */
  wd: number
  readonly children: Map<string, Directory>
}

/** One tree that the main thread asked for. */
export interface Tree {
  readonly id: number
  readonly request: TreeRequest
  readonly filter: NameFilter
  /** Of an inotify instance of its own: two trees may show one directory, and each instance has one watch of it. */
  readonly watches: Watches
  readonly root: Directory
  /** Paths of directories that are not entered. */
  leaveOut: ReadonlySet<string>
  /** Directories that have no watch. */
  readonly unwatched: Set<Directory>
  /** How many were told last. */
  toldUnwatched: number
  /** initial: directories are found and watched, files are the reconciliation's; then everything counts. */
  stage: 'initial' | 'ready'
  /** Directories of it that wait to be listed. */
  listing: number
  /** Events were lost: said when every directory has a watch again, so that a comparison misses nothing. */
  lost: boolean
}

export function createTree(id: number, request: TreeRequest, watches: Watches): Tree {
  const children = new Map<string, Directory>()
  const tree: Omit<Tree, 'root'> & { root?: Directory } = {
    id,
    request,
    filter: createNameFilter(request.names),
    watches,
    leaveOut: new Set(request.leaveOut ?? []),
    unwatched: new Set(),
    toldUnwatched: 0,
    stage: 'initial',
    listing: 0,
    lost: false,
  }
  // The root and its tree name each other: one of the two has to be completed afterwards.
  const whole = tree as Tree & { root: Directory }
  whole.root = { tree: whole, parent: null, name: request.base, wd: -1, children }
  return whole
}

/** The directory's path relative to the source. */
export function pathOf(directory: Directory): string {
  const names: string[] = []
  for (let at: Directory | null = directory; at !== null; at = at.parent) names.push(at.name)
  return names.reverse().reduce(joinRelative, '')
}

/** The directory and all below it, parents first. */
export function* subtree(directory: Directory): Generator<Directory> {
  const pending = [directory]
  for (;;) {
    const next = pending.pop()
    if (next === undefined) return
    yield next
    pending.push(...next.children.values())
  }
}

/** False once the directory, or one above it, was dropped from its tree. */
export function isAttached(directory: Directory): boolean {
  for (let at = directory; at.parent !== null; at = at.parent) {
    if (at.parent.children.get(at.name) !== at) return false
  }
  return true
}

/** The directory at a path relative to the source, if the tree knows it. */
export function directoryAt(tree: Tree, path: string): Directory | null {
  const { base } = tree.request
  if (path === base) return tree.root
  const below = base === '' ? path : path.slice(base.length + 1)
  let at: Directory | undefined = tree.root
  for (const name of below.split('/')) at = at?.children.get(name)
  return at ?? null
}

const MASK =
  IN.MODIFY |
  IN.CLOSE_WRITE |
  IN.CREATE |
  IN.MOVED_TO |
  IN.MOVED_FROM |
  IN.DELETE_SELF |
  IN.MOVE_SELF |
  IN.ONLYDIR |
  IN.DONT_FOLLOW |
  IN.EXCL_UNLINK

/** The watches of one inotify instance, and which directory each belongs to. */
export class Watches {
  readonly fd: number
  readonly #byNumber = new Map<number, Directory>()

  constructor(fd = openInotify()) {
    this.fd = fd
  }

  find(wd: number): Directory | undefined {
    return this.#byNumber.get(wd)
  }

  /**
   * Watches a directory. Returns null, or the name of the error: at the limit (ENOSPC) the directory stays in
   * the tree as unwatched. A second call finds out whether the path has become another directory.
   */
  add(directory: Directory): string | null {
    const { tree } = directory
    // Batch directories that are marked have no watch that would tell that they are deleted.
    const mask = directory === tree.root ? MASK | IN.DELETE : MASK
    const wd = this.#watch(tree.request.root, pathOf(directory), mask)
    if (typeof wd === 'string') {
      this.#forget(directory)
      if (wd === 'ENOSPC') tree.unwatched.add(directory)
      return wd
    }
    if (directory.wd !== wd) {
      this.#forget(directory)
      const other = this.#byNumber.get(wd)
      // The same directory under a second path (moved here, or bind-mounted): the newer path has the events.
      if (other !== undefined) other.wd = -1
      this.#byNumber.set(wd, directory)
      directory.wd = wd
    }
    tree.unwatched.delete(directory)
    return null
  }

  /** Its number, or the error's name. No symbolic link is followed on the way. */
  #watch(root: string, path: string, mask: number): number | string {
    try {
      const held = holdDirectorySync(root, path)
      try {
        // The descriptor's own name is a link, which would not be followed; "." in what it leads to is none.
        return addWatch(this.fd, `${held.path}/.`, mask)
      } finally {
        held.close()
      }
    } catch (thrown) {
      const code = errorCode(thrown)
      if (code === null) throw thrown
      return code === 'ELOOP' ? 'ENOTDIR' : code
    }
  }

  /** The kernel has removed this watch. */
  forgetNumber(wd: number): void {
    const directory = this.#byNumber.get(wd)
    if (directory === undefined) return
    this.#byNumber.delete(wd)
    directory.wd = -1
  }

  /** Removes the watches of a directory and of all below it, and takes it out of its tree. */
  drop(directory: Directory): void {
    for (const each of subtree(directory)) {
      if (each.wd !== -1) removeWatch(this.fd, each.wd)
      this.#forget(each)
    }
    directory.parent?.children.delete(directory.name)
  }

  /** Ends them all. */
  close(): void {
    closeDescriptor(this.fd)
    this.#byNumber.clear()
  }

  #forget(directory: Directory): void {
    if (directory.wd !== -1) this.#byNumber.delete(directory.wd)
    directory.wd = -1
    directory.tree.unwatched.delete(directory)
  }
}
