import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'

/** The lock's file in the directory that it is for. It stays behind; what counts is who holds it. */
const LOCK_FILE = 'lock.db'

/** SQLITE_BUSY, SQLITE_LOCKED (https://sqlite.org/rescode.html). */
const HELD_BY_ANOTHER = [5, 6]

/**
 * Claims a directory for this process until `release`, or until the process ends in whatever way: the lock is
 * the kernel's, taken by an empty SQLite database, which knows how on every system. null: another one has it.
 * @throws what SQLite says if the directory cannot be written, or its file system has no locks.
 */
export function lockDirectory(directory: string): { release(): void } | null {
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
