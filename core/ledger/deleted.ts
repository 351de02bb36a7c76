import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../platform/sqlite.ts'
import { durably, NO_TIME, openValues, REMOVAL, type Routes, toPathRange } from './database.ts'
import { prepareForget } from './queue.ts'

/** Deletions of a source that a person has not accepted, and that came close together. */
interface Deletion {
  /** Milliseconds since 1970; deletions from this time on count. */
  from: number
  /** When there were so many that a person is notified; null: there are not. Milliseconds since 1970. */
  since: number | null
  /** At that time: sent files, with the deleted ones. */
  known: number
}

/** Rows of one inode that are read in search of another name: thousands of hard links may have it. */
const NAMES_AT_ONCE = 100

/** Deleted files for which other names are looked up in one query, the newest first: about 50 milliseconds. */
const LOOKED_UP = 10_000

/**
 * Finds another name, at the same destination, of the content of the row `file`: it was renamed, or has a hard link.
 */
const hasOtherName = (which: string) =>
  `file.inode <> 0 AND EXISTS (SELECT 1 FROM (
     SELECT * FROM file AS named INDEXED BY file_content
     WHERE named.inode = file.inode AND named.mtime_ns = file.mtime_ns LIMIT ${NAMES_AT_ONCE}) AS other
   JOIN route AS theirs ON theirs.id = other.route JOIN route AS mine ON mine.id = file.route
   WHERE theirs.destination = mine.destination AND other.id <> file.id AND other.size = file.size
   AND other.removal = ${REMOVAL.none} AND ${which})`

// Holdfast is removing the file at the source, on behalf of any destination.
const IS_BEING_REMOVED = `EXISTS (SELECT 1 FROM route AS mine JOIN route AS theirs ON theirs.source = mine.source
   CROSS JOIN file AS other INDEXED BY file_path ON other.route = theirs.id AND other.path = file.path
   WHERE mine.id = file.route AND other.removal = ${REMOVAL.begun})`

/** Selects files that are at the source as far as is known. */
const IS_HERE = `removal = ${REMOVAL.none} AND mtime_ns <> ${NO_TIME}`

/** Selects files that the destination has, perhaps with earlier content. */
const HAS_COPY = '(state = 1 OR acked IS NOT NULL)'

/** Files that others have deleted at the source (scan/reconcile/deletions.ts). */
export function openDeleted(database: DatabaseSyncInstance, routes: Routes) {
  const values = openValues(database)
  const present = database.prepare(
    `SELECT json_group_array(path ORDER BY path) AS paths FROM (SELECT path FROM file INDEXED BY file_path
     WHERE route = ? AND path >= ? AND path < ? AND ${IS_HERE} ORDER BY path LIMIT ?)`,
  )
  const anyBelow = database.prepare(
    `SELECT EXISTS (SELECT 1 FROM file INDEXED BY file_path WHERE route = ?1 AND path = ?2 AND ${IS_HERE})
     OR EXISTS (SELECT 1 FROM file INDEXED BY file_path WHERE route = ?1 AND path >= ?3 AND path < ?4 AND ${IS_HERE})
     AS found`,
  )
  const set = 'UPDATE file SET state = 1, generation = generation + 1, reason = NULL, mark_due = 0'
  const leave = `${set}, mtime_ns = ${NO_TIME}, stored_ns = NULL, removal = ${REMOVAL.none}`
  const isOther = 'AND (other.route <> ?1 OR other.path NOT IN (SELECT value FROM json_each(?2)))'
  const isHere = `route = ?1 AND path IN (SELECT value FROM json_each(?2)) AND ${IS_HERE}`
  const isNamed = `${isHere} AND ${HAS_COPY}`
  const markRenamed = database.prepare(
    `${leave} WHERE ${isNamed} AND ${hasOtherName(`other.state = 1 ${isOther}`)}`,
  )
  const markDeleted = database.prepare(
    `${set}, removal = ${REMOVAL.absent}, removed_at = ?3
     WHERE ${isNamed} AND NOT (${hasOtherName(`other.state <> 1 ${isOther}`)}) AND NOT ${IS_BEING_REMOVED}`,
  )
  const forgetUnsent = prepareForget(database, `WHERE ${isHere} AND NOT ${HAS_COPY}`)
  const since = `FROM file INDEXED BY file_absent WHERE route = ?1 AND removal = ${REMOVAL.absent} AND removed_at >= ?2`
  const newest = `FROM (SELECT * ${since} ORDER BY removed_at DESC LIMIT ${LOOKED_UP}) AS file`
  const count = database.prepare(
    `SELECT (SELECT count(*) ${since}) - (SELECT count(*) ${newest} WHERE ${hasOtherName('TRUE')}) AS files`,
  )
  const correct = database.prepare(
    `${leave} WHERE id IN (SELECT id ${newest} WHERE ${hasOtherName('other.state = 1')})`,
  )

  return {
    /**
     * Returns paths of files that are at the source as far as is known: those between two paths, the second excluded, in
     * their order; at most `limit`.
     */
    presentPaths: (
      destination: string,
      source: string,
      [from, before]: readonly [string, string],
      limit: number,
    ) => {
      const found = present.get(routes.find(destination, source), from, before, limit) as { paths: string }
      return JSON.parse(found.paths) as string[]
    },

    /** True if such a file has this path, or one below it. */
    isPresent: (destination: string, source: string, path: string) =>
      (anyBelow.get(routes.find(destination, source), path, ...toPathRange(path)) as { found: number })
        .found === 1,

    /**
     * Records that these files are gone at the source, in one short transaction. One that was never sent leaves the
     * queue; returns the number of all. A file whose content was sent under
     * another name, too, counts as renamed, not as deleted. One whose other name still waits stays unchanged, since
     * the destination copies its content from this one.
     * @param at milliseconds since 1970; null: unknown.
     */
    markGone: (destination: string, source: string, paths: readonly string[], at: number | null) =>
      inTransaction(database, () => {
        const named = [routes.find(destination, source), JSON.stringify(paths)] as const
        const renamed = Number(markRenamed.run(...named).changes)
        return renamed + Number(markDeleted.run(...named, at).changes) + forgetUnsent(...named)
      }),

    /** Counts the files deleted since this time (milliseconds since 1970), without those that have another name. */
    countDeleted: (destination: string, source: string, from: number) =>
      (count.get(routes.find(destination, source), from) as { files: number }).files,

    /** Corrects deletions since this time whose files turn out to be renamed; returns the number. */
    correctRenamed: (destination: string, source: string, from: number) =>
      Number(correct.run(routes.find(destination, source), from).changes),

    deletion: (source: string) => values.get<Deletion>(`deleted ${source}`),
    /** Durable when it returns. */
    rememberDeletion: (source: string, deletion: Deletion) =>
      durably(database, () => values.put(`deleted ${source}`, deletion)),

    /** True if the ledger's sent files were compared with the source before: earlier deletions have no known time. */
    isSwept: (source: string) => values.get<boolean>(`swept ${source}`) === true,
    rememberSwept: (source: string) => values.put(`swept ${source}`, true),
  }
}
