import { closeSync, constants, openSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { native } from '../../platform/native.ts'

export interface DirectoryLock {
  release(): void
}

/** Where the system has no lock on a directory itself. It stays behind; what counts is who holds it. */
const LOCK_FILE = 'lock.db'

/** SQLITE_BUSY, SQLITE_LOCKED (https://sqlite.org/rescode.html). */
const HELD_BY_ANOTHER = [5, 6]

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
  // SQLite knows a lock on every system.
  if (process.platform !== 'linux' || native === null) return 'unsupported'
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  const refused = native.lockNow(fd)
  if (refused !== null) {
    closeSync(fd)
    return refused === 'EAGAIN' ? null : 'unsupported'
  }
  let open = true
  return {
    release() {
      if (open) closeSync(fd)
      open = false
    },
  }
}

/** An empty SQLite database in the directory, which knows how to lock on every system. */
function lockDatabase(directory: string): DirectoryLock | null {
  const database = new DatabaseSync(path.join(directory, LOCK_FILE), { timeout: 0 })
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    const code = (error as { errcode?: unknown }).errcode
    if (typeof code === 'number' && HELD_BY_ANOTHER.includes(code & 0xff)) return null
    throw error
  }
  return {
    release() {
      if (database.isOpen) database.close()
    },
  }
}
