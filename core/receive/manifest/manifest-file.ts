import { existsSync, renameSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction, sqliteCode } from '../../sqlite.ts'

/** Written to `user_version`; a manifest with a higher one was made by a newer Holdfast. */
export const MANIFEST_VERSION = 2
/** The one whose digests were all SHA-256, and their column called so. */
const SHA256_VERSION = 1

/** Another process may hold the manifest for one short transaction; in milliseconds. */
const BUSY_MS = 10_000

/** SQLite's result codes, https://sqlite.org/rescode.html */
const SQLITE_CORRUPT = 11
const SQLITE_CANTOPEN = 14
const SQLITE_NOTADB = 26

/**
 * file: one row a stored content. `version` is empty for what is in its place, else the version's name; `depth` is
 * how many components of the path lie above that name in the tree of versions (a directory that had to go is one
 * version with all below it). total: per sender, kept by triggers. journal: how far it has been taken in. digest: see
 * core/files/digest.ts.
 */
const SCHEMA = `
CREATE TABLE file (
  folder TEXT NOT NULL,
  path TEXT NOT NULL,
  version TEXT NOT NULL,
  depth INTEGER NOT NULL,
  size INTEGER NOT NULL,
  mtime_ms REAL NOT NULL,
  mode INTEGER NOT NULL,
  digest BLOB NOT NULL,
  stored_at INTEGER NOT NULL,
  PRIMARY KEY (folder, path, version)
) WITHOUT ROWID;
CREATE TABLE total (folder TEXT PRIMARY KEY, files INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE journal (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, offset INTEGER NOT NULL);
CREATE TRIGGER file_added AFTER INSERT ON file BEGIN
  INSERT OR IGNORE INTO total VALUES (new.folder, 0, 0);
  UPDATE total SET files = files + 1, bytes = bytes + new.size WHERE folder = new.folder;
END;
CREATE TRIGGER file_removed AFTER DELETE ON file BEGIN
  UPDATE total SET files = files - 1, bytes = bytes - old.size WHERE folder = old.folder;
END;
CREATE TRIGGER file_resized AFTER UPDATE OF size ON file WHEN old.size <> new.size BEGIN
  UPDATE total SET bytes = bytes - old.size + new.size WHERE folder = new.folder;
END;
`

function begin(file: string): DatabaseSyncInstance | 'broken' | 'newer' {
  const database = new DatabaseSync(file, { timeout: BUSY_MS })
  try {
    const found = versionOf(database)
    const hasTables = database.prepare('SELECT 1 FROM sqlite_master LIMIT 1').get() !== undefined
    // Looked at first: nothing is written into a file that is not ours to change.
    if (found > MANIFEST_VERSION || (found === 0 && hasTables)) {
      database.close()
      return found === 0 ? 'broken' : 'newer'
    }
    // What a power failure takes back is still in the journal, which is synced.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -2048')
    if (found === 0) {
      inTransaction(database, () => {
        if (versionOf(database) !== 0) return
        database.exec(SCHEMA)
        database.exec(`PRAGMA user_version = ${MANIFEST_VERSION}`)
      })
    }
    if (found === SHA256_VERSION) {
      inTransaction(database, () => {
        if (versionOf(database) !== SHA256_VERSION) return
        database.exec('ALTER TABLE file RENAME COLUMN sha256 TO digest')
        database.exec(`PRAGMA user_version = ${MANIFEST_VERSION}`)
      })
    }
    for (const table of ['file', 'total', 'journal']) database.prepare(`SELECT * FROM ${table} LIMIT 1`).get()
    return database
  } catch (thrown) {
    database.close()
    if (isBroken(thrown) || /no such table/.test(String(thrown))) return 'broken'
    throw thrown
  }
}

function versionOf(database: DatabaseSyncInstance): number {
  const row = database.prepare('PRAGMA user_version').get() as { user_version: number }
  return row.user_version
}

/** The file itself is damaged; waiting will not mend it. */
export function isBroken(thrown: unknown): boolean {
  const code = sqliteCode(thrown)
  return code === SQLITE_NOTADB || code === SQLITE_CORRUPT
}

/** Gives a manifest that cannot be used another name, which is given back; nothing is erased. */
export function setManifestAside(file: string, why: 'broken' | 'newer'): string {
  const aside = `${file}.${why}-${new Date().toISOString().replace(/[:.]/g, '-')}`
  for (const ending of ['', '-wal', '-shm']) {
    if (existsSync(file + ending)) renameSync(file + ending, aside + ending)
  }
  return aside
}

/**
 * Opens the manifest, or makes it. One that cannot be used is set aside: `aside` is where.
 * @throws what the system says if the file cannot be made.
 */
export function openManifestFile(file: string): { database: DatabaseSyncInstance; aside: string | null } {
  const opened = begin(file)
  if (typeof opened !== 'string') return { database: opened, aside: null }
  const aside = setManifestAside(file, opened)
  const anew = begin(file)
  if (typeof anew === 'string') throw new Error(`no manifest can be begun at ${file}`)
  return { database: anew, aside }
}

/** Whether an older Holdfast has made it: its receiver, if it still runs, could not use it after it was brought up. */
export function isOlderManifest(file: string): boolean {
  const database = readManifestFile(file)
  try {
    return database !== null && versionOf(database) < MANIFEST_VERSION
  } finally {
    database?.close()
  }
}

/**
 * Opens the manifest for reading alone; null: there is none that can be used. On a read-only disk SQLite cannot make
 * the index of its log; nobody writes there, so the file is then read as it is.
 */
export function readManifestFile(file: string): DatabaseSyncInstance | null {
  if (!existsSync(file)) return null
  const immutable = pathToFileURL(file)
  immutable.searchParams.set('immutable', '1')
  for (const where of [file, immutable]) {
    let database: DatabaseSyncInstance | null = null
    try {
      database = new DatabaseSync(where, { readOnly: true, timeout: BUSY_MS })
      const version = versionOf(database)
      if (version === SHA256_VERSION)
        database.exec('CREATE TEMP VIEW file AS SELECT *, sha256 AS digest FROM main.file')
      if (version === MANIFEST_VERSION || version === SHA256_VERSION) {
        database.prepare('SELECT 1 FROM file LIMIT 1').get()
        return database
      }
      database.close()
      return null
    } catch (thrown) {
      if (database?.isOpen) database.close()
      if (isBroken(thrown)) return null
      const isUnwritable = sqliteCode(thrown) === SQLITE_CANTOPEN || /readonly/.test(String(thrown))
      if (!isUnwritable || where === immutable) throw thrown
    }
  }
  return null
}
