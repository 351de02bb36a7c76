import { mkdirSync } from 'node:fs'
import path from 'node:path'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { type Message, message } from '../lib/i18n/message.ts'
import { type DatabaseKind, openDatabaseFile } from '../platform/sqlite-file.ts'

/** A state is stored as a number; the partial indices below contain these numbers. */
export const STATE = { waiting: 0, sent: 1, parked: 2 } as const

/** now: the group-write mark may be set; later: another destination does not have the file yet. */
export const MARK = { none: 0, now: 1, later: 2 } as const

/**
 * none; begun: the file may have its temporary name, or be gone already; removed: by Holdfast; absent: it was already
 * gone, not removed by Holdfast.
 */
export const REMOVAL = { none: 0, begun: 1, removed: 2, absent: 3 } as const

/**
 * A route is one source and one of its destinations. Triggers keep `total`, so that no query for sums reads the whole
 * table. Columns of a file:
 * - `due_at`: when it may be sent, and its place in the queue: its modification time, or the time of the next attempt.
 * - `mark_due`: it is sent but does not have its group-write mark yet, so that the next start sets the mark after a
 * crash   between the two; see MARK.
 * - `digest` of the sent content: with it, a file that is only renamed, or whose mode or time alone has changed, need
 * not   be transferred again. It is kept while size and inode are the same, and does not prove the content of a
 * waiting file:   only reading the file does. Its index, `file_content`, contains every row, so it is written when a
 * file is offered,   and causes no further cost when the file is sent.
 * - `stored_ns`: the modification time with which the content of the digest was sent; NULL in a row that was not
 * offered   again since, where it is `mtime_ns`.
 * - `acked`: the destination's position with which it was stored.
 * - `removal`, `removed_at`: Holdfast itself removes it at the source; see REMOVAL. The index `file_removing` contains
 * only the few rows whose removal is in progress, so it costs a transfer nothing.
 * - `proven_at`: when the destination last proved that it has the file.
 *
 * Table `seal`: the digest of the data at the destination, only for files that are encrypted there. Table `suspect`:
 * files that may have lost their content, with the metadata of the sent content, and since when.
 *
 * Times are milliseconds since 1970; those of the file itself are nanoseconds, in 64 bits: beyond the year 2262 they
 * only distinguish one content from another.
 */
const SCHEMA = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE route (
  id INTEGER PRIMARY KEY,
  destination TEXT NOT NULL,
  source TEXT NOT NULL,
  UNIQUE (destination, source)
);
CREATE TABLE total (
  route INTEGER NOT NULL,
  state INTEGER NOT NULL,
  files INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (route, state)
) WITHOUT ROWID;
CREATE TABLE file (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  route INTEGER NOT NULL,
  path TEXT NOT NULL,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  ctime_ns INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  device INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  generation INTEGER NOT NULL DEFAULT 1,
  attempts INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER NOT NULL,
  sent_at INTEGER,
  reason TEXT,
  mark_due INTEGER NOT NULL DEFAULT 0,
  digest BLOB,
  acked INTEGER,
  removal INTEGER NOT NULL DEFAULT 0,
  removed_at INTEGER,
  proven_at INTEGER,
  stored_ns INTEGER
);
CREATE UNIQUE INDEX file_path ON file (route, path);
CREATE INDEX file_state ON file (route, state);
CREATE INDEX file_unsent ON file (route, path, state) WHERE state <> 1;
CREATE INDEX file_due ON file (route, due_at) WHERE state = 0;
CREATE INDEX file_mark ON file (route, mark_due) WHERE mark_due > 0;
CREATE INDEX file_content ON file (inode, mtime_ns);
CREATE INDEX file_removing ON file (route) WHERE removal = 1;
CREATE TABLE seal (file INTEGER PRIMARY KEY, digest BLOB NOT NULL);
CREATE TABLE suspect (
  source TEXT NOT NULL,
  path TEXT NOT NULL,
  lost INTEGER NOT NULL,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (source, path)
) WITHOUT ROWID;
CREATE TRIGGER route_added AFTER INSERT ON route BEGIN
  INSERT INTO total VALUES (new.id, 0, 0, 0), (new.id, 1, 0, 0), (new.id, 2, 0, 0);
END;
CREATE TRIGGER route_removed AFTER DELETE ON route BEGIN
  DELETE FROM total WHERE route = old.id;
END;
CREATE TRIGGER file_added AFTER INSERT ON file BEGIN
  UPDATE total SET files = files + 1, bytes = bytes + new.size WHERE route = new.route AND state = new.state;
END;
CREATE TRIGGER file_removed AFTER DELETE ON file BEGIN
  UPDATE total SET files = files - 1, bytes = bytes - old.size WHERE route = old.route AND state = old.state;
  DELETE FROM seal WHERE file = old.id;
END;
CREATE TRIGGER file_moved AFTER UPDATE OF state, size ON file
WHEN old.state <> new.state OR old.size <> new.size BEGIN
  UPDATE total SET files = files - 1, bytes = bytes - old.size WHERE route = old.route AND state = old.state;
  UPDATE total SET files = files + 1, bytes = bytes + new.size WHERE route = new.route AND state = new.state;
END;
`

/**
 * Pages of the write-ahead log, 32 MiB, from which on a commit copies them into the database (sqlite.org/wal.html).
 * That waits for the disk twice. With the default of 1,000 pages it happened several times in one burst of files, and
 * delayed everything that the watcher had found.
 */
const MOST_PAGES = 8_192

export const LEDGER: DatabaseKind = {
  version: 3,
  schema: SCHEMA,
  migrations: { 2: 'ALTER TABLE file ADD COLUMN stored_ns INTEGER' },
  tables: ['meta', 'route', 'total', 'file', 'seal', 'suspect'],
  // A commit that is lost in a power failure means that a file is sent twice, which the receiver recognises.
  pragmas: `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384;
    PRAGMA wal_autocheckpoint = ${MOST_PAGES}`,
}

/** Opens the ledger's database, or creates it with its directory; `notice` reports a file that had to be set aside. */
export function openLedgerFile(file: string): { database: DatabaseSyncInstance; notice: Message | null } {
  mkdirSync(path.dirname(file), { recursive: true })
  const { database, aside: set } = openDatabaseFile(file, LEDGER)
  if (set === null) return { database, notice: null }
  const key = set.why === 'newer' ? 'transfer.ledgerNewer' : 'transfer.ledgerBroken'
  return { database, notice: message(key, { path: file, aside: set.aside }) }
}
