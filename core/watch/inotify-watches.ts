import { isUtf8 } from 'node:buffer'
import { opendirSync } from 'node:fs'
import { defer } from '../defer.ts'
import type { NameFilter } from '../filter/exclusion-rules.ts'
import { closeDescriptor, failed, lastError, lazily } from '../platform/libc.ts'
import { holdDirectorySync } from '../platform/openat2.ts'
import { errorCode, isGone } from '../platform/system-error.ts'
import { joinRelative } from '../walk/scanned-file.ts'
import type { Unsendable } from '../walk/walk.ts'
import type { TreeRequest } from './tree-watcher.ts'

// The watches of the inotify thread: the system calls, the events that they return, and the watched directories of one
// tree.

const IN_NONBLOCK = 0o4000
const IN_CLOEXEC = 0o2000000

/** Bits of an inotify mask: inotify(7), linux/inotify.h. */
export const IN = {
  MODIFY: 0x0000_0002,
  ATTRIB: 0x0000_0004,
  CLOSE_WRITE: 0x0000_0008,
  MOVED_FROM: 0x0000_0040,
  MOVED_TO: 0x0000_0080,
  CREATE: 0x0000_0100,
  DELETE: 0x0000_0200,
  DELETE_SELF: 0x0000_0400,
  MOVE_SELF: 0x0000_0800,
  UNMOUNT: 0x0000_2000,
  Q_OVERFLOW: 0x0000_4000,
  IGNORED: 0x0000_8000,
  ONLYDIR: 0x0100_0000,
  DONT_FOLLOW: 0x0200_0000,
  EXCL_UNLINK: 0x0400_0000,
  ISDIR: 0x4000_0000,
} as const

/** Events that a watched directory reports. */
const MASK =
  IN.MODIFY |
  IN.ATTRIB |
  IN.CLOSE_WRITE |
  IN.CREATE |
  IN.MOVED_TO |
  IN.MOVED_FROM |
  IN.DELETE |
  IN.DELETE_SELF |
  IN.MOVE_SELF |
  IN.ONLYDIR |
  IN.DONT_FOLLOW |
  IN.EXCL_UNLINK

/** Bytes of an event before its name. */
const HEADER = 16

/** Entries that are listed before events are read again, so that the kernel's queue does not fill up. */
const SLICE = 256

export interface InotifyEvent {
  /** Number of the watch; -1 for a queue overflow. */
  wd: number
  mask: number
  /** The same number for the two events of one rename. */
  cookie: number
  /** '' if the event is about the watched directory itself; null if the name is not valid UTF-8. */
  name: string | null
}

/** A watched directory. Its path follows from the tree's structure, so a rename costs nothing. */
export interface Directory {
  readonly parent: Directory | null
  readonly name: string
  /** Watch descriptor; -1 while there is none. */
  wd: number
  readonly children: Map<string, Directory>
  /** Names of directories in it for which the system has no watch left; they are not entered. */
  unwatched?: Set<string>
}

interface DirectoriesOptions {
  request: TreeRequest
  filter: NameFilter
  /** Called for each file found in a directory that is new to the tree. */
  file(path: string): void
  problem(unsendable: Unsendable): void
}

const inotifyInit1 = lazily<[number]>('int inotify_init1(int flags)')
const inotifyAddWatch = lazily<[number, string, number]>(
  'int inotify_add_watch(int fd, const char *path, uint32_t mask)',
)
const inotifyRmWatch = lazily<[number, number]>('int inotify_rm_watch(int fd, int wd)')

/** Opens a new inotify instance. Throws EMFILE at the limit of instances. */
function openInotify(): number {
  const fd = inotifyInit1(IN_NONBLOCK | IN_CLOEXEC)
  if (fd < 0) throw failed('inotify_init1')
  return fd
}

/** Returns the watch descriptor, or the error's name: ENOSPC at the limit of watches (inotify_add_watch(2)). */
function addWatch(fd: number, path: string, mask: number): number | string {
  const wd = inotifyAddWatch(fd, path, mask)
  return wd < 0 ? lastError() : wd
}

function removeWatch(fd: number, wd: number): void {
  // Fails if the kernel removed the watch already; either way it is gone.
  inotifyRmWatch(fd, wd)
}

/**
 * Decodes the events of one read(2), in order. struct inotify_event of inotify(7) is wd, mask, cookie, len (32 bits
 * each, in the machine's byte order, which is little-endian on all systems that Holdfast runs on), then len bytes of
 * the name, padded with NUL.
 */
export function* decodeEvents(bytes: Buffer): Generator<InotifyEvent> {
  let at = 0
  while (at + HEADER <= bytes.length) {
    const start = at
    const length = bytes.readUInt32LE(start + 12)
    const mask = bytes.readUInt32LE(start + 4)
    const cookie = bytes.readUInt32LE(start + 8)
    at = start + HEADER + length
    const name = decodeName(bytes, start + HEADER, at)
    yield { wd: bytes.readInt32LE(start), mask, cookie, name }
  }
}

/** Returns null if it is not valid UTF-8. */
function decodeName(bytes: Buffer, begin: number, padded: number): string | null {
  let end = padded
  while (end > begin && bytes[end - 1] === 0) end -= 1
  const text = bytes.toString('utf8', begin, end)
  return !text.includes('\uFFFD') || isUtf8(bytes.subarray(begin, end)) ? text : null
}

/**
 * The directories of one tree, each with a watch. A directory is watched first and then listed for its subdirectories.
 * Each tree has its own inotify instance, since two trees may show the same directory, and an instance has only one
 * watch of it. Where the system allows no further watches, a directory is only named (takeUnwatched); `open` throws ENOSPC.
 */
export class WatchedDirectories {
  readonly fd = openInotify()
  readonly root: Directory
  readonly #options: DirectoriesOptions
  readonly #byNumber = new Map<number, Directory>()
  /** Directories that wait to be listed, in order of arrival, so that none has to wait for later ones. */
  readonly #unlisted = new Set<Directory>()
  #isUnwatchedNews = false
  /** The listing in progress. */
  #listing: Generator<undefined, void, void> | null = null
  #leaveOut: ReadonlySet<string>

  constructor(options: DirectoriesOptions) {
    const { base, leaveOut = [] } = options.request
    this.#options = options
    this.#leaveOut = new Set(leaveOut)
    this.root = { parent: null, name: base, wd: -1, children: new Map() }
  }

  /** Watches the tree's own directory. Throws the system's error if that fails. */
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

  /** Watches a directory, then schedules its listing: a file created in between is seen twice rather than missed. */
  found(parent: Directory, name: string): void {
    const known = parent.children.get(name)
    const directory: Directory = known ?? { parent, name, wd: -1, children: new Map() }
    const path = getPath(directory)
    if (this.#leaveOut.has(path)) {
      this.#setUnwatched(parent, name, false)
      // Something was mounted on it, so it belongs to another tree now.
      if (known !== undefined) this.drop(known)
      return
    }
    const { filter, problem } = this.#options
    if (known === undefined && filter.directory(path) !== null) return
    const before = directory.wd
    const code = this.#watch(directory)
    this.#setUnwatched(parent, name, code === 'ENOSPC')
    if (code !== null) {
      this.drop(directory)
      if (code !== 'ENOSPC' && !isGone(code)) problem({ why: 'directory', path, code })
      return
    }
    parent.children.set(name, directory)
    if (directory.wd === before) return
    // A different directory has taken the name.
    for (const child of [...directory.children.values()]) this.drop(child)
    for (const one of directory.unwatched ?? []) this.#setUnwatched(directory, one, false)
    this.#unlisted.add(directory)
  }

  /**
   * Finds a directory by its path, relative to the source; null: it, or one above it, was unknown, and is added now.
   */
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

  /** Lists a bounded number of entries; calls `mayGoOn` before each one. */
  list(mayGoOn: () => boolean): void {
    for (let entries = 0; entries < SLICE && mayGoOn(); entries += 1) {
      this.#listing ??= this.#next()
      if (this.#listing === null) return
      if (this.#listing.next().done === true) this.#listing = null
    }
  }

  /** Tries to watch the directories that could not be watched; takeUnwatched then returns those that are left. */
  retry(): void {
    this.#isUnwatchedNews = true
    for (const directory of [...subtree(this.root)])
      for (const name of [...(directory.unwatched ?? [])]) this.found(directory, name)
  }

  /**
   * Returns the paths of the directories for which there is no watch, each without those below it; null: they are those
   * of the last call, or not all are known yet.
   */
  takeUnwatched(): string[] | null {
    if (!this.#isUnwatchedNews || !this.isListed) return null
    this.#isUnwatchedNews = false
    return [...subtree(this.root)].flatMap((directory) => {
      const names = [...(directory.unwatched ?? [])]
      const parent = names.length === 0 ? '' : getPath(directory)
      return names.map((name) => joinRelative(parent, name))
    })
  }

  isLeftOut(path: string): boolean {
    return this.#leaveOut.has(path)
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

  /** A directory was renamed or deleted. A different one may have taken the name before the event was read. */
  left(parent: Directory, name: string): void {
    const known = parent.children.get(name)
    if (known !== undefined) this.drop(known)
    this.found(parent, name)
  }

  /** Removes the watches of a directory and of all below it, and removes it from its tree. */
  drop(directory: Directory): void {
    for (const each of subtree(directory)) {
      if ((each.unwatched?.size ?? 0) > 0) this.#isUnwatchedNews = true
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

  #setUnwatched(parent: Directory, name: string, isUnwatched: boolean): void {
    if (isUnwatched === (parent.unwatched?.has(name) ?? false)) return
    parent.unwatched ??= new Set()
    if (isUnwatched) parent.unwatched.add(name)
    else parent.unwatched.delete(name)
    this.#isUnwatchedNews = true
  }

  #next(): Generator<undefined, void, void> | null {
    for (const directory of this.#unlisted) {
      this.#unlisted.delete(directory)
      return this.#listEntries(directory)
    }
    return null
  }

  *#listEntries(directory: Directory): Generator<undefined, void, void> {
    const { request, file, problem } = this.#options
    const path = getPath(directory)
    try {
      // `held`: where a file system does not give an entry's type, Node.js looks it up below this path.
      const held = holdDirectorySync(request.root, path)
      using _held = defer(() => held.close())
      const handle = opendirSync(held.path, { bufferSize: SLICE })
      using _handle = defer(() => handle.closeSync())
      // After a move, entries still to be read would be taken for those of the directory now at this path.
      while (isAttached(directory)) {
        const entry = handle.readSync()
        if (entry === null) return
        if (entry.isDirectory()) this.found(directory, entry.name)
        else file(joinRelative(path, entry.name))
        yield
      }
    } catch (error) {
      const code = errorCode(error)
      if (code === null) throw error
      if (!isGone(code) && code !== 'ELOOP') problem({ why: 'directory', path, code })
    }
  }

  /**
   * Watches a directory. Returns null, or the name of the error. A second call finds out whether the path has become a
   * different directory. Symbolic links are not followed.
   */
  #watch(directory: Directory): string | null {
    try {
      const held = holdDirectorySync(this.#options.request.root, getPath(directory))
      using _ = defer(() => held.close())
      // The descriptor's path is a symbolic link, which would not be followed; "." in its target is none.
      const wd = addWatch(this.fd, `${held.path}/.`, MASK)
      if (typeof wd === 'string') throw systemError(wd)
      this.#number(directory, wd)
      return null
    } catch (error) {
      const code = errorCode(error)
      if (code === null) throw error
      return code === 'ELOOP' ? 'ENOTDIR' : code
    }
  }

  #number(directory: Directory, wd: number): void {
    if (directory.wd === wd) return
    if (directory.wd !== -1) this.#byNumber.delete(directory.wd)
    const other = this.#byNumber.get(wd)
    // The same directory has a second path (moved here, or bind-mounted): the newer path gets the events.
    if (other !== undefined) other.wd = -1
    this.#byNumber.set(wd, directory)
    directory.wd = wd
  }
}

/** Returns the directory's path relative to the source. */
export function getPath(directory: Directory): string {
  const names: string[] = []
  for (let at: Directory | null = directory; at !== null; at = at.parent) names.push(at.name)
  return names.reverse().reduce(joinRelative, '')
}

/** False after the directory, or one above it, was dropped from its tree. */
function isAttached(directory: Directory): boolean {
  for (let at = directory; at.parent !== null; at = at.parent) {
    if (at.parent.children.get(at.name) !== at) return false
  }
  return true
}

/** Yields the directory and all below it, parents first. */
function* subtree(directory: Directory): Generator<Directory> {
  const pending = [directory]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    yield next
    pending.push(...next.children.values())
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(`inotify: ${code}`), { code })
}
