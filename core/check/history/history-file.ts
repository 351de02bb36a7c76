import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { type DatabaseKind, isBroken, openDatabaseFile, type SetAside, setAside } from '../../sqlite-file.ts'
import type { Message } from '../../words/message.ts'

export { isBroken }

export const HISTORY_VERSION = 1

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

const KIND: DatabaseKind = {
  version: HISTORY_VERSION,
  schema: SCHEMA,
  tables: ['path', 'recent', 'raw', 'minute', 'hour', 'due'],
  // A commit that a power failure takes back is some seconds of history.
  pragmas: 'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096',
}

/** @throws what the system says if the file cannot be made. */
export function openHistoryFile(file: string): { database: DatabaseSyncInstance; notice: Message | null } {
  const { database, aside } = openDatabaseFile(file, KIND)
  return { database, notice: aside === null ? null : noticeOf(file, aside) }
}

/** Sets a history aside that turned out to be damaged while it was used. */
export function setBrokenAside(file: string): Message {
  return noticeOf(file, setAside(file, 'broken'))
}

function noticeOf(path: string, { why, aside }: SetAside): Message {
  return { key: why === 'newer' ? 'check.historyNewer' : 'check.historyBroken', params: { path, aside } }
}
