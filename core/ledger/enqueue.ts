import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../platform/sqlite.ts'
import type { FoundFile, LedgerDifference } from './contract.ts'
import { type DamagedFile, openDamaged } from './damaged.ts'
import {
  formatRows,
  IS_THERE,
  keepDigest,
  NO_TIME,
  openValues,
  parseReason,
  prepareExact,
  REMOVAL,
  REMOVAL_ANEW,
  type Routes,
  toPathRange,
  word,
} from './database.ts'
import { openEvents } from './events.ts'
import { fileStates } from './ledger-messages.ts'

/** A file that changes within this time after it was sent is still being written. */
const RESTLESS_MS = 2_000
/** Default of `notBefore`: no lower limit. */
const EARLIEST = Number.MIN_SAFE_INTEGER
/** The longest pause of such a file; milliseconds. */
const LONGEST_PAUSE_MS = 8_000

// A file that changes repeatedly is sent when it stops changing, after growing pauses: a file that changed while it was
// read keeps its pause; one that changed right after it was sent (?3 is now) gets a pause from the third time on.
// Otherwise it would be read and sent all the time, and delay the others. A file that was delayed for its age
// also waits no longer than the longest of these pauses: with its new times it may be old enough.
const RESTLESS = `state = 1 AND sent_at BETWEEN ?3 - ${RESTLESS_MS} AND ?3`
const PAUSING = 'state = 0 AND reason IS NULL AND due_at > ?3'
/** Changes of a row whose file has new content. */
const ANEW = `state = 0, generation = generation + 1, reason = NULL, mark_due = 0, ${REMOVAL_ANEW},
  ${keepDigest('excluded.size', 'excluded.inode', 'excluded.mtime_ns')},
  attempts = CASE WHEN state = 0 AND reason IS NULL THEN attempts WHEN ${RESTLESS} THEN attempts + 1 ELSE 0 END,
  due_at = CASE WHEN ${PAUSING} THEN min(due_at, ?3 + ${LONGEST_PAUSE_MS})
    WHEN ${RESTLESS} AND attempts >= 2 THEN ?3 + min(${LONGEST_PAUSE_MS}, 500 << min(attempts - 2, 10))
    ELSE excluded.due_at END`
// A file that was deleted and is back is offered again, even if its metadata are those of before.
const CHANGED = `size <> excluded.size OR mtime_ns <> excluded.mtime_ns OR ctime_ns <> excluded.ctime_ns
  OR inode <> excluded.inode OR removal = ${REMOVAL.absent}`
// A single statement for many files: binding the values of each file costs as much as inserting it. ?2 is their array.
const OFFER = `INSERT INTO file (route, path, size, mtime_ns, ctime_ns, inode, device, due_at)
  SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
    max(min(value ->> 2 / 1000000, ?3), ?4) FROM json_each(?2) WHERE true
  ON CONFLICT (route, path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns,
  ctime_ns = excluded.ctime_ns, inode = excluded.inode, device = excluded.device, ${ANEW} WHERE ${CHANGED}`
const IS_GONE = `removal IN (${REMOVAL.removed}, ${REMOVAL.absent}) OR mtime_ns = ${NO_TIME}`

/** The newest of a source's files. */
export interface NewestFile {
  path: string
  /** When it was last written here or got its name here, milliseconds since 1970. */
  at: number
}

/** Key of a source's newest file among the ledger's values. */
export const newestKey = (source: string) => `newest ${source}`

// The newest file of an array that changed later than ?2, milliseconds since 1970, and that no destination has or gets
// with this content. A clock that is ahead does not count beyond ?3, now.
const NEWER = `SELECT value ->> 0 AS path, min(value ->> 3 / 1000000, ?3) AS at FROM json_each(?1)
  WHERE min(value ->> 3 / 1000000, ?3) > ?2 AND NOT EXISTS (
    SELECT 1 FROM route CROSS JOIN file INDEXED BY file_path ON file.route = route.id AND file.path = value ->> 0
    WHERE source = ?4 AND size = value ->> 1 AND mtime_ns = value ->> 2)
  ORDER BY at DESC LIMIT 1`

/** Sets a sent row to waiting, so that it is offered again; its digest remains as the expected content. */
const AGAIN = 'state = 0, generation = generation + 1, attempts = 0, reason = NULL, acked = NULL'
/** Limit of the rows that are searched for a small file. */
const BELOW_ROWS = 100

interface EntryRow {
  state: bigint
  size: bigint
  mtime_ns: bigint
  inode: bigint
  reason: string | null
}

/** Adds files to the ledger, and offers them again or to another destination. */
export function openOffers(database: DatabaseSyncInstance, routes: Routes) {
  const offerSome = database.prepare(OFFER)
  const selectNewer = database.prepare(NEWER)
  const { get, put } = openValues(database)
  // Ordered by path, which no update changes: rows that are sent or parked meanwhile are neither missed nor repeated.
  const selectChunk = database.prepare(
    `SELECT json_group_array(json_array(path, size, mtime_ns, ctime_ns, inode, device)) FILTER (WHERE NOT (${IS_GONE}))
     AS files, count(*) AS count, max(path) AS last
     FROM (SELECT * FROM file WHERE route = ? AND path > ? ORDER BY path LIMIT ?)`,
  )
  /** Records the newest of a source's files, before they are added. */
  const noteNewest = (source: string, files: readonly FoundFile[], rows: string, now: number): void => {
    const kept = get<NewestFile>(newestKey(source))
    // A later time than now is of a clock that was ahead.
    const newest = kept === null || kept.at > now ? EARLIEST : kept.at
    const isLater = ({ ctimeNs }: FoundFile) => Math.min(Number(ctimeNs / 1_000_000n), now) > newest
    if (!files.some(isLater)) return
    const found = selectNewer.get(rows, newest, now, source) as NewestFile | undefined
    if (found !== undefined) put(newestKey(source), { ...found })
  }
  const offerAll = (destination: string, candidates: readonly FoundFile[], notBefore: number): number => {
    const bySource = Map.groupBy(candidates, ({ source }) => source)
    const now = Date.now()
    let waiting = 0
    for (const [source, some] of bySource) {
      const route = routes.ensure(destination, source)
      const rows = formatRows(some)
      noteNewest(source, some, rows, now)
      waiting += Number(offerSome.run(route, rows, now, notBefore).changes)
    }
    return waiting
  }

  return {
    /**
     * Adds files in one short transaction, and returns the number that became waiting. New files become waiting; so do
     * known ones with a different size, mtime, ctime or inode, even if they were sent or parked, and deleted ones that
     * are back; the others are not touched. The digest is kept where the content may be the same (keepDigest). A file that changes
     * repeatedly waits with growing pauses of at most some seconds.
     * @param notBefore earliest due time; milliseconds since 1970.
     */
    offer: (destination: string, candidates: readonly FoundFile[], notBefore: number = EARLIEST) =>
      candidates.length === 0
        ? 0
        : inTransaction(database, () => offerAll(destination, candidates, notBefore)),

    /**
     * Offers a source's files of one destination, except those known to be gone, to another destination: one chunk of
     * at most `limit` rows after the path `after` ('' at first). Returns the last path, for the next chunk, or null at
     * the end.
     */
    requeue: (from: string, to: string, source: string, after: string, limit: number) =>
      inTransaction(database, () => {
        const chunk = selectChunk.get(routes.find(from, source), after, limit) as {
          files: string
          count: number
          last: string | null
        }
        if (chunk.count > 0) offerSome.run(routes.ensure(to, source), chunk.files, Date.now(), EARLIEST)
        return chunk.count < limit ? null : chunk.last
      }),
  }
}

/** Looks files up by their names. */
export function openKnown(database: DatabaseSyncInstance, routes: Routes) {
  const find = prepareExact(
    database,
    'SELECT state, size, mtime_ns, inode, reason FROM file WHERE route = ? AND path = ?',
  )
  // A single statement for many files takes 1.2 µs a file, single queries take 8: unchanged files, which are nearly
  // all, never become JavaScript values.
  const differing = database.prepare(
    `SELECT one.key AS place, file.id IS NOT NULL AS known
     FROM json_each(?) AS one LEFT JOIN file ON route = ? AND file.path = one.value ->> 0
     WHERE file.id IS NULL OR size <> one.value ->> 1 OR mtime_ns <> one.value ->> 2
     OR ctime_ns <> one.value ->> 3 OR inode <> one.value ->> 4 OR removal = ${REMOVAL.absent}`,
  )

  return {
    /**
     * Returns those of a source's files that the ledger does not have with the same size, times and inode, or has as
     * deleted.
     */
    differing(
      destination: string,
      source: string,
      files: readonly Omit<FoundFile, 'source'>[],
    ): LedgerDifference[] {
      const found = differing.all(formatRows(files), routes.find(destination, source))
      const rows = found as { place: number; known: number }[]
      return rows.map(({ place, known }) => ({ index: place, known: known === 1 }))
    },

    lookup(destination: string, source: string, path: string) {
      const route = routes.find(destination, source)
      const row = route === null ? undefined : (find.get(route, path) as EntryRow | undefined)
      if (row === undefined) return null
      return {
        state: fileStates[Number(row.state)] ?? 'waiting',
        size: Number(row.size),
        mtimeNs: row.mtime_ns,
        inode: word.load(row.inode),
        reason: parseReason(row.reason),
      }
    },
  }
}

/** Offers files again to a destination that has had them. */
export function openAgain(database: DatabaseSyncInstance, routes: Routes) {
  const againSince = database.prepare(
    `UPDATE file SET ${AGAIN} WHERE id IN (
       SELECT file.id FROM route CROSS JOIN file INDEXED BY file_state ON file.route = route.id
       WHERE destination = ?1 AND ${IS_THERE} AND coalesce(acked, ?2 + 1) > ?2 LIMIT ?3)`,
  )
  const smallestBelow = database.prepare(
    `UPDATE file SET state = 0, generation = generation + 1, attempts = 0, reason = NULL WHERE id = (
       SELECT id FROM (SELECT id, size FROM file WHERE route = ? AND path > ? AND path < ? AND ${IS_THERE} LIMIT ${BELOW_ROWS})
       ORDER BY size LIMIT 1)`,
  )
  const { recordDamaged } = openEvents(database, routes)
  const { keepDamaged } = openDamaged(database, routes)
  const againOne = database.prepare(`UPDATE file SET ${AGAIN} WHERE route = ? AND path = ? AND ${IS_THERE}`)

  return {
    /**
     * Offers again what this destination has stored since a position: one chunk of at most `limit` files. Returns the
     * number, which is smaller than `limit` at the end.
     */
    offerAgainSince: (destination: string, position: number, limit: number) =>
      Number(againSince.run(destination, position, limit).changes),

    /**
     * Sets one sent, small file below each of these directories of a source to waiting, with its content taken as
     * known. Returns the number that wait now.
     */
    offerOneBelow: (destination: string, source: string, directories: readonly string[]) =>
      inTransaction(database, () => {
        const route = routes.find(destination, source)
        let count = 0
        for (const directory of directories)
          count += Number(smallestBelow.run(route, ...toPathRange(directory)).changes)
        return count
      }),

    /**
     * Records the finding of a verification for the healing, and offers the file again. Returns false if the damage was
     * found before.
     */
    offerDamaged: (destination: string, file: DamagedFile) =>
      inTransaction(database, () => {
        const { source, path, finding, at } = file
        recordDamaged({ destination, source, path }, finding, at)
        const isNew = keepDamaged(destination, file)
        againOne.run(routes.find(destination, source), path)
        return isNew
      }),

    /**
     * Offers these files, by their sources' ids, again at the destination's request. Returns the number that wait now.
     */
    offerAgain: (destination: string, files: readonly (readonly [source: string, path: string])[]) =>
      inTransaction(database, () => {
        let count = 0
        for (const [source, path] of files)
          count += Number(againOne.run(routes.find(destination, source), path).changes)
        return count
      }),
  }
}
