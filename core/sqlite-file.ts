import { existsSync, mkdirSync, renameSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction, sqliteCode } from './sqlite.ts'

/** SQLite's result codes, https://sqlite.org/rescode.html */
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/** What a database of Holdfast's own has to be. */
export interface DatabaseKind {
  /** Written to `user_version`; a file with a higher one was made by a newer Holdfast. */
  version: number
  schema: string
  tables: readonly string[]
  /** For each connection. */
  pragmas: string
}

/** Under which name a file was put that could not be used. */
export interface SetAside {
  why: 'broken' | 'newer'
  aside: string
}

/**
 * Opens a database, or makes it. What is there but cannot be used is set aside under another name, never erased.
 * @throws what the system says if the file cannot be made.
 */
export function openDatabaseFile(
  file: string,
  kind: DatabaseKind,
): { database: DatabaseSyncInstance; aside: SetAside | null } {
  mkdirSync(path.dirname(file), { recursive: true })
  const opened = begin(file, kind)
  if (typeof opened !== 'string') return { database: opened, aside: null }
  const aside = setAside(file, opened)
  const anew = begin(file, kind)
  if (typeof anew === 'string') throw new Error(`no database can be begun at ${file}`)
  return { database: anew, aside }
}

function begin(
  file: string,
  { version, schema, tables, pragmas }: DatabaseKind,
): DatabaseSyncInstance | SetAside['why'] {
  const database = new DatabaseSync(file)
  try {
    const { user_version: found } = database.prepare('PRAGMA user_version').get() as { user_version: number }
    const hasTables = database.prepare('SELECT 1 FROM sqlite_master LIMIT 1').get() !== undefined
    // Looked at first: nothing is written into a file that is not ours to change.
    if (found > version || (found === 0 && hasTables)) {
      database.close()
      return found === 0 ? 'broken' : 'newer'
    }
    database.exec(pragmas)
    if (found === 0) {
      inTransaction(database, () => {
        database.exec(schema)
        database.exec(`PRAGMA user_version = ${version}`)
      })
    }
    for (const table of tables) database.prepare(`SELECT * FROM ${table} LIMIT 1`).get()
    return database
  } catch (thrown) {
    database.close()
    if (isBroken(thrown) || /no such table/.test(String(thrown))) return 'broken'
    throw thrown
  }
}

/** The file itself is damaged; waiting will not mend it. */
export function isBroken(thrown: unknown): boolean {
  const code = sqliteCode(thrown)
  return code === SQLITE_NOTADB || code === SQLITE_CORRUPT
}

/** Gives a file that cannot be used another name, with what belongs to it. */
export function setAside(file: string, why: SetAside['why']): SetAside {
  const aside = `${file}.${why}-${new Date().toISOString().replace(/[:.]/g, '-')}`
  for (const ending of ['', '-wal', '-shm']) {
    if (existsSync(file + ending)) renameSync(file + ending, aside + ending)
  }
  return { why, aside }
}
