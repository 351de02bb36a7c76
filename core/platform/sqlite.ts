import { closeSync, existsSync, openSync, renameSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'
import { defer } from '../defer.ts'
import { dropError } from '../dropped-errors.ts'

/** Maximum wait for another process's transaction, in milliseconds. */
const BUSY_MS = 10_000

/** SQLite's result codes (https://sqlite.org/rescode.html) that are relevant when a file is opened. */
const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6
const SQLITE_IOERR = 10
const SQLITE_CORRUPT = 11
const SQLITE_CANTOPEN = 14
const SQLITE_NOTADB = 26

/** On macOS, fsync(2) leaves data in the disk's cache: SQLite uses F_FULLFSYNC only when asked (sqlite.org/pragma.html). */
const DURABLE = 'PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON'

/** Requirements of a Holdfast database. */
export interface DatabaseKind {
  /** Written to `user_version`; a file with a higher one was created by a newer Holdfast. */
  version: number
  schema: string
  /** SQL that migrates each version to the next one. A file of a version without an entry is set aside. */
  migrations?: Readonly<Record<number, string>>
  tables: readonly string[]
  /** Applied to each connection that may write. */
  pragmas: string
}

/** The reason why a file is unusable. */
type Unusable = 'broken' | 'newer'

/** The name under which an unusable file was kept. */
export interface SetAside {
  why: Unusable
  aside: string
}

/**
 * Opens or creates a database. Its directory must exist: none is created below the mount point of a missing disk. An
 * existing unusable file is set aside under another name, never deleted. Safe for several processes at once.
 * @throws the system error if the file cannot be created.
 */
export function openDatabaseFile(
  file: string,
  kind: DatabaseKind,
): { database: DatabaseSyncInstance; aside: SetAside | null } {
  using _ = lockBeside(file)
  const opened = beginDatabase(file, kind)
  if (typeof opened !== 'string') return { database: opened, aside: null }
  const aside = setAside(file, opened)
  const begun = beginDatabase(file, kind)
  if (typeof begun === 'string') throw new Error(`no database can be begun at ${file}`)
  return { database: begun, aside }
}

/**
 * Waits until no other process opens the file to write, or sets it aside: SQLite finds logs and journals by name, and would
 * roll the journal of a new file back into the one that had its name. The kernel ends the lock with the process.
 */
function lockBeside(file: string): Disposable {
  createPrivately(`${file}-lock`)
  const lock = new DatabaseSync(`${file}-lock`, { timeout: BUSY_MS })
  try {
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    throw error
  }
  return defer(() => lock.close())
}

/**
 * Closes a database of `openDatabaseFile`. The last one to close removes the log; of two processes that close at the same
 * time, neither is the last for SQLite, and the log would stay (sqlite.org/wal.html).
 */
export function closeDatabaseFile(file: string, database: DatabaseSyncInstance): void {
  try {
    using _ = lockBeside(file)
    database.close()
  } catch (error) {
    dropError(
      error,
      'the lock is unavailable, as on a full disk; a log that stays is read by the next process',
    )
    if (database.isOpen) database.close()
  }
}

/** Opens the database, and creates it if there is no file; or returns why the file is unusable. */
export function beginDatabase(file: string, kind: DatabaseKind): DatabaseSyncInstance | Unusable {
  const { version, schema, migrations = {}, tables, pragmas } = kind
  createPrivately(file)
  const database = new DatabaseSync(file, { timeout: BUSY_MS, defensive: true })
  const isTable = () => database.prepare('SELECT 1 FROM sqlite_master LIMIT 1').get() !== undefined
  return orUnusable(database, () => {
    // Checked first, so that nothing is written to a file that Holdfast must not change. Tables before version, because
    // a process that is creating the file commits both together.
    const hasTables = retryWhileBusy(isTable)
    const found = retryWhileBusy(() => readVersion(database))
    const isUsable = found === version || (found === 0 && !hasTables) || canMigrate(found, kind)
    if (!isUsable) return found > version ? 'newer' : 'broken'
    retryWhileBusy(() => database.exec(`${DURABLE}; ${pragmas}`))
    if (found !== version)
      inTransaction(database, () => {
        // The file may have been created or migrated by another process in the meantime.
        const now = readVersion(database)
        if (now === version) return
        const steps = now === 0 ? [schema] : range(now, version).map((from) => migrations[from] ?? '')
        for (const sql of steps) database.exec(sql)
        database.exec(`PRAGMA user_version = ${version}`)
      })
    requireTables(database, tables)
    return null
  })
}

/** Creates a missing file for its user alone: SQLite would use the umask. Its log and its index get the same mode. */
function createPrivately(file: string): void {
  if (existsSync(file)) return
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    dropError(error, 'SQLite reports why a file cannot be created')
  }
}

/**
 * Opens a database read-only; null: there is none; or returns why the file is unusable. On a read-only disk SQLite
 * cannot create the index of its log. No process writes there, so the file is then read without it. On a full disk the
 * index is kept in memory, for which the file is locked. A file of a version that the next writer will migrate is read
 * unchanged: readers must not use anything that a migration adds.
 */
export function readDatabaseFile(
  file: string,
  kind: Pick<DatabaseKind, 'version' | 'migrations' | 'tables'>,
): DatabaseSyncInstance | Unusable | null {
  const { version, tables } = kind
  if (!existsSync(file)) return null
  const open = (where: string | URL, isLocked = false) => {
    const database = new DatabaseSync(where, { readOnly: !isLocked, timeout: BUSY_MS, defensive: true })
    return orUnusable(database, () => {
      database.exec('PRAGMA trusted_schema = OFF')
      if (isLocked) database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA query_only = ON')
      const found = readVersion(database)
      // Tables of an incompatible version would be misinterpreted.
      if (found !== version && !canMigrate(found, kind)) return found > version ? 'newer' : 'broken'
      // A migration may add tables.
      if (found === version) requireTables(database, tables)
      return null
    })
  }
  try {
    return open(file)
  } catch (error) {
    if (sqliteCode(error) === SQLITE_IOERR) return open(file, true)
    const isUnwritable = sqliteCode(error) === SQLITE_CANTOPEN || /readonly/.test(String(error))
    if (!isUnwritable) throw error
    const immutable = pathToFileURL(file)
    immutable.searchParams.set('immutable', '1')
    return open(immutable)
  }
}

/** Returns the database if `examine` finds it usable (null); closes it otherwise. */
function orUnusable(
  database: DatabaseSyncInstance,
  examine: () => Unusable | null,
): DatabaseSyncInstance | Unusable {
  let wrong: Unusable | null
  try {
    wrong = examine()
  } catch (error) {
    database.close()
    // If a table is missing or different, it is a database, but not Holdfast's.
    if (isBroken(error) || /no such table|already exists/.test(String(error))) return 'broken'
    throw error
  }
  if (wrong !== null) database.close()
  return wrong ?? database
}

/** True if migrations lead from the version of a file to the current one. */
function canMigrate(
  found: number,
  { version, migrations = {} }: Pick<DatabaseKind, 'version' | 'migrations'>,
) {
  return found > 0 && found < version && range(found, version).every((from) => from in migrations)
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index)

function readVersion(database: DatabaseSyncInstance): number {
  return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version
}

function requireTables(database: DatabaseSyncInstance, tables: readonly string[]): void {
  for (const table of tables) database.prepare(`SELECT count(*) FROM (SELECT * FROM ${table} LIMIT 1)`).get()
}

/** Retries, because enabling WAL does not always wait for other openers. */
function retryWhileBusy<T>(attempt: () => T): T {
  const deadline = Date.now() + BUSY_MS
  for (;;) {
    try {
      return attempt()
    } catch (error) {
      if (!isBusy(error) || Date.now() > deadline) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
}

/** Renames an unusable file, together with its log and index. No other process may open it meanwhile. */
export function setAside(file: string, why: Unusable): SetAside {
  const aside = `${file}.${why}-${new Date().toISOString().replace(/[:.]/g, '-')}`
  // The file is the last: SQLite erases a log of this name as soon as a new one is begun.
  for (const ending of ['-wal', '-shm', '']) {
    if (existsSync(file + ending)) renameSync(file + ending, aside + ending)
  }
  return { why, aside }
}

/**
 * Wraps a database that is opened on demand, and reopened after any error. A damaged file is set aside.
 * @param tell is called for a file that was set aside.
 */
export function reopening<D extends { close(): void }>(
  file: string,
  open: () => D,
  tell: (aside: SetAside) => void,
) {
  let opened: D | null = null
  const close = () => {
    try {
      opened?.close()
    } catch (error) {
      dropError(error, 'what was committed stays, though the database cannot be closed well')
    }
    opened = null
  }
  return {
    /** @throws the error of opening or of the work. */
    use<T>(work: (database: D) => T): T {
      try {
        opened ??= open()
        return work(opened)
      } catch (error) {
        close()
        if (isBroken(error)) {
          using _ = lockBeside(file)
          tell(setAside(file, 'broken'))
        }
        throw error
      }
    },
    close,
  }
}

/** Runs `work` in one write transaction. */
export function inTransaction<T>(database: DatabaseSyncInstance, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

/** True if the file itself is damaged, so that retrying is useless. */
export function isBroken(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === SQLITE_NOTADB || code === SQLITE_CORRUPT
}

/** True if another connection has locked the database. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === SQLITE_BUSY || code === SQLITE_LOCKED
}

/** Returns SQLite's primary result code of an error, or null. */
export function sqliteCode(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return null
  return typeof error.errcode === 'number' ? error.errcode & 0xff : null
}
