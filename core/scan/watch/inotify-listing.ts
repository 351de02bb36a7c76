import type { Dir, Dirent } from 'node:fs'
import { lstatSync, opendirSync } from 'node:fs'
import { type HeldDirectory, holdDirectorySync } from '../../files/beneath.ts'
import { errorCode, isGone } from '../../files/system-error.ts'
import { absolutePath, joinRelative } from '../tree/facts.ts'
import { hasReplacement } from '../tree/walk.ts'
import type { Directory } from './inotify-tree.ts'
import { isAttached, pathOf } from './inotify-tree.ts'

/** Entries that are looked at before events are read again: the kernel's queue must not fill meanwhile. */
const SLICE = 256

export interface ListingSteps {
  /** A directory was found in `parent`; `again`: those that are known are to be listed too. */
  directory(parent: Directory, name: string, again: boolean): void
  /** A file was found in a directory whose files nobody else will list. */
  file(directory: Directory, path: string): void
  unreadable(directory: Directory, code: string): void
  /** The directory has been listed to its end, with these directories in it. */
  complete(directory: Directory, names: ReadonlySet<string>): void
  /** Nothing more is to be done for the directory; it may be gone. */
  done(directory: Directory): void
}

interface Task {
  directory: Directory
  /** The files in it are looked at too, not only its directories. */
  files: boolean
  /** The known directories in it are listed as well. */
  again: boolean
}

/** `held`: where a file system does not say an entry's type, Node asks for it below the path that it was given. */
type Opened = Task & { path: string; held: HeldDirectory; handle: Dir; names: Set<string> }

/**
 * Directories that have a watch and wait to be listed, one open at a time, in slices; those that came first go first,
 * so that none waits for all that are made while it waits.
 */
export class Listing {
  readonly #steps: ListingSteps
  /** Those that are next, the last one first, and those that came since. */
  #next: Task[] = []
  #pending: Task[] = []
  #open: Opened | null = null

  constructor(steps: ListingSteps) {
    this.#steps = steps
  }

  get isEmpty(): boolean {
    return this.#open === null && this.#next.length + this.#pending.length === 0
  }

  add(task: Task): void {
    task.directory.tree.listing += 1
    this.#pending.push(task)
  }

  /** Forgets what belongs to one tree; returns the directories whose files were still to be looked at. */
  forget(tree: Directory['tree']): Set<Directory> {
    const isOf = ({ directory }: Task) => directory.tree === tree
    const tasks = [...this.#next, ...this.#pending].filter(isOf)
    this.#next = this.#next.filter((task) => !isOf(task))
    this.#pending = this.#pending.filter((task) => !isOf(task))
    if (this.#open !== null && isOf(this.#open)) {
      tasks.push(this.#open)
      this.#close()
    }
    tree.listing = 0
    return new Set(tasks.filter(({ files }) => files).map(({ directory }) => directory))
  }

  /** Does a bounded piece of the work; `mayGoOn` is asked before each entry. */
  slice(mayGoOn: () => boolean): void {
    this.#leaveIfMoved()
    for (let entries = 0; entries < SLICE && mayGoOn(); entries += 1) {
      this.#open ??= this.#openNext()
      if (this.#open === null) return
      const { directory, files, again, path, handle, names } = this.#open
      const entry = this.#read(directory, handle)
      if (entry === null) {
        this.#close()
        this.#steps.complete(directory, names)
        this.#steps.done(directory)
        continue
      }
      const entryPath = joinRelative(path, entry.name)
      if (entry.isDirectory()) {
        // A name that is not valid UTF-8 cannot be opened through its replacement; the comparison with the
        // ledger says so. U+FFFD may be in a valid one, too.
        if (hasReplacement(entry.name) && !isDirectory(directory, entryPath)) continue
        names.add(entry.name)
        this.#steps.directory(directory, entry.name, again)
      } else if (files) this.#steps.file(directory, entryPath)
    }
  }

  close(): void {
    this.#close()
    this.#next = []
    this.#pending = []
  }

  /** What is still to be read of it would be taken for what another directory has that is in its place now. */
  #leaveIfMoved(): void {
    if (this.#open === null || isAttached(this.#open.directory)) return
    const { directory } = this.#open
    this.#close()
    this.#steps.done(directory)
  }

  #read(directory: Directory, handle: Dir): Dirent | null {
    try {
      return handle.readSync()
    } catch (thrown) {
      this.#steps.unreadable(directory, errorCode(thrown) ?? String(thrown))
      return null
    }
  }

  #openNext(): Opened | null {
    if (this.#next.length === 0) {
      this.#next = this.#pending.reverse()
      this.#pending = []
    }
    const next = this.#next.pop()
    if (next === undefined) return null
    const path = pathOf(next.directory)
    try {
      if (isAttached(next.directory)) {
        const held = holdDirectorySync(next.directory.tree.request.root, path)
        try {
          const handle = opendirSync(held.path, { bufferSize: SLICE })
          return { ...next, path, held, handle, names: new Set() }
        } catch (thrown) {
          held.close()
          throw thrown
        }
      }
    } catch (thrown) {
      const code = errorCode(thrown)
      if (code === null) throw thrown
      if (!isGone(code) && code !== 'ELOOP') this.#steps.unreadable(next.directory, code)
    }
    this.#steps.done(next.directory)
    return null
  }

  #close(): void {
    this.#open?.handle.closeSync()
    this.#open?.held.close()
    this.#open = null
  }
}

function isDirectory(directory: Directory, path: string): boolean {
  const absolute = absolutePath(directory.tree.request.root, path)
  try {
    return lstatSync(absolute, { throwIfNoEntry: false })?.isDirectory() ?? false
  } catch {
    return false
  }
}
