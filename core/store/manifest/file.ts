import { randomBytes } from 'node:crypto'
import { existsSync, renameSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction, sqliteCode } from '../../sqlite.ts'
import { Problem } from '../../words/problem.ts'

/** Written to `user_version`; a manifest with a higher one was made by a newer Holdfast. */
const MANIFEST_VERSION = 1

/** Another process may hold the manifest for one short transaction; in milliseconds. */
const BUSY_MS = 10_000

/** SQLite's result codes, https://sqlite.org/rescode.html */
const SQLITE_CORRUPT = 11
const SQLITE_CANTOPEN = 14
const SQLITE_NOTADB = 26

/**
 * store: `epoch` names this manifest, for ever; `clock_ms` counts the time for which a receiver has run on it; `position`
 * counts the rounds that have changed it. sender: what each sender's folder holds, the position of its last change, and
 * the session that made it.
 * source: a directory of a sender's folder. directory: one below it. file: one row a stored content. `key`: its path, on
 * a store that takes several names for one folded. `version` is empty for what is in its place, else the version's
 * name; `depth` is how many components of the path lie above that name in the tree of versions (a directory that had to
 * go is one version with all below it). `gone_at`: the source has it under another name since. `pinned`: it was removed
 * at the source, since it is here. round: what the receiver is about to do. wanted: what the sender should offer again.
 * Times are milliseconds since 1970, a file's own is in seconds and nanoseconds; `more` is MessagePack (MoreFacts).
 */
const SCHEMA = `
CREATE TABLE store (
  id INTEGER PRIMARY KEY CHECK (id = 1), epoch TEXT NOT NULL, clock_ms INTEGER NOT NULL DEFAULT 0,
  position INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE sender (
  folder TEXT PRIMARY KEY, files INTEGER NOT NULL, bytes INTEGER NOT NULL, names INTEGER NOT NULL,
  position INTEGER NOT NULL, session TEXT
) WITHOUT ROWID;
CREATE TABLE source (
  id INTEGER PRIMARY KEY, folder TEXT NOT NULL, directory TEXT NOT NULL, UNIQUE (folder, directory)
);
CREATE TABLE directory (
  source INTEGER NOT NULL, path TEXT NOT NULL, version TEXT NOT NULL DEFAULT '',
  mtime_s INTEGER, mtime_ns INTEGER, mode INTEGER, uid INTEGER, gid INTEGER, more BLOB,
  PRIMARY KEY (source, path, version)
) WITHOUT ROWID;
CREATE TABLE file (
  source INTEGER NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL DEFAULT '',
  depth INTEGER NOT NULL DEFAULT 0, path TEXT, size INTEGER NOT NULL,
  mtime_s INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, mode INTEGER NOT NULL,
  uid INTEGER NOT NULL, gid INTEGER NOT NULL, more BLOB, digest BLOB NOT NULL,
  stored_at INTEGER NOT NULL, replaced_at INTEGER, replaced_clock_ms INTEGER, gone_at INTEGER,
  pinned INTEGER NOT NULL DEFAULT 0, position INTEGER NOT NULL,
  PRIMARY KEY (source, key, version)
) WITHOUT ROWID;
CREATE INDEX file_position ON file (source, position) WHERE version = '';
CREATE INDEX file_version ON file (source, key) WHERE version <> '';
CREATE TABLE round (id INTEGER PRIMARY KEY CHECK (id = 1), version TEXT NOT NULL, places TEXT NOT NULL);
CREATE TABLE wanted (source INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY (source, key)) WITHOUT ROWID;
`

const TABLES = ['store', 'sender', 'source', 'directory', 'file', 'round', 'wanted']

function begin(file: string): DatabaseSyncInstance | 'broken' {
  const database = new DatabaseSync(file, { timeout: BUSY_MS, defensive: true })
  try {
    // Looked at first: nothing is written into a file that is not ours to change.
    const found = versionOf(database)
    const hasTables = database.prepare('SELECT 1 FROM sqlite_master LIMIT 1').get() !== undefined
    if (found > MANIFEST_VERSION) throw new Problem('store.manifestNewer', { path: file })
    if (found === 0 && hasTables) {
      database.close()
      return 'broken'
    }
    // A round is synced with its files; see store/committer.ts.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096')
    database.exec('PRAGMA trusted_schema = OFF')
    if (found === 0) {
      inTransaction(database, () => {
        if (versionOf(database) !== 0) return
        database.exec(SCHEMA)
        database.prepare('INSERT INTO store (id, epoch) VALUES (1, ?)').run(randomBytes(16).toString('hex'))
        database.exec(`PRAGMA user_version = ${MANIFEST_VERSION}`)
      })
    }
    for (const table of TABLES) database.prepare(`SELECT * FROM ${table} LIMIT 1`).get()
    return database
  } catch (thrown) {
    if (database.isOpen) database.close()
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
function setManifestAside(file: string): string {
  const aside = `${file}.broken-${new Date().toISOString().replace(/[:.]/g, '-')}`
  for (const ending of ['', '-wal', '-shm']) {
    if (existsSync(file + ending)) renameSync(file + ending, aside + ending)
  }
  return aside
}

/**
 * Opens the manifest, or makes it. One that is damaged is set aside: `aside` is where.
 * @throws Problem store.manifestNewer; what the system says if the file cannot be made.
 */
export function openManifestFile(file: string): { database: DatabaseSyncInstance; aside: string | null } {
  const opened = begin(file)
  if (opened !== 'broken') return { database: opened, aside: null }
  const aside = setManifestAside(file)
  const anew = begin(file)
  if (anew === 'broken') throw new Error(`no manifest can be begun at ${file}`)
  return { database: anew, aside }
}

/**
 * Opens the manifest for reading alone; null: there is none that can be used. On a read-only disk SQLite cannot make
 * the index of its log; nobody writes there, so the file is then read as it is.
 * @throws Problem store.manifestNewer
 */
export function readManifestFile(file: string): DatabaseSyncInstance | null {
  if (!existsSync(file)) return null
  const immutable = pathToFileURL(file)
  immutable.searchParams.set('immutable', '1')
  for (const where of [file, immutable]) {
    let database: DatabaseSyncInstance | null = null
    try {
      database = new DatabaseSync(where, { readOnly: true, timeout: BUSY_MS, defensive: true })
      database.exec('PRAGMA trusted_schema = OFF')
      const found = versionOf(database)
      if (found > MANIFEST_VERSION) throw new Problem('store.manifestNewer', { path: file })
      if (found === MANIFEST_VERSION) {
        for (const table of TABLES) database.prepare(`SELECT * FROM ${table} LIMIT 1`).get()
        return database
      }
      database.close()
      return null
    } catch (thrown) {
      if (database?.isOpen) database.close()
      if (isBroken(thrown) || /no such table/.test(String(thrown))) return null
      const isUnwritable = sqliteCode(thrown) === SQLITE_CANTOPEN || /readonly/.test(String(thrown))
      if (!isUnwritable || where === immutable) throw thrown
    }
  }
  return null
}
