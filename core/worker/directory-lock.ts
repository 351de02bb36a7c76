import { closeSync, constants, openSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'

export interface DirectoryLock {
  release(): void
}

/** Where the system has no lock on a directory itself. It stays behind; what counts is who holds it. */
const LOCK_FILE = 'lock.db'

/** SQLITE_BUSY, SQLITE_LOCKED (https://sqlite.org/rescode.html). */
const HELD_BY_ANOTHER = [5, 6]

/** flock(2) */
const LOCK_EX_NB = 6

/**
 * Claims a directory for this process until `release`, or until the process ends in whatever way: the lock is
 * the kernel's. null: another one has it.
 * @throws what the system says if the directory is missing, or its file system has no locks.
 */
export function lockDirectory(directory: string): DirectoryLock | null {
  const locked = flockDirectory(directory)
  return locked === 'unsupported' ? lockDatabase(directory) : locked
}

/**
 * Linux: the directory itself, opened for reading alone. Unlike a file that is open for writing, this lets an
 * administrator make the file system read-only.
 */
function flockDirectory(directory: string): DirectoryLock | null | 'unsupported' {
  const library = loadFlock()
  if (library === null) return 'unsupported'
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  if (library.flock(fd, LOCK_EX_NB) !== 0) {
    const isHeld = library.isWouldBlock()
    closeSync(fd)
    return isHeld ? null : 'unsupported'
  }
  let open = true
  return {
    release() {
      if (open) closeSync(fd)
      open = false
    },
  }
}

interface Flock {
  flock(fd: number, operation: number): number
  isWouldBlock(): boolean
}
let flock: Flock | null | undefined

/** Loaded when it is needed, as the native library does not load everywhere; null: not here. */
function loadFlock(): Flock | null {
  if (flock !== undefined) return flock
  flock = null
  if (process.platform !== 'linux') return flock
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    const call = koffi.load(null).func('int flock(int fd, int operation)')
    flock = {
      flock: (fd, operation) => Number(call(fd, operation)),
      isWouldBlock: () => koffi.errno() === koffi.os.errno.EAGAIN,
    }
  } catch {
    // SQLite knows a lock on every system.
  }
  return flock
}

/** An empty SQLite database in the directory, which knows how to lock on every system. */
function lockDatabase(directory: string): DirectoryLock | null {
  const database = new DatabaseSync(path.join(directory, LOCK_FILE), { timeout: 0 })
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (thrown) {
    database.close()
    const code = (thrown as { errcode?: unknown }).errcode
    if (typeof code === 'number' && HELD_BY_ANOTHER.includes(code & 0xff)) return null
    throw thrown
  }
  return {
    release() {
      if (database.isOpen) database.close()
    },
  }
}
