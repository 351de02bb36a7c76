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
  /** The size of the file that is there, but too small to count; null: none is. */
  tooSmall: number | null
}

/** How far the files of a rule were judged. Times in milliseconds since 1970. */
export interface Judged {
  /** The rule's period, delay and time zone as text. */
  timetable: string
  /** When the rule began: files that were due earlier are not expected. */
  since: number
  /** Files that were due by then are judged, and not again. */
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
  const columns = 'SELECT start, due, path, arrived_at AS arrivedAt, too_small AS tooSmall'
  const isGap = '(arrived_at IS NULL OR arrived_at > due)'
  const add = database.prepare('INSERT OR REPLACE INTO expected VALUES (?, ?, ?, ?, ?, ?, ?)')
  const ofPeriod = 'FROM expected WHERE source = ? AND due >= ? AND due < ?'
  const page = database.prepare(
    `${columns}, pattern ${ofPeriod} AND (${isGap} OR NOT ?) ORDER BY due DESC, pattern, start DESC LIMIT ?`,
  )
  const count = database.prepare(
    `SELECT count(*) AS due, total(arrived_at IS NULL) AS missing, total(arrived_at > due) AS late ${ofPeriod}`,
  )
  const open = database.prepare(`${columns} ${ofRule} AND (arrived_at IS NULL OR start >= ?)`)
  const newest = database.prepare(
    `SELECT path, arrived_at AS at ${ofRule} AND arrived_at <= ? ORDER BY arrived_at DESC LIMIT 1`,
  )
  const judged = database.prepare(`SELECT max(start) AS start ${ofRule} AND due <= ?`)
  const prune = database.prepare(`DELETE FROM expected WHERE source = ? AND start < ?`)
  const key = (source: string) => `expected ${source}`

  return {
    /** Returns how far the files of each pattern of a source were judged. */
    judged: (source: string): Record<string, Judged> => values.get(key(source)) ?? {},
    rememberJudged: (source: string, judged: Record<string, Judged>) => values.put(key(source), judged),

    /** Returns missing files, and those that arrived for periods from `start` on. */
    openExpectedFiles: (source: string, pattern: string, start: number) =>
      open.all(source, pattern, start) as ExpectedFile[],

    /** Returns the last file that arrived, at most at `until`; null: none has. */
    lastArrival: (source: string, pattern: string, until: number) =>
      (newest.get(source, pattern, until) as { path: string; at: number } | undefined) ?? null,

    /** Returns the beginning of the last period whose file was due until then; null: none was. */
    lastExpected: (source: string, pattern: string, until: number) =>
      (judged.get(source, pattern, until) as { start: number | null }).start,

    recordExpected: (source: string, pattern: string, files: readonly ExpectedFile[]) =>
      inTransaction(database, () => {
        for (const { start, due, path, arrivedAt, tooSmall } of files)
          add.run(source, pattern, start, due, path, arrivedAt, tooSmall)
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
