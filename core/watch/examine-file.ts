import { type BigIntStats, closeSync, fstatSync, lstatSync, openSync } from 'node:fs'
import { hasWriter } from '../platform/libc.ts'
import { READ_FILE } from '../platform/open-flags.ts'
import { type HeldDirectory, holdDirectorySync } from '../platform/openat2.ts'
import { errorCode, isGone } from '../platform/system-error.ts'
import { factsOf, type ScannedFile } from '../walk/scanned-file.ts'

/**
 * Result of a look at one path. `links`: the number of its names. `unproven`: whether a writer holds it cannot be asked here. `new`: an empty
 * file of this instant, to be looked at again in `NEW_FOR_MS`.
 */
export type Examined =
  | { state: 'finished' | 'unproven'; facts: ScannedFile; links: number }
  | { state: 'busy' | 'new' | 'gone' | 'directory' | 'not-a-file' }
  | { state: 'error'; code: string }

/**
 * open(2) with O_CREAT enters the name in the directory an instant before it counts as a writer: an empty file
 * that has not been closed by anybody may be in that instant for as long as its process is not scheduled.
 */
export const NEW_FOR_MS = 100

/**
 * Events of a file since its last close (CLOSE_WRITE): its name was made (CREATE), or its content was changed (MODIFY). A
 * writer that has it open closes it later. null: none.
 */
export type Unclosed = 'created' | 'written' | null

/**
 * Looks whether the file `path` of a source is there and whether a writer holds it open. Synchronous: for the
 * watcher's thread.
 * @param wasClosed the kernel has told that a writer closed it, so it is past its creation, and will tell of the next close.
 * @param unclosed decides where the kernel does not answer for a writer: another user's file.
 */
export function examineFile(
  files: DirectoryFiles,
  path: string,
  wasClosed: boolean,
  unclosed: Unclosed,
): Examined {
  try {
    return examine(files, path, wasClosed, unclosed)
  } catch (error) {
    const code = errorCode(error)
    if (code === null) throw error
    if (isGone(code)) return { state: 'gone' }
    return code === 'ELOOP' ? { state: 'not-a-file' } : { state: 'error', code }
  }
}

function examine(files: DirectoryFiles, path: string, wasClosed: boolean, unclosed: Unclosed): Examined {
  const [directory, name] = placeOf(path)
  // Before it is opened: that can have effects of its own on a device.
  const before = files.status(directory, name)
  if (before.isDirectory()) return { state: 'directory' }
  if (!before.isFile()) return { state: 'not-a-file' }
  const facts = factsOf(path, before)
  const links = Number(before.nlink)
  return files.use(directory, name, (fd) => {
    const writer = hasWriter(fd, { isClosedNext: true })
    if (writer === 'yes') return { state: 'busy' }
    if (writer === 'unknown' && isOpen(before, unclosed)) return { state: 'busy' }
    const state = writer === 'no' ? 'finished' : 'unproven'
    // Who has closed it since the first look is told of by another event, which brings another look.
    if (wasClosed) return { state, facts, links }
    const now = factsOf(path, fstatSync(fd, { bigint: true }))
    if (now.size === 0 && isNew(now.ctimeNs)) return { state: 'new' }
    return { state, facts: now, links }
  })
}

/** link(2) and O_TMPFILE make names of files that are written already, and close none. */
function isOpen({ size, nlink }: BigIntStats, unclosed: Unclosed): boolean {
  return unclosed === 'written' || (unclosed === 'created' && size === 0n && nlink === 1n)
}

/** The directory that a file is in, relative to the source, and its name there. */
function placeOf(path: string): [directory: string, name: string] {
  const slash = path.lastIndexOf('/')
  return [path.slice(0, Math.max(0, slash)), path.slice(slash + 1)]
}

function isNew(ctimeNs: bigint): boolean {
  const age = Date.now() - Number(ctimeNs / 1_000_000n)
  return age >= 0 && age < NEW_FOR_MS
}

/**
 * Calls on the files of one directory below a root after another, to which no symbolic link leads. The directory stays
 * open until another one is asked for, or `leave`: in a burst the way to it is gone once for many files. The calls block,
 * and throw the system's error.
 */
export class DirectoryFiles {
  readonly #root: string
  #open: { directory: string; held: HeldDirectory } | null = null

  constructor(root: string) {
    this.#root = root
  }

  /** lstat(2) of a file. */
  status(directory: string, name: string): BigIntStats {
    return lstatSync(this.#at(directory, name), { bigint: true })
  }

  /** Opens it for reading, has it used, and closes it. */
  use<T>(directory: string, name: string, use: (fd: number) => T): T {
    const fd = openSync(this.#at(directory, name), READ_FILE)
    try {
      return use(fd)
    } finally {
      closeSync(fd)
    }
  }

  /** Lets go of the directory: it may be renamed or unmounted. */
  leave(): void {
    this.#open?.held.close()
    this.#open = null
  }

  #at(directory: string, name: string): string {
    if (this.#open?.directory !== directory) {
      this.leave()
      this.#open = { directory, held: holdDirectorySync(this.#root, directory) }
    }
    return `${this.#open.held.path}/${name}`
  }
}
