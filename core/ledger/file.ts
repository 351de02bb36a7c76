import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { DatabaseKind } from '../sqlite-file.ts'
import { openDatabaseFile } from '../sqlite-file.ts'
import type { Message } from '../words/message.ts'
import { message } from '../words/message.ts'
import { LEDGER_VERSION, SCHEMA, SEALS, SUSPECTS } from './schema.ts'

export const LEDGER: DatabaseKind = {
  version: LEDGER_VERSION,
  schema: SCHEMA,
  tables: ['meta', 'route', 'total', 'file'],
  // A commit that a power failure takes back means a file is sent twice, which the receiver recognises.
  pragmas: 'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384',
  later: SEALS + SUSPECTS,
}

/** Opens the ledger's database, or makes it; `notice` says what had to be set aside. */
export function openLedgerFile(file: string): { database: DatabaseSyncInstance; notice: Message | null } {
  const { database, aside: set } = openDatabaseFile(file, LEDGER)
  if (set === null) return { database, notice: null }
  const key = set.why === 'newer' ? 'transfer.ledgerNewer' : 'transfer.ledgerBroken'
  return { database, notice: message(key, { path: file, aside: set.aside }) }
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
