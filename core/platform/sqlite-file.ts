import { existsSync, renameSync, statSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'
import { dropError } from '../dropped-errors.ts'
import { inTransaction, sqliteCode } from './sqlite.ts'

/** How long a process waits for another one's transaction before it gives up, in milliseconds. */
const BUSY_MS = 10_000

/** SQLite's result codes (https://sqlite.org/rescode.html) that matter when a file is opened. */
const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6
const SQLITE_CORRUPT = 11
const SQLITE_CANTOPEN = 14
const SQLITE_NOTADB = 26

/** What a database of Holdfast's own has to be. */
export interface DatabaseKind {
  /** Written to `user_version`; a file with a higher one was made by a newer Holdfast. */
  version: number
  schema: string
  /** SQL by the version that it makes the next one of. A file of a version without one is set aside. */
  migrations?: Readonly<Record<number, string>>
  tables: readonly string[]
  /** For each connection that may write. */
  pragmas: string
}

/** Why a file cannot be used. */
type Unusable = 'broken' | 'newer'

/** Under which name a file was put that could not be used. */
export interface SetAside {
  why: Unusable
  aside: string
}

/**
 * Opens a database, or makes it. Its directory has to be there: under the mount point of a disk that is away none is made.
 * What is there but cannot be used is set aside under another name, never erased. Several processes may do so at once.
 * @throws what the system says if the file cannot be made.
 */
export function openDatabaseFile(
  file: string,
  kind: DatabaseKind,
): { database: DatabaseSyncInstance; aside: SetAside | null } {
  let aside: SetAside | null = null
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const inode = inodeOf(file)
    const opened = beginDatabase(file, kind)
    if (typeof opened !== 'string') return { database: opened, aside }
    // Another process may have set the same file aside in the meantime; then its new one is left alone.
    if (inodeOf(file) === inode) aside = setAside(file, opened)
  }
  throw new Error(`no database can be begun at ${file}`)
}

const inodeOf = (file: string): bigint | null =>
  statSync(file, { bigint: true, throwIfNoEntry: false })?.ino ?? null

/** Returns true if migrations lead from the version of a file to the present one. */
function canMigrate(
  found: number,
  { version, migrations = {} }: Pick<DatabaseKind, 'version' | 'migrations'>,
) {
  return found > 0 && found < version && range(found, version).every((from) => from in migrations)
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index)

/** The database, made if there is no file; or why the file cannot be used. */
export function beginDatabase(file: string, kind: DatabaseKind): DatabaseSyncInstance | Unusable {
  const { version, schema, migrations = {}, tables, pragmas } = kind
  const database = new DatabaseSync(file, { timeout: BUSY_MS, defensive: true })
  const isTable = () => database.prepare('SELECT 1 FROM sqlite_master LIMIT 1').get() !== undefined
  return orUnusable(database, () => {
    // Looked at first: nothing is written into a file that is not ours to change. Tables before version: a process that
    // makes the file at this moment commits both together.
    const hasTables = patiently(isTable)
    const found = patiently(() => versionOf(database))
    const isUsable = found === version || (found === 0 && !hasTables) || canMigrate(found, kind)
    if (!isUsable) return found > version ? 'newer' : 'broken'
    patiently(() => database.exec(pragmas))
    if (found !== version)
      inTransaction(database, () => {
        // Another process may have done it meanwhile.
        const now = versionOf(database)
        if (now === version) return
        const steps = now === 0 ? [schema] : range(now, version).map((from) => migrations[from] ?? '')
        for (const sql of steps) database.exec(sql)
        database.exec(`PRAGMA user_version = ${version}`)
      })
    requireTables(database, tables)
    return null
  })
}

/**
 * Opens a database for reading alone; null: there is none; or why the file cannot be used. On a read-only disk SQLite
 * cannot make the index of its log; nobody writes there, so the file is then read as it is. A file that the next writer
 * migrates is read as it is, too: a reader may use nothing that a migration adds.
 */
export function readDatabaseFile(
  file: string,
  kind: Pick<DatabaseKind, 'version' | 'migrations' | 'tables'>,
): DatabaseSyncInstance | Unusable | null {
  const { version, tables } = kind
  if (!existsSync(file)) return null
  const open = (where: string | URL) => {
    const database = new DatabaseSync(where, { readOnly: true, timeout: BUSY_MS, defensive: true })
    return orUnusable(database, () => {
      database.exec('PRAGMA trusted_schema = OFF')
      const found = versionOf(database)
      // Whoever misunderstands another version's tables would say untrue things of them.
      if (found !== version && !canMigrate(found, kind)) return found > version ? 'newer' : 'broken'
      requireTables(database, tables)
      return null
    })
  }
  try {
    return open(file)
  } catch (thrown) {
    const isUnwritable = sqliteCode(thrown) === SQLITE_CANTOPEN || /readonly/.test(String(thrown))
    if (!isUnwritable) throw thrown
    const immutable = pathToFileURL(file)
    immutable.searchParams.set('immutable', '1')
    return open(immutable)
  }
}

/** @param look what is wrong with it; null: nothing. */
function orUnusable(
  database: DatabaseSyncInstance,
  look: () => Unusable | null,
): DatabaseSyncInstance | Unusable {
  let wrong: Unusable | null
  try {
    wrong = look()
  } catch (thrown) {
    database.close()
    // With a table missing, or of another kind, it is a database, but not ours.
    if (isBroken(thrown) || /no such table|already exists/.test(String(thrown))) return 'broken'
    throw thrown
  }
  if (wrong !== null) database.close()
  return wrong ?? database
}

function versionOf(database: DatabaseSyncInstance): number {
  return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version
}

function requireTables(database: DatabaseSyncInstance, tables: readonly string[]): void {
  for (const table of tables) database.prepare(`SELECT count(*) FROM (SELECT * FROM ${table} LIMIT 1)`).get()
}

/** Turning WAL on does not always wait for other openers by itself, so it is tried again here. */
function patiently<T>(attempt: () => T): T {
  const deadline = Date.now() + BUSY_MS
  for (;;) {
    try {
      return attempt()
    } catch (thrown) {
      const code = sqliteCode(thrown)
      const isBusy = code === SQLITE_BUSY || code === SQLITE_LOCKED
      if (!isBusy || Date.now() > deadline) throw thrown
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    }
  }
}

/** The file itself is damaged; waiting will not mend it. */
export function isBroken(thrown: unknown): boolean {
  const code = sqliteCode(thrown)
  return code === SQLITE_NOTADB || code === SQLITE_CORRUPT
}

/** Gives a file that cannot be used another name, with what belongs to it. */
export function setAside(file: string, why: Unusable): SetAside {
  const aside = `${file}.${why}-${new Date().toISOString().replace(/[:.]/g, '-')}`
  for (const ending of ['', '-wal', '-shm']) {
    if (existsSync(file + ending)) renameSync(file + ending, aside + ending)
  }
  return { why, aside }
}

/**
 * A database that is opened when it is first needed, and anew after whatever has failed. A damaged file is set aside.
 * @param tell hears of that.
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
    /** @throws what opening or the work throws. */
    use<T>(work: (database: D) => T): T {
      try {
        opened ??= open()
        return work(opened)
      } catch (thrown) {
        close()
        if (isBroken(thrown)) tell(setAside(file, 'broken'))
        throw thrown
      }
    },
    close,
  }
}
