import { closeSync, constants, openSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { native } from '../../platform/native.ts'
import { isBusy } from '../../platform/sqlite.ts'

export interface DirectoryLock {
  release(): void
}

/** Used on systems that cannot lock a directory. The file is never deleted; only the lock on it is relevant. */
const LOCK_FILE = 'lock.db'

/**
 * Locks a directory for this process until `release`, or until the process ends for any reason, because the kernel
 * holds the lock. null: another process has locked it.
 * @throws the system error if the directory is missing, or its file system has no locks.
 */
export function lockDirectory(directory: string): DirectoryLock | null {
  const locked = flockDirectory(directory)
  return locked === 'unsupported' ? lockDatabase(directory) : locked
}

/**
 * Locks the directory itself on Linux, opened read-only. Unlike a file that is open for writing, this allows an
 * administrator to remount the file system read-only.
 */
function flockDirectory(directory: string): DirectoryLock | null | 'unsupported' {
  // On other systems a lock of SQLite is used.
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

/** Locks an empty SQLite database in the directory: SQLite supports locks on every system. */
function lockDatabase(directory: string): DirectoryLock | null {
  const database = new DatabaseSync(path.join(directory, LOCK_FILE), { timeout: 0 })
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (isBusy(error)) return null
    throw error
  }
  return {
    release() {
      if (database.isOpen) database.close()
    },
  }
}
