import { mkdirSync, renameSync, statSync } from 'node:fs'
import path from 'node:path'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { DatabaseSync } from '@photostructure/sqlite'
import { inTransaction, sqliteCode } from '../sqlite.ts'
import type { Message } from '../words/message.ts'
import { message } from '../words/message.ts'
import { LEDGER_VERSION, SCHEMA, SEALS, SUSPECTS } from './schema.ts'

/** How long a process waits for another one's transaction before it gives up, in milliseconds. */
const BUSY_MS = 10_000

/** SQLite's result codes (https://sqlite.org/rescode.html) that matter when a file is opened. */
const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

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
    if (found !== LEDGER_VERSION && (found !== 0 || tables)) {
      database.close()
      return found > LEDGER_VERSION ? 'newer' : 'broken'
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
    for (const table of ['meta', 'route', 'total', 'file'])
      database.prepare(`SELECT count(*) FROM (SELECT * FROM ${table} LIMIT 1)`).get()
    patiently(() => database.exec(SEALS + SUSPECTS))
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

/**
 * Pages of the write-ahead log, 32 MiB, from which on a commit copies them into the database (sqlite.org/wal.html). That
 * waits for the disk twice, and with the default of 1,000 pages it did so several times in one burst of files, while
 * everything that the watcher had found waited as well.
 */
const MOST_PAGES = 8_192
/** Rows changed that are worth a checkpoint of their own: what is less may wait for more. */
const WORTH_CHANGES = 1_000
/** A ledger that nothing was written to for so long, at most twice, is at rest. */
const REST_MS = 5_000

/** Copies the log into the database while nobody waits for the ledger, and otherwise seldom; returns how to end it. */
export function checkpointAtRest(database: DatabaseSyncInstance): () => void {
  database.exec(`PRAGMA wal_autocheckpoint = ${MOST_PAGES}`)
  const changes = database.prepare('SELECT total_changes() AS changes')
  const changesNow = () => Number((changes.get() as { changes: number }).changes)
  let seen = changesNow()
  let copied = seen
  const timer = setInterval(() => {
    const now = changesNow()
    const isAtRest = now === seen
    seen = now
    if (!isAtRest || now - copied < WORTH_CHANGES) return
    copied = now
    try {
      // Takes what it gets without waiting for anybody.
      database.exec('PRAGMA wal_checkpoint(PASSIVE)')
    } catch {
      // The next commit, or the close, meets the same disk and says so.
    }
  }, REST_MS)
  timer.unref()
  return () => clearInterval(timer)
}
