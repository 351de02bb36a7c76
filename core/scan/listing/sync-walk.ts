import type { Dir, Dirent } from 'node:fs'
import { lstatSync, opendirSync } from 'node:fs'
import { errorCode, isGone } from '../../files/system-error.ts'
import type { NameFilter, NameRules } from '../../filter/names.ts'
import { createNameFilter } from '../../filter/names.ts'
import { absolutePath, joinRelative } from '../tree/facts.ts'
import type { Part } from '../tree/regions.ts'
import type { Unsendable } from '../tree/walk.ts'
import { hasReplacement } from '../tree/walk.ts'
import { rowOf } from './rows.ts'

/** What is listed; plain data, so that a thread can be given it. */
export interface ListingOptions extends Part {
  /** Absolute path of the source. */
  root: string
  names: NameRules
}

/** A bounded piece of a listing: about CHUNK entries, of one directory or of several. */
export interface ListedChunk {
  /** Its files as the JSON rows that the ledger compares. */
  rows: string
  unsendable: Unsendable[]
  /** Files that are left out for as long as their names say that a program is still writing them. */
  temporary: string[]
}

const CHUNK = 512

/**
 * Lists a tree by synchronous calls, under the same rules as `walk`: a call takes 2 µs where one through libuv's pool
 * takes ten times as long. For a thread of its own, as each call may hang.
 */
export function* walkSync(options: ListingOptions): Generator<ListedChunk> {
  const walk = new Walk(options)
  try {
    while (walk.goOn()) yield walk.take()
  } finally {
    walk.close()
  }
}

class Walk {
  readonly #options: ListingOptions
  readonly #filter: NameFilter
  readonly #pending: string[]
  #open: { path: string; handle: Dir } | null = null
  #rows: string[] = []
  #unsendable: Unsendable[] = []
  #temporary: string[] = []

  constructor(options: ListingOptions) {
    this.#options = options
    this.#filter = createNameFilter(options.names)
    this.#pending = [options.base]
  }

  /** Gathers one chunk; false if nothing was left. */
  goOn(): boolean {
    for (let looks = 0; looks < CHUNK; looks += 1) {
      const open = this.#open ?? this.#next()
      if (open === null) return looks > 0 || this.#unsendable.length > 0
      const entry = this.#read(open)
      if (entry !== null) this.#take(joinRelative(open.path, entry.name), entry)
    }
    return true
  }

  take(): ListedChunk {
    const rows = `[${this.#rows.join(',')}]`
    const chunk = { rows, unsendable: this.#unsendable, temporary: this.#temporary }
    this.#rows = []
    this.#unsendable = []
    this.#temporary = []
    return chunk
  }

  close(): void {
    this.#open?.handle.closeSync()
    this.#open = null
  }

  /** Opens the next directory that can be opened. Throws the system's error if the base is gone. */
  #next(): { path: string; handle: Dir } | null {
    for (let path = this.#pending.pop(); path !== undefined; path = this.#pending.pop()) {
      try {
        const handle = opendirSync(absolutePath(this.#options.root, path), { bufferSize: CHUNK })
        this.#open = { path, handle }
        return this.#open
      } catch (thrown) {
        this.#unreadable(path, thrown)
      }
    }
    return null
  }

  #read({ path, handle }: { path: string; handle: Dir }): Dirent | null {
    try {
      const entry = handle.readSync()
      if (entry !== null) return entry
    } catch (thrown) {
      this.#unreadable(path, thrown)
    }
    this.close()
    return null
  }

  #unreadable(path: string, thrown: unknown): void {
    const code = errorCode(thrown)
    if (code === null || (isGone(code) && path === this.#options.base)) throw thrown
    if (!isGone(code)) this.#unsendable.push({ why: 'directory', path, code })
  }

  #take(path: string, entry: Dirent): void {
    if (entry.isDirectory() && !hasReplacement(entry.name)) this.#enter(path)
    else if (!entry.isFile() || this.#passes(path)) this.#look(path)
  }

  #passes(path: string): boolean {
    const leftOut = this.#filter.file(path)
    if (leftOut === 'temporary') this.#temporary.push(path)
    return leftOut === null
  }

  #enter(path: string): void {
    const { recursive, leaveOut } = this.#options
    if (!recursive || leaveOut.includes(path) || this.#filter.directory(path) !== null) return
    if (!this.#isElsewhere(path)) this.#pending.push(path)
  }

  /** A directory that cannot be looked at is entered: the listing says why it cannot be read. */
  #isElsewhere(path: string): boolean {
    const { root, device } = this.#options
    if (device === undefined) return false
    try {
      return lstatSync(absolutePath(root, path), { bigint: true }).dev !== device
    } catch {
      return false
    }
  }

  #look(path: string): void {
    try {
      const absolute = absolutePath(this.#options.root, path)
      const stats = lstatSync(absolute, { bigint: true, throwIfNoEntry: false })
      if (stats === undefined) {
        if (hasReplacement(path)) this.#unsendable.push({ why: 'name', path })
        return
      }
      // Some file systems do not say the type in the directory: then only lstat knows.
      if (stats.isDirectory()) this.#enter(path)
      else if (stats.isFile() && this.#filter.file(path) === null) {
        const { mtimeNs, ino: inode } = stats
        this.#rows.push(rowOf({ path, size: Number(stats.size), mtimeNs, inode, mode: Number(stats.mode) }))
      }
    } catch (thrown) {
      const code = errorCode(thrown)
      if (code === null) throw thrown
      this.#unsendable.push({ why: 'file', path, code })
    }
  }
}
