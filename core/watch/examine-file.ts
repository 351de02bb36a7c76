import { type BigIntStats, closeSync, fstatSync, lstatSync, openSync } from 'node:fs'
import { hasWriter } from '../platform/libc.ts'
import { READ_FILE } from '../platform/open-flags.ts'
import { type HeldDirectory, holdDirectorySync } from '../platform/openat2.ts'
import { errorCode, isGone } from '../platform/system-error.ts'
import { type ScannedFile, toScannedFile } from '../walk/scanned-file.ts'

/**
 * Result of the examination of one path. `links`: the number of its names. `unproven`: the system cannot show whether
 * a writer has it open. `new`: an empty file created just now, to be examined again in `NEW_FOR_MS`.
 */
export type Examined =
  | { state: 'finished' | 'unproven'; facts: ScannedFile; links: number }
  | { state: 'busy' | 'new' | 'gone' | 'directory' | 'not-a-file' }
  | { state: 'error'; code: string }

/**
 * open(2) with O_CREAT enters the name in the directory an instant before it counts as a writer. An empty file without
 * a close event may be in that instant for as long as its process is not scheduled.
 */
export const NEW_FOR_MS = 100

/**
 * Events of a file since its last close (CLOSE_WRITE): its name was made (CREATE), or its content was changed
 * (MODIFY). A writer that has it open closes it later. null: no event.
 */
export type Unclosed = 'created' | 'written' | null

/**
 * Finds out whether the file `path` of a source exists and whether a writer has it open. Synchronous: for the
 * watcher's thread.
 * @param wasClosed the kernel has reported that a writer closed it, so its creation is complete, and will report the
 * next close.
 * @param unclosed decides if the kernel cannot show writers, as for another user's file.
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
  const [directory, name] = splitPath(path)
  // Check the type before opening it: opening a device can have side effects.
  const before = files.status(directory, name)
  if (before.isDirectory()) return { state: 'directory' }
  if (!before.isFile()) return { state: 'not-a-file' }
  const facts = toScannedFile(path, before)
  const links = Number(before.nlink)
  return files.use(directory, name, (fd) => {
    const writer = hasWriter(fd, { isClosedNext: true })
    if (writer === 'yes') return { state: 'busy' }
    if (writer === 'unknown' && isOpen(before, unclosed)) return { state: 'busy' }
    const state = writer === 'no' ? 'finished' : 'unproven'
    // If a writer closes it after this first lstat, another event causes another examination.
    if (wasClosed) return { state, facts, links }
    const now = toScannedFile(path, fstatSync(fd, { bigint: true }))
    if (now.size === 0 && isNew(now.ctimeNs)) return { state: 'new' }
    return { state, facts: now, links }
  })
}

/**
 * True if a writer may have it open. link(2) and O_TMPFILE name files that are written already, and cause no close
 * event.
 */
function isOpen({ size, nlink }: BigIntStats, unclosed: Unclosed): boolean {
  return unclosed === 'written' || (unclosed === 'created' && size === 0n && nlink === 1n)
}

/** Splits a path into the directory of the file, relative to the source, and its name there. */
function splitPath(path: string): [directory: string, name: string] {
  const slash = path.lastIndexOf('/')
  return [path.slice(0, Math.max(0, slash)), path.slice(slash + 1)]
}

function isNew(ctimeNs: bigint): boolean {
  const age = Date.now() - Number(ctimeNs / 1_000_000n)
  return age >= 0 && age < NEW_FOR_MS
}

/**
 * Makes calls on files below a root, one directory at a time, without following symbolic links. The directory stays
 * open until another one is needed, or `leave` is called: in a burst, its path is resolved once for many files. The
 * calls block, and throw the system's error.
 */
export class DirectoryFiles {
  readonly #root: string
  #open: { directory: string; held: HeldDirectory } | null = null

  constructor(root: string) {
    this.#root = root
  }

  /** Calls lstat(2) on a file. */
  status(directory: string, name: string): BigIntStats {
    return lstatSync(this.#at(directory, name), { bigint: true })
  }

  /** Opens a file for reading, passes it to `use`, and closes it. */
  use<T>(directory: string, name: string, use: (fd: number) => T): T {
    const fd = openSync(this.#at(directory, name), READ_FILE)
    try {
      return use(fd)
    } finally {
      closeSync(fd)
    }
  }

  /** Closes the directory, so that it can be renamed or unmounted. */
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
