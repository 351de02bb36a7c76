import { existsSync, mkdirSync, renameSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction, sqliteCode } from '../../sqlite.ts'
import type { Message } from '../../words/message.ts'

/** Written to `user_version`; a history with a higher one was made by a newer Holdfast. */
export const HISTORY_VERSION = 1

/** SQLite's result codes, https://sqlite.org/rescode.html */
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/**
 * recent: what came since the last block of time was closed, a row for each batch, all paths together.
 * raw, minute, hour: one row for each path and block of time; `key` is the block's number and the path's, so that
 * new rows are appended, old ones are removed from the front, and one path's row is found without a search.
 * due: the hours that have new checks since they were summarised.
 */
const SCHEMA = `
CREATE TABLE path (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE recent (id INTEGER PRIMARY KEY, checks BLOB NOT NULL);
CREATE TABLE raw (key INTEGER PRIMARY KEY, points BLOB NOT NULL);
CREATE TABLE minute (key INTEGER PRIMARY KEY, points BLOB NOT NULL);
CREATE TABLE hour (key INTEGER PRIMARY KEY, points BLOB NOT NULL);
CREATE TABLE due (hour INTEGER PRIMARY KEY);
`

function begin(file: string): DatabaseSyncInstance | 'broken' | 'newer' {
  const database = new DatabaseSync(file)
  try {
    const { user_version: version } = database.prepare('PRAGMA user_version').get() as {
      user_version: number
    }
    const hasTables = database.prepare('SELECT 1 FROM sqlite_master LIMIT 1').get() !== undefined
    // Looked at first: nothing is written into a file that is not ours to change.
    if (version > HISTORY_VERSION || (version === 0 && hasTables)) {
      database.close()
      return version === 0 ? 'broken' : 'newer'
    }
    // A commit that a power failure takes back is some seconds of history.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096')
    if (version === 0) {
      inTransaction(database, () => {
        database.exec(SCHEMA)
        database.exec(`PRAGMA user_version = ${HISTORY_VERSION}`)
      })
    }
    for (const table of ['path', 'recent', 'raw', 'minute', 'hour', 'due']) {
      database.prepare(`SELECT * FROM ${table} LIMIT 1`).get()
    }
    return database
  } catch (thrown) {
    database.close()
    if (isBroken(thrown) || /no such table/.test(String(thrown))) return 'broken'
    throw thrown
  }
}

/** The file itself is damaged; waiting will not mend it. */
export function isBroken(thrown: unknown): boolean {
  const code = sqliteCode(thrown)
  return code === SQLITE_NOTADB || code === SQLITE_CORRUPT
}

function setAside(file: string, why: 'broken' | 'newer'): Message {
  const aside = `${file}.${why}-${new Date().toISOString().replace(/[:.]/g, '-')}`
  for (const ending of ['', '-wal', '-shm']) {
    if (existsSync(file + ending)) renameSync(file + ending, aside + ending)
  }
  return {
    key: why === 'newer' ? 'check.historyNewer' : 'check.historyBroken',
    params: { path: file, aside },
  }
}

/**
 * Opens the history, or makes it. What is there but cannot be used is set aside under another name, never erased,
 * and `notice` says so.
 * @throws what the system says if the file cannot be made.
 */
export function openHistoryFile(file: string): { database: DatabaseSyncInstance; notice: Message | null } {
  mkdirSync(path.dirname(file), { recursive: true })
  const opened = begin(file)
  if (typeof opened !== 'string') return { database: opened, notice: null }
  const notice = setAside(file, opened)
  const anew = begin(file)
  if (typeof anew === 'string') throw new Error(`no history can be begun at ${file}`)
  return { database: anew, notice }
}

/** Sets a history aside that turned out to be damaged while it was used. */
export function setBrokenAside(file: string): Message {
  return setAside(file, 'broken')
}
