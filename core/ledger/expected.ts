import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../platform/sqlite.ts'
import { openValues } from './database.ts'

/** The file of one period that a source's settings expect. Times in milliseconds since 1970. */
export type ExpectedFile = {
  /** When its period begins; identifies it among those of its pattern. */
  start: number
  /** When it should be there. */
  due: number
  /** Its path, relative to the source, with "/"; a pattern while it is missing. */
  path: string
  /** null: it is missing. */
  arrivedAt: number | null
}

/** How far the files of a rule were judged. Times in milliseconds since 1970. */
export interface Judged {
  /** The rule's period, delay and time zone as text. A rule with another timetable begins anew. */
  timetable: string
  /** When the rule began: files that were due earlier are not expected. */
  since: number
  until: number
}

/** The numbers of expected files that were due within a time. */
export type ExpectedCounts = {
  due: number
  missing: number
  late: number
}

/** Expected files of each source (scan/expectations.ts). */
export function openExpected(database: DatabaseSyncInstance) {
  const values = openValues(database)
  const ofRule = 'FROM expected WHERE source = ? AND pattern = ?'
  const columns = 'SELECT start, due, path, arrived_at AS arrivedAt'
  const isGap = '(arrived_at IS NULL OR arrived_at > due)'
  const add = database.prepare('INSERT OR REPLACE INTO expected VALUES (?, ?, ?, ?, ?, ?)')
  const ofPeriod = 'FROM expected WHERE source = ? AND due >= ? AND due < ?'
  const page = database.prepare(
    `${columns}, pattern ${ofPeriod} AND (${isGap} OR NOT ?) ORDER BY due DESC, pattern, start DESC LIMIT ?`,
  )
  const count = database.prepare(
    `SELECT count(*) AS due, total(arrived_at IS NULL) AS missing, total(arrived_at > due) AS late ${ofPeriod}`,
  )
  const open = database.prepare(`${columns} ${ofRule} AND due > ? AND (arrived_at IS NULL OR due > ?)`)
  const newest = database.prepare(`SELECT max(arrived_at) AS at ${ofRule} AND arrived_at <= ?`)
  const prune = database.prepare(`DELETE FROM expected WHERE source = ? AND start < ?`)
  const key = (source: string) => `expected ${source}`

  return {
    /** Returns how far the files of each pattern of a source were judged. */
    judged: (source: string): Record<string, Judged> => values.get(key(source)) ?? {},
    rememberJudged: (source: string, judged: Record<string, Judged>) => values.put(key(source), judged),

    /** Returns missing files that were due after `since`, and those that arrived and were due after `judged`. */
    openExpectedFiles: (source: string, pattern: string, since: number, judged: number) =>
      open.all(source, pattern, since, judged) as ExpectedFile[],

    /** Returns when the last file arrived, at most `until`; null: none has. */
    lastArrival: (source: string, pattern: string, until: number) =>
      (newest.get(source, pattern, until) as { at: number | null }).at,

    recordExpected: (source: string, pattern: string, files: readonly ExpectedFile[]) =>
      inTransaction(database, () => {
        for (const { start, due, path, arrivedAt } of files)
          add.run(source, pattern, start, due, path, arrivedAt)
      }),

    /** Forgets files of periods that began before this time, also those of rules that were removed. */
    pruneExpected: (source: string, before: number) => void prune.run(source, before),

    /**
     * Returns the files that were due within this time, also those of rules that were removed, the newest first.
     * @param gaps only those that are missing or were late
     */
    expectedFiles: (
      source: string,
      [since, until]: readonly [number, number],
      { gaps, limit }: { gaps: boolean; limit: number },
    ) => page.all(source, since, until, gaps ? 1 : 0, limit) as (ExpectedFile & { pattern: string })[],

    countExpected: (source: string, since: number, until: number) =>
      count.get(source, since, until) as ExpectedCounts,
  }
}
