import { holdDirectorySync } from '../../files/beneath.ts'
import { closeDescriptor } from '../../files/libc.ts'
import { errorCode } from '../../files/system-error.ts'
import { IN } from './inotify-events.ts'
import type { Directory } from './inotify-tree.ts'
import { pathOf, subtree } from './inotify-tree.ts'
import { addWatch, openInotify, removeWatch } from './linux.ts'

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
