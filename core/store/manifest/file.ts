import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { UserError } from '../../lib/i18n/user-error.ts'
import { beginDatabase, type DatabaseKind, readDatabaseFile, setAside } from '../../platform/sqlite-file.ts'

/**
 * Tables:
 * store: `epoch` identifies this manifest and never changes. `clock_ms` counts the time for which a receiver has run on
 * it. `position` counts the rounds that have changed it.
 * sender: totals of each sender's folder, the position of its last change, and the session that made it.
 * source: a directory of a sender's folder. directory: a directory below it.
 * file: a row for each stored version. `key` is its path, folded on a file system that folds names. `version` is empty
 * for the current version, else its name. `depth` is the number of path components above that name in the tree of
 * versions (a replaced directory is a single version with everything below it). `gone_at`: when the source renamed the
 * file. `pinned`: the file was removed at the source because it is stored here.
 * round: the open round, with the places that it may change. wanted: files that the sender should offer again.
 * Times are milliseconds since 1970; a file's own time is in seconds and nanoseconds. `more` is MessagePack
 * (MoreFacts).
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
INSERT INTO store (id, epoch) VALUES (1, lower(hex(randomblob(16))));
`

const MANIFEST: DatabaseKind = {
  version: 1,
  schema: SCHEMA,
  tables: ['store', 'sender', 'source', 'directory', 'file', 'round', 'wanted'],
  // A round is synced together with its files; see store/syncing.ts.
  pragmas:
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096; PRAGMA trusted_schema = OFF',
}

/**
 * Opens or creates the manifest. The store's own directory must exist. A damaged manifest is renamed to `aside`, never
 * erased.
 * @throws UserError store.manifestNewer; system errors if the file cannot be created
 */
export function openManifestFile(file: string): { database: DatabaseSyncInstance; aside: string | null } {
  const begin = () => {
    const opened = beginDatabase(file, MANIFEST)
    if (opened === 'newer') throw new UserError('store.manifestNewer', { path: file })
    return opened
  }
  const opened = begin()
  if (opened !== 'broken') return { database: opened, aside: null }
  const { aside } = setAside(file, 'broken')
  const anew = begin()
  if (anew === 'broken') throw new Error(`no manifest can be begun at ${file}`)
  return { database: anew, aside }
}

/**
 * Opens the manifest read-only; null: there is no usable one.
 * @throws UserError store.manifestNewer
 */
export function readManifestFile(file: string): DatabaseSyncInstance | null {
  const database = readDatabaseFile(file, MANIFEST)
  if (database === 'newer') throw new UserError('store.manifestNewer', { path: file })
  return database === 'broken' ? null : database
}
