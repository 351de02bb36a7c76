import { mkdirSync, renameSync, statSync } from 'node:fs'
import path from 'node:path'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { DatabaseSync } from '@photostructure/sqlite'
import { inTransaction, sqliteCode } from '../sqlite.ts'
import type { Message } from '../words/message.ts'
import { message } from '../words/message.ts'

export { inTransaction, sqliteCode }

/** Written to `user_version`; a ledger with a higher one was made by a newer Holdfast. */
export const LEDGER_VERSION = 1

/** How long a process waits for another one's transaction before it gives up, in milliseconds. */
const BUSY_MS = 10_000

/** SQLite's result codes (https://sqlite.org/rescode.html) that matter when a file is opened. */
const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/** A state is stored as a number; 1 is written out in the partial indices below. */
export const STATE = { waiting: 0, sent: 1, parked: 2 } as const

/**
 * A route is one source's way to one destination. `total` is kept by triggers, so that no question about
 * sums ever reads the whole table. `ready` and `later` split the waiting files: those that may go now, in
 * the order of their age, and those that wait for their next attempt. `mark_due`: sent, but the file does
 * not carry its group-write mark yet; so a crash between the two is made good at the next start.
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
  inode INTEGER NOT NULL,
  device INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  generation INTEGER NOT NULL DEFAULT 1,
  attempts INTEGER NOT NULL DEFAULT 0,
  retry_at INTEGER NOT NULL DEFAULT 0,
  sent_at INTEGER,
  reason TEXT,
  mark_due INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX file_path ON file (route, path);
CREATE INDEX file_state ON file (route, state);
CREATE INDEX file_unsent ON file (route, path, state) WHERE state <> 1;
CREATE INDEX file_ready ON file (route, mtime_ns) WHERE state = 0 AND retry_at = 0;
CREATE INDEX file_later ON file (retry_at) WHERE state = 0 AND retry_at > 0;
CREATE INDEX file_mark ON file (route) WHERE mark_due = 1;
CREATE TRIGGER route_totals AFTER INSERT ON route BEGIN
  INSERT INTO total VALUES (new.id, 0, 0, 0), (new.id, 1, 0, 0), (new.id, 2, 0, 0);
END;
CREATE TRIGGER file_added AFTER INSERT ON file BEGIN
  UPDATE total SET files = files + 1, bytes = bytes + new.size WHERE route = new.route AND state = new.state;
END;
CREATE TRIGGER file_removed AFTER DELETE ON file BEGIN
  UPDATE total SET files = files - 1, bytes = bytes - old.size WHERE route = old.route AND state = old.state;
END;
CREATE TRIGGER file_moved AFTER UPDATE OF state, size ON file
WHEN old.state <> new.state OR old.size <> new.size BEGIN
  UPDATE total SET files = files - 1, bytes = bytes - old.size WHERE route = old.route AND state = old.state;
  UPDATE total SET files = files + 1, bytes = bytes + new.size WHERE route = new.route AND state = new.state;
END;
`

function isBusy(thrown: unknown): boolean {
  const code = sqliteCode(thrown)
  return code === SQLITE_BUSY || code === SQLITE_LOCKED
}

/** Turning WAL on does not always wait for other openers by itself, so it is tried again here. */
function patiently<T>(attempt: () => T): T {
  const deadline = Date.now() + BUSY_MS
  for (;;) {
    try {
      return attempt()
    } catch (thrown) {
      if (!isBusy(thrown) || Date.now() > deadline) throw thrown
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
}

function versionOf(database: DatabaseSyncInstance): number {
  const row = database.prepare('PRAGMA user_version').get() as { user_version: number }
  return row.user_version
}

function hasTables(database: DatabaseSyncInstance): boolean {
  return database.prepare('SELECT 1 FROM sqlite_master LIMIT 1').get() !== undefined
}

/** Why a file cannot be used as the ledger. */
type Unusable = 'broken' | 'newer'

function begin(file: string): DatabaseSyncInstance | Unusable {
  const database = new DatabaseSync(file, { timeout: BUSY_MS })
  try {
    // Looked at first: nothing is written into a file that is not ours to change. Tables before version: a
    // process that makes the ledger at this moment commits both together.
    const tables = patiently(() => hasTables(database))
    const found = patiently(() => versionOf(database))
    if (found > LEDGER_VERSION || (found === 0 && tables)) {
      database.close()
      return found === 0 ? 'broken' : 'newer'
    }
    patiently(() => database.exec('PRAGMA journal_mode = WAL'))
    // A commit that a power failure takes back means a file is sent twice, which the receiver recognises.
    database.exec('PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384')
    if (versionOf(database) === 0) {
      inTransaction(database, () => {
        if (versionOf(database) !== 0) return
        database.exec(SCHEMA)
        database.exec(`PRAGMA user_version = ${LEDGER_VERSION}`)
      })
    }
    database.prepare('SELECT count(*) FROM total').get()
    database.prepare('SELECT id, mark_due FROM file LIMIT 1').get()
    return database
  } catch (thrown) {
    database.close()
    const code = sqliteCode(thrown)
    // Code 1 with a missing table: a database, but not a ledger.
    if (
      code === SQLITE_NOTADB ||
      code === SQLITE_CORRUPT ||
      /no such table|already exists/.test(String(thrown))
    )
      return 'broken'
    throw thrown
  }
}

function inodeOf(file: string): bigint | null {
  return statSync(file, { bigint: true, throwIfNoEntry: false })?.ino ?? null
}

/** Another process may have set the same file aside in the meantime; then its new ledger is left alone. */
function setAside(file: string, inode: bigint | null, why: Unusable): Message | null {
  if (inodeOf(file) !== inode) return null
  const aside = `${file}.${why}-${new Date().toISOString().replace(/[:.]/g, '-')}`
  renameSync(file, aside)
  for (const ending of ['-wal', '-shm']) {
    if (inodeOf(file + ending) !== null) renameSync(file + ending, aside + ending)
  }
  return message(why === 'newer' ? 'transfer.ledgerNewer' : 'transfer.ledgerBroken', { path: file, aside })
}

/**
 * Opens the ledger's database, or makes it. What is there but cannot be used is set aside under another
 * name, never erased, and `notice` says so.
 * @throws what the system says if the directory cannot be written.
 */
export function openLedgerFile(file: string): { database: DatabaseSyncInstance; notice: Message | null } {
  mkdirSync(path.dirname(file), { recursive: true })
  let notice: Message | null = null
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const inode = inodeOf(file)
    const opened = begin(file)
    if (typeof opened !== 'string') return { database: opened, notice }
    notice = setAside(file, inode, opened) ?? notice
  }
  throw new Error(`no ledger can be begun at ${file}`)
}
