import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { Message } from '../lib/i18n/message.ts'
import type { ContentIdentity, FileStat } from '../platform/file-metadata.ts'
import { inTransaction } from '../platform/sqlite.ts'
import type { Claim, FoundFile, Parked } from './contract.ts'
import {
  BEHIND,
  CLAIMED,
  durably,
  formatRows,
  keepDigest,
  NO_TIME,
  OLDEST,
  openValues,
  parseReason,
  prepareDue,
  prepareExact,
  REMOVAL_ANEW,
  type Routes,
  toPathRange,
  toPlaceParams,
  word,
} from './database.ts'

// Waiting files: taken in order, with their results; parked ones; all unsent ones; and files of a source on hold.

/** The longest delay of a file (the settings' longest pause between attempts); milliseconds. */
const LONGEST_DEFERRAL_MS = 60 * 60 * 1000
/** A due time further ahead than this was set before the clock was set back. */
const BY_ANOTHER_CLOCK_MS = 2 * LONGEST_DEFERRAL_MS
/** Limit of the waiting files whose age is read, as no index has it. */
const OLDEST_ROWS = 1_000
/** Limit of the rows of a source on hold that are searched for new files, as no index distinguishes them. */
const HELD_ROWS = 10_000

/** Queries of waiting files that are due. */
export function openTaking(database: DatabaseSyncInstance, routes: Routes) {
  const due = `WHERE route = ? AND state = 0 AND due_at BETWEEN ? AND ? AND id NOT IN (SELECT value FROM json_each(?))`
  const dueBetween = prepareDue(database, due, 'due_at, id')
  // The rows that became due last: files that arrive after a loss are behind everything that is on hold.
  const newBetween = prepareDue(
    database,
    `WHERE sent_at IS NULL AND id IN (
       SELECT id FROM file INDEXED BY file_state WHERE route = ? AND state = 0 AND due_at BETWEEN ? AND ?
       ORDER BY due_at DESC LIMIT ${HELD_ROWS}) AND id NOT IN (SELECT value FROM json_each(?))`,
    'due_at, id',
  )
  const isHeld = database.prepare('SELECT 1 FROM meta WHERE key = ?')
  const isAnyDue = (range: string) =>
    `EXISTS (SELECT 1 FROM route CROSS JOIN file INDEXED BY file_state ON file.route = route.id
     WHERE destination = ?1 AND state = 0 AND due_at ${range})`
  const waiting = database.prepare('SELECT 1 FROM file WHERE id = ? AND state = 0')
  const anyDue = database.prepare(`SELECT ${isAnyDue('<= ?2')} OR ${isAnyDue('>= ?3')} AS due`)
  const firstDue = database.prepare(
    `SELECT source, (SELECT min(due_at) FROM file INDEXED BY file_state WHERE file.route = route.id AND state = 0) AS at
     FROM route WHERE destination = ?1 AND at > ?2 AND NOT EXISTS (
       SELECT 1 FROM file INDEXED BY file_state WHERE file.route = route.id AND state = 0 AND due_at >= ?3)`,
  )
  const oldest = database.prepare(
    `SELECT min(mtime_ns) / 1000000 AS at FROM (
       SELECT mtime_ns FROM file INDEXED BY file_state WHERE route = ? AND state = 0 AND due_at > 0
       ORDER BY due_at LIMIT ${OLDEST_ROWS}
     ) WHERE mtime_ns > 0`,
  )

  return {
    /**
     * Returns due files of a source, oldest first, without the rows in `excluding`. While the source is on hold,
     * returns only new files, which replace no file at the destination. `now` is in milliseconds since 1970.
     */
    take(destination: string, source: string, limit: number, now: number, excluding: ReadonlySet<number>) {
      const route = routes.find(destination, source)
      if (route === null) return []
      const find = isHeld.get(heldKey(source)) === undefined ? dueBetween : newBetween
      const out = JSON.stringify([...excluding])
      const first = find(source, route, Number.MIN_SAFE_INTEGER, now, out, limit)
      const aheadFrom = now + BY_ANOTHER_CLOCK_MS
      return [...first, ...find(source, route, aheadFrom, Number.MAX_SAFE_INTEGER, out, limit - first.length)]
    },

    isWaiting: (id: number): boolean => waiting.get(id) !== undefined,

    /** True if `take` would return a file of any source: one query instead of one for each source. */
    hasDue(destination: string, now: number) {
      const { due } = anyDue.get(destination, now, now + BY_ANOTHER_CLOCK_MS) as { due: number }
      return due === 1
    },

    /** Returns when the first file of each source is due, for sources of which files wait and none is due now. */
    nextDue: (destination: string, now: number) =>
      Object.fromEntries(
        (firstDue.all(destination, now, now + BY_ANOTHER_CLOCK_MS) as { source: string; at: number }[]).map(
          ({ source, at }) => [source, at],
        ),
      ),

    /**
     * Returns the modification time of the oldest waiting file of these sources (milliseconds since 1970), or null.
     * Files are sent in this order; how long each has waited is not recorded. Reads only the next thousand files of
     * each source, and ignores times before 1970, so the cost is small however many wait.
     */
    oldestWaiting(destination: string, sources: readonly string[]) {
      const times = sources.flatMap((source) => {
        const route = routes.find(destination, source)
        return (oldest.get(route) as { at: number | null }).at ?? []
      })
      return times.length === 0 ? null : Math.min(...times)
    },
  }
}

/** Records the result of a taken file. */
export function openOutcomes(database: DatabaseSyncInstance) {
  const parkOne = database.prepare(
    `UPDATE file SET state = 2, due_at = ?, attempts = attempts + 1, reason = ? ${CLAIMED} AND state = 0`,
  )
  const later = database.prepare(
    `UPDATE file SET due_at = ?, attempts = attempts + 1, reason = ? ${CLAIMED} AND state = 0`,
  )
  const putOff = database.prepare(`UPDATE file SET due_at = ? ${CLAIMED} AND state = 0`)
  const renewOne = database.prepare(
    `UPDATE file SET ${keepDigest('?1', '?4', '?2')},
     acked = iif(?10, NULL, acked), size = ?1, mtime_ns = ?2, ctime_ns = ?3, inode = ?4, device = ?5,
     due_at = max(?6, min(?2 / 1000000, ?9)), state = 0, generation = generation + 1, attempts = attempts + 1, reason = NULL,
     ${REMOVAL_ANEW} WHERE id = ?7 AND generation = ?8`,
  )
  const forgetDigest = database.prepare('UPDATE file SET digest = NULL WHERE id = ?')
  const forgetClaimed = prepareForget(database, CLAIMED)

  return {
    park: ({ id, generation }: Claim, reason: Message) => {
      parkOne.run(Date.now(), JSON.stringify(reason), id, generation)
    },

    /** Keeps the files waiting, but not before `at` (milliseconds since 1970). */
    retryLater: (claims: readonly Claim[], at: number, reason: Message | null) =>
      inTransaction(database, () => {
        const words = reason === null ? null : JSON.stringify(reason)
        for (const { id, generation } of claims) later.run(Math.ceil(at), words, id, generation)
      }),

    /**
     * Records that the file has changed: it waits as a new generation, not before `at`.
     * @param isLost the destination has shown that it no longer has the content.
     */
    renew({ id, generation }: Claim, stat: FileStat, at: number, isLost = false) {
      const { size, mtimeNs, ctimeNs, inode, device } = stat
      const words = [mtimeNs, ctimeNs, inode, device].map(word.store)
      renewOne.run(size, ...words, Math.ceil(at), id, generation, Date.now(), Number(isLost))
    },

    /** Delays a waiting file until this time (milliseconds since 1970), without counting an attempt. */
    putOff({ id, generation }: Claim, at: number) {
      putOff.run(Math.ceil(at), id, generation)
    },

    /**
     * Forgets the digest of the sent content because other content is being sent: until the reply, the destination may
     * have either. Applies even if the file was offered again meanwhile.
     */
    forgetContent({ id }: Pick<Claim, 'id'>) {
      forgetDigest.run(id)
    },

    /** Removes a file that is gone at the source from the queue. A begun removal stays recorded. */
    drop: ({ id, generation }: Claim) => {
      inTransaction(database, () => forgetClaimed(id, generation))
    },
  }
}

/** Puts a parked row back into the queue. */
const UNPARK = 'UPDATE file SET state = 0, attempts = 0, reason = NULL'

/** Files that are sent only after something changes. */
export function openParked(database: DatabaseSyncInstance, routes: Routes) {
  const parkedPage = database.prepare(
    `SELECT id, generation, path, due_at AS dueAt, reason FROM file INDEXED BY file_state
     WHERE route = ? AND state = 2 AND ${BEHIND} ORDER BY due_at, id LIMIT ?`,
  )
  const unparkRow = database.prepare(
    `${UNPARK} WHERE id = ?2 AND state = 2 AND route IN (SELECT id FROM route WHERE destination = ?1)`,
  )
  const unparkSome = database.prepare(
    `${UNPARK} WHERE id IN (
       SELECT file.id FROM route CROSS JOIN file INDEXED BY file_state ON file.route = route.id
       WHERE destination = ?1 AND source = coalesce(?2, source) AND state = 2 LIMIT ?3)`,
  )

  return {
    /** Returns at most `limit` parked files of a source behind a place, in the order in which they were parked. */
    parked(destination: string, source: string, limit: number, after = OLDEST): Parked[] {
      const rows = parkedPage.all(routes.find(destination, source), ...toPlaceParams(after), limit)
      return (rows as (Omit<Parked, 'reason'> & { reason: string | null })[]).map((row) => ({
        ...row,
        reason: parseReason(row.reason),
      }))
    },

    /** Puts this parked file back into the queue; false: it is not parked, or belongs to another destination. */
    unparkRow: (destination: string, id: number) => unparkRow.run(destination, id).changes > 0,

    /** Puts at most `limit` parked files back into the queue; returns the number, smaller than `limit` at the end. */
    unpark: (destination: string, source: string | null, limit: number) =>
      Number(unparkSome.run(destination, source, limit).changes),
  }
}

/** Queries of all unsent files, waiting or parked. */
export function openUnsent(database: DatabaseSyncInstance, routes: Routes) {
  const forgetNamed = prepareForget(database, 'WHERE route = ? AND path = ?')
  const unsentIn = database.prepare(
    `SELECT count(*) FILTER (WHERE state = 0) AS waiting, count(*) FILTER (WHERE state = 2) AS parked
     FROM file INDEXED BY file_unsent WHERE route = ? AND state <> 1 AND path > ? AND path < ?`,
  )
  const unsentAfter = database.prepare(
    `SELECT path, size FROM file INDEXED BY file_unsent
     WHERE route = ? AND state <> 1 AND path > ? ORDER BY path LIMIT ?`,
  )

  return {
    /**
     * Counts the unsent files below a directory of a source (relative, no trailing slash; '' is the source itself).
     */
    unsentBelow: (destination: string, source: string, directory: string) =>
      unsentIn.get(routes.find(destination, source), ...toPathRange(directory)) as {
        waiting: number
        parked: number
      },

    /** Returns waiting and parked files of a source after the path `after` ('' at first), by path; at most `limit`. */
    unsentPage: (destination: string, source: string, after: string, limit: number) =>
      unsentAfter.all(routes.find(destination, source), after, limit) as { path: string; size: number }[],

    /**
     * Removes files that are now excluded from the queue, in one transaction. It stays recorded if earlier content of
     * one was sent. Returns the number of removed files.
     */
    withdraw: (destination: string, source: string, paths: readonly string[]) =>
      inTransaction(database, () => {
        const route = routes.find(destination, source)
        return paths.reduce((sum, path) => sum + forgetNamed(route, path), 0)
      }),
  }
}

/** Removes files from the queue. If earlier content was sent, the row stays as sent, with a time that no file has. */
export function prepareForget(database: DatabaseSyncInstance, which: string) {
  const forget = database.prepare(`DELETE FROM file ${which} AND state <> 1 AND sent_at IS NULL`)
  // The row stays because a removal of the file may be in progress, and because a file that returns with the mark of a
  // sent one has other content. If the digest of the sent content is known, so are its size and its time.
  const leave = database.prepare(
    `UPDATE file SET state = 1, generation = generation + 1, size = iif(digest IS NULL, 0, size), mtime_ns = ${NO_TIME},
     stored_ns = iif(digest IS NULL, NULL, coalesce(stored_ns, mtime_ns)), reason = NULL,
     due_at = coalesce(sent_at, due_at), mark_due = 0 ${which} AND state <> 1`,
  )
  return (...values: (number | string | null)[]): number =>
    Number(forget.run(...values).changes) + Number(leave.run(...values).changes)
}

/**
 * A source is on hold, so that only new files are sent: the numbers of files that lost or changed their content, and of
 * sent files.
 */
export interface Held {
  /** Milliseconds since 1970. */
  since: number
  lost: number
  changed: number
  known: number
}

/** The sent content of a file that has other content now. */
type Earlier = ContentIdentity & { path: string; digest: Uint8Array | null }

type Suspect = Omit<Earlier, 'digest'> & { suspicion: 'lost' | 'changed' }

const heldKey = (source: string) => `held ${source}`

type SuspectRow = { path: string; size: bigint; mtime_ns: bigint; inode: bigint }

/** Builds the statement that makes suspects due at once. Takes the time and the source. */
const dueNowWhere = (condition: string) =>
  `UPDATE file SET due_at = ?1 WHERE id IN (
     SELECT file.id FROM route CROSS JOIN suspect ON suspect.source = route.source ${condition}
     CROSS JOIN file ON file.route = route.id AND file.path = suspect.path
     WHERE route.source = ?2 AND state = 0 AND reason IS NULL AND due_at > ?1)`

/**
 * Files that may have lost their content, and sources that are on hold because of them, until a person has decided, or
 * an hour has passed (scan/reconcile/mass-change-guard.ts).
 */
export function openHolding(database: DatabaseSyncInstance, routes: Routes) {
  const values = openValues(database)
  const differing = prepareExact(
    database,
    `SELECT file.path, file.size, mtime_ns, inode, digest FROM json_each(?) AS one
     CROSS JOIN file ON route = ? AND file.path = one.value ->> 0
     WHERE state = 1 AND mtime_ns <> ${NO_TIME} AND (file.size <> one.value ->> 1 OR mtime_ns <> one.value ->> 2)`,
  )
  const named = prepareExact(
    database,
    `SELECT suspect.path, size, mtime_ns, inode, lost FROM json_each(?) AS one
     CROSS JOIN suspect ON source = ? AND suspect.path = one.value`,
  )
  const add = database.prepare(
    `INSERT INTO suspect VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET lost = excluded.lost, at = excluded.at`,
  )
  const remove = database.prepare('DELETE FROM suspect WHERE source = ? AND path = ?')
  const dueNow = database.prepare(dueNowWhere('AND suspect.path = ?3'))
  const allDueNow = database.prepare(dueNowWhere(''))
  const count = database.prepare(
    `SELECT count(*) FILTER (WHERE lost = 1) AS lost, count(*) FILTER (WHERE lost = 0) AS changed
     FROM suspect WHERE source = ? AND at >= ?`,
  )
  const forget = database.prepare('DELETE FROM suspect WHERE source = ? AND at < ?')
  const forgetAll = database.prepare('DELETE FROM suspect WHERE source = ?')
  const paths = database.prepare('SELECT path FROM suspect WHERE source = ? ORDER BY path LIMIT ?')

  return {
    /** Returns those of these files that this destination has with other content. */
    earlier(destination: string, source: string, files: readonly Omit<FoundFile, 'source'>[]): Earlier[] {
      const found = differing.all(formatRows(files), routes.find(destination, source))
      return (found as (SuspectRow & Pick<Earlier, 'digest'>)[]).map((row) => ({
        ...toContent(row),
        digest: row.digest,
      }))
    },
    /** Returns those of these paths that are suspects. */
    suspected: (source: string, some: readonly string[]): Suspect[] =>
      (named.all(JSON.stringify(some), source) as (SuspectRow & { lost: bigint })[]).map((row) => ({
        ...toContent(row),
        suspicion: row.lost === 1n ? 'lost' : 'changed',
      })),
    addSuspects: (source: string, files: readonly Suspect[], now: number) =>
      inTransaction(database, () => {
        for (const { path, size, mtimeNs, inode, suspicion } of files)
          add.run(source, path, suspicion === 'lost' ? 1 : 0, size, mtimeNs, word.store(inode), now)
      }),
    removeSuspects: (source: string, some: readonly string[]) =>
      inTransaction(database, () => {
        for (const path of some) remove.run(source, path)
      }),
    /** Removes suspects whose contents were found at other paths of the source, and makes them due at once. */
    clearSuspects: (source: string, some: readonly string[]) =>
      inTransaction(database, () => {
        const now = Date.now()
        for (const path of some) {
          dueNow.run(now, source, path)
          remove.run(source, path)
        }
      }),
    /** Counts the suspects since this time. */
    countSuspects: (source: string, since: number) =>
      count.get(source, since) as { lost: number; changed: number },
    forgetSuspects: (source: string, before: number) => void forget.run(source, before),
    /** Returns the first suspects by path. */
    suspectPaths: (source: string, limit: number) =>
      (paths.all(source, limit) as { path: string }[]).map(({ path }) => path),

    /** Returns null if the source is not on hold. */
    held: (source: string) => values.get<Held>(heldKey(source)),
    /** Puts a source on hold: files that were sent before are not sent again. Durable when it returns. */
    hold: (source: string, held: Held) => durably(database, () => values.put(heldKey(source), held)),
    /** Releases the hold; the suspects remain. */
    releaseHold: (source: string) => durably(database, () => values.forget(heldKey(source))),
    /** Releases the hold and the suspects, which are due at once in their present state. */
    release: (source: string) =>
      durably(database, () => {
        allDueNow.run(Date.now(), source)
        forgetAll.run(source)
        values.forget(heldKey(source))
      }),
  }
}

const toContent = ({ path, size, mtime_ns, inode }: SuspectRow) => ({
  path,
  size: Number(size),
  mtimeNs: mtime_ns,
  inode: word.load(inode),
})
