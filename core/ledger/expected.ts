import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../platform/sqlite.ts'
import { openValues } from './database.ts'

/** The file of one period that a source's settings expect. Times in milliseconds since 1970. */
export interface ExpectedFile {
  /** When its period begins; identifies it among those of its pattern. */
  start: number
  /** When it should be there. */
  due: number
  /** Its path, relative to the source, with "/"; a pattern while it is missing. */
  path: string
  /** null: it is missing. */
  arrivedAt: number | null
}

/** Expected files of each source (scan/expectations.ts). */
export function openExpected(database: DatabaseSyncInstance) {
  const values = openValues(database)
  const columns = 'start, due, path, arrived_at AS arrivedAt FROM expected WHERE source = ? AND pattern = ?'
  const add = database.prepare('INSERT OR REPLACE INTO expected VALUES (?, ?, ?, ?, ?, ?)')
  const page = database.prepare(`SELECT ${columns} AND due >= ? AND due < ? ORDER BY start DESC LIMIT ?`)
  const open = database.prepare(`SELECT ${columns} AND (arrived_at IS NULL OR due > ?)`)
  const newest = database.prepare(
    `SELECT max(start) AS start FROM expected
     WHERE source = ? AND pattern = ? AND start <= ? AND arrived_at IS NOT NULL`,
  )
  const prune = database.prepare('DELETE FROM expected WHERE source = ? AND pattern = ? AND start < ?')
  const key = (source: string) => `expected ${source}`

  return {
    /** Returns the time until which the files of each pattern of a source were judged. */
    judged: (source: string): Record<string, number> => values.get(key(source)) ?? {},
    rememberJudged: (source: string, until: Record<string, number>) => values.put(key(source), until),

    /** Returns missing files, and those that arrived and were due after `judged`. */
    openExpectedFiles: (source: string, pattern: string, judged: number) =>
      open.all(source, pattern, judged) as unknown as ExpectedFile[],

    /** Returns the last period, among those that began by this time, whose file has arrived; null: none has. */
    lastArrived: (source: string, pattern: string, until: number) =>
      (newest.get(source, pattern, until) as { start: number | null }).start,

    recordExpected: (source: string, pattern: string, files: readonly ExpectedFile[]) =>
      inTransaction(database, () => {
        for (const { start, due, path, arrivedAt } of files)
          add.run(source, pattern, start, due, path, arrivedAt)
      }),

    /** Forgets files of periods that began before this time. */
    pruneExpected: (source: string, pattern: string, before: number) =>
      void prune.run(source, pattern, before),

    /** Returns the files that were due within this time, the newest first. */
    expectedFiles: (source: string, pattern: string, since: number, until: number, limit: number) =>
      page.all(source, pattern, since, until, limit) as unknown as ExpectedFile[],
  }
}
