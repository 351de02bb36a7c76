import type { Dir, Dirent } from 'node:fs'
import { lstatSync, opendirSync } from 'node:fs'
import type { HeldDirectory } from '../../files/beneath.ts'
import { holdDirectorySync } from '../../files/beneath.ts'
import { errorCode, isGone } from '../../files/system-error.ts'
import type { NameFilter, NameRules } from '../../filter/names.ts'
import { createNameFilter } from '../../filter/names.ts'
import { factsOf, joinRelative } from '../tree/facts.ts'
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

/** The directory that is being listed. No symbolic link was followed on the way to it. */
interface Open {
  path: string
  handle: Dir
  held: HeldDirectory
}

class Walk {
  readonly #options: ListingOptions
  readonly #filter: NameFilter
  readonly #pending: string[]
  #open: Open | null = null
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
      if (entry !== null) this.#take(joinRelative(open.path, entry.name), entry, open)
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
    this.#open?.held.close()
    this.#open = null
  }

  /** Opens the next directory that can be opened. Throws the system's error if the base is gone. */
  #next(): Open | null {
    for (let path = this.#pending.pop(); path !== undefined; path = this.#pending.pop()) {
      try {
        const held = holdDirectorySync(this.#options.root, path)
        try {
          this.#open = { path, held, handle: opendirSync(held.path, { bufferSize: CHUNK }) }
          return this.#open
        } catch (thrown) {
          held.close()
          throw thrown
        }
      } catch (thrown) {
        this.#unreadable(path, thrown)
      }
    }
    return null
  }

  #read({ path, handle }: Open): Dirent | null {
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
    // A link that has taken a directory's place is none that is entered.
    if (!isGone(code) && code !== 'ELOOP') this.#unsendable.push({ why: 'directory', path, code })
  }

  #take(path: string, entry: Dirent, { held }: Open): void {
    const at = `${held.path}/${entry.name}`
    if (entry.isDirectory() && !hasReplacement(entry.name)) this.#enter(path, at)
    else if (!entry.isFile() || this.#passes(path)) this.#look(path, at)
  }

  #passes(path: string): boolean {
    const leftOut = this.#filter.file(path)
    if (leftOut === 'temporary') this.#temporary.push(path)
    return leftOut === null
  }

  /** @param at where it is now, below the directory that is held. */
  #enter(path: string, at: string): void {
    const { recursive, leaveOut } = this.#options
    if (!recursive || leaveOut.includes(path) || this.#filter.directory(path) !== null) return
    if (!this.#isElsewhere(at)) this.#pending.push(path)
  }

  /** A directory that cannot be looked at is entered: the listing says why it cannot be read. */
  #isElsewhere(at: string): boolean {
    const { device } = this.#options
    if (device === undefined) return false
    try {
      return lstatSync(at, { bigint: true }).dev !== device
    } catch {
      return false
    }
  }

  #look(path: string, at: string): void {
    try {
      const stats = lstatSync(at, { bigint: true, throwIfNoEntry: false })
      if (stats === undefined) {
        if (hasReplacement(path)) this.#unsendable.push({ why: 'name', path })
        return
      }
      // Some file systems do not say the type in the directory: then only lstat knows.
      if (stats.isDirectory()) this.#enter(path, at)
      else if (stats.isFile() && this.#filter.file(path) === null)
        this.#rows.push(rowOf(factsOf(path, stats)))
    } catch (thrown) {
      const code = errorCode(thrown)
      if (code === null) throw thrown
      this.#unsendable.push({ why: 'file', path, code })
    }
  }
}
