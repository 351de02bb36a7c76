import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { Message } from '../lib/i18n/message.ts'
import { inTransaction } from '../platform/sqlite.ts'
import type { StatFacts } from '../platform/stat-facts.ts'
import type { Claim, Parked } from './contract.ts'
import {
  CLAIMED,
  keepDigest,
  NO_TIME,
  prepareDue,
  REMOVAL_ANEW,
  type Routes,
  reasonOf,
  word,
} from './rows.ts'
import { heldKey } from './suspects.ts'

/** How far ahead a file may be put off (the settings' longest pause between attempts); milliseconds. */
const LONGEST_DEFERRAL_MS = 60 * 60 * 1000
/** What is due further ahead was put off by a clock that has been set back since. */
const BY_ANOTHER_CLOCK_MS = 2 * LONGEST_DEFERRAL_MS
/** Of the files that wait so many are asked for their age: no index has it. */
const OLDEST_ROWS = 1_000
/** New files are looked for among so many rows of a held source: no index tells them from the others. */
const HELD_ROWS = 10_000
/** Another try for a parked row; its place in the queue is the one it had. */
const UNPARK = 'UPDATE file SET state = 0, attempts = 0, reason = NULL'

/** Takes files out of the queue: that an earlier content was sent stays known, by a time that no file has. */
function prepareForget(database: DatabaseSyncInstance, which: string) {
  const forget = database.prepare(`DELETE FROM file ${which} AND state <> 1 AND sent_at IS NULL`)
  // A removal of it may be under way, and a file that comes back with the mark of a sent one is another content. Where
  // what was sent is known, so is its size.
  const leave = database.prepare(
    `UPDATE file SET state = 1, generation = generation + 1, size = iif(digest IS NULL, 0, size), mtime_ns = ${NO_TIME}, reason = NULL,
     mark_due = 0 ${which} AND state <> 1`,
  )
  return (...values: (number | string | null)[]): number =>
    Number(forget.run(...values).changes) + Number(leave.run(...values).changes)
}

/** Waiting files that may go now. */
export function openTaking(database: DatabaseSyncInstance, routes: Routes) {
  const due = `WHERE route = ? AND state = 0 AND due_at BETWEEN ? AND ? AND id NOT IN (SELECT value FROM json_each(?))`
  const dueBetween = prepareDue(database, due, 'due_at, id')
  // The last to become due: files that come after a loss are behind all that it holds, however much that is.
  const newBetween = prepareDue(
    database,
    `WHERE sent_at IS NULL AND id IN (
       SELECT id FROM file INDEXED BY file_due WHERE route = ? AND state = 0 AND due_at BETWEEN ? AND ?
       ORDER BY due_at DESC LIMIT ${HELD_ROWS}) AND id NOT IN (SELECT value FROM json_each(?))`,
    'due_at, id',
  )
  const isHeld = database.prepare('SELECT 1 FROM meta WHERE key = ?')
  const isAnyDue = (range: string) =>
    `EXISTS (SELECT 1 FROM route CROSS JOIN file INDEXED BY file_due ON file.route = route.id
     WHERE destination = ?1 AND state = 0 AND due_at ${range})`
  const waiting = database.prepare('SELECT 1 FROM file WHERE id = ? AND state = 0')
  const anyDue = database.prepare(`SELECT ${isAnyDue('<= ?2')} OR ${isAnyDue('>= ?3')} AS due`)
  const oldest = database.prepare(
    `SELECT min(mtime_ns) / 1000000 AS at FROM (
       SELECT mtime_ns FROM file INDEXED BY file_due WHERE route = ? AND state = 0 AND due_at > 0
       ORDER BY due_at LIMIT ${OLDEST_ROWS}
     ) WHERE mtime_ns > 0`,
  )

  return {
    /**
     * Waiting files of a source whose time has come, oldest first; rows in `excluding` are left out. While the source is
     * held, only new files, which take nothing's place at the destination. `now` is in milliseconds since 1970.
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

    /** Whether `take` would give anything of any source: one question instead of one for each of them. */
    hasDue(destination: string, now: number) {
      const { due } = anyDue.get(destination, now, now + BY_ANOTHER_CLOCK_MS) as { due: number }
      return due === 1
    },

    /**
     * When the oldest file of these sources that waits was modified (milliseconds since 1970), or null. Since when a file
     * waits is not written down; by this time they are sent. Of each source only the next thousand are looked at, and a
     * time before 1970 counts for none: so it costs little, however many wait.
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

/** What became of a file that was taken. */
export function openOutcomes(database: DatabaseSyncInstance) {
  const parkOne = database.prepare(
    `UPDATE file SET state = 2, attempts = attempts + 1, reason = ? ${CLAIMED} AND state = 0`,
  )
  const later = database.prepare(
    `UPDATE file SET due_at = ?, attempts = attempts + 1, reason = ? ${CLAIMED} AND state = 0`,
  )
  const putOff = database.prepare(`UPDATE file SET due_at = ? ${CLAIMED} AND state = 0`)
  const renewOne = database.prepare(
    `UPDATE file SET ${keepDigest('?1', '?4')},
     acked = iif(?10, NULL, acked), size = ?1, mtime_ns = ?2, ctime_ns = ?3, inode = ?4, device = ?5,
     due_at = max(?6, min(?2 / 1000000, ?9)), state = 0, generation = generation + 1, attempts = attempts + 1, reason = NULL,
     ${REMOVAL_ANEW} WHERE id = ?7 AND generation = ?8`,
  )
  const forgetDigest = database.prepare('UPDATE file SET digest = NULL WHERE id = ?')
  const forgetClaimed = prepareForget(database, CLAIMED)

  return {
    park: ({ id, generation }: Claim, reason: Message) => {
      parkOne.run(JSON.stringify(reason), id, generation)
    },

    /** Waiting still, but not before `at` (milliseconds since 1970). */
    retryLater: (claims: readonly Claim[], at: number, reason: Message | null) =>
      inTransaction(database, () => {
        const words = reason === null ? null : JSON.stringify(reason)
        for (const { id, generation } of claims) later.run(Math.ceil(at), words, id, generation)
      }),

    /**
     * The file has changed: waiting as a new generation, not before `at`.
     * @param isLost the destination has shown that it has the content no more.
     */
    renew({ id, generation }: Claim, facts: StatFacts, at: number, isLost = false) {
      const { size, mtimeNs, ctimeNs, inode, device } = facts
      const words = [mtimeNs, ctimeNs, inode, device].map(word.store)
      renewOne.run(size, ...words, Math.ceil(at), id, generation, Date.now(), Number(isLost))
    },

    /** The file waits as it is until this time (milliseconds since 1970): that is no attempt. */
    putOff({ id, generation }: Claim, at: number) {
      putOff.run(Math.ceil(at), id, generation)
    },

    /**
     * The file has other content than was sent, and that is sent now: until an answer comes the destination may have
     * either. The digest is forgotten, whatever was offered of the file meanwhile.
     */
    forgetContent({ id }: Pick<Claim, 'id'>) {
      forgetDigest.run(id)
    },

    /** The file is gone at the source: nothing is left to send. A removal that was begun stays known. */
    drop: ({ id, generation }: Claim) => {
      inTransaction(database, () => forgetClaimed(id, generation))
    },
  }
}

/** Files that go only when something changes. */
export function openParked(database: DatabaseSyncInstance, routes: Routes) {
  const parkedPage = database.prepare(
    `SELECT id, generation, path, reason FROM file INDEXED BY file_state
     WHERE route = ? AND state = 2 AND id > ? ORDER BY id LIMIT ?`,
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
    /** At most `limit` parked files of a source, in the order of their ids, behind `after`. */
    parked(destination: string, source: string, after: number, limit: number): Parked[] {
      const rows = parkedPage.all(routes.find(destination, source), after, limit)
      return (rows as (Omit<Parked, 'reason'> & { reason: string | null })[]).map((row) => ({
        ...row,
        reason: reasonOf(row.reason),
      }))
    },

    /** Gives the parked file of this row another try; false: it is not parked, or goes to another destination. */
    unparkRow: (destination: string, id: number) => unparkRow.run(destination, id).changes > 0,

    /** Gives at most `limit` parked files another try; returns how many, fewer than `limit` at the end. */
    unpark: (destination: string, source: string | null, limit: number) =>
      Number(unparkSome.run(destination, source, limit).changes),
  }
}

/** All that is not sent, whether it waits or was given up. */
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
     * Counts of files below a directory of a source (relative, no trailing slash; '' is the source itself)
     * that are not sent yet.
     */
    unsentBelow: (destination: string, source: string, directory: string) =>
      unsentIn.get(routes.find(destination, source), ...rangeOf(directory)) as {
        waiting: number
        parked: number
      },

    /** Waiting and parked files of a source after the path `after` ('' at first), by path; at most `limit`. */
    unsentPage: (destination: string, source: string, after: string, limit: number) =>
      unsentAfter.all(routes.find(destination, source), after, limit) as { path: string; size: number }[],

    /**
     * One transaction. These files are left out now: those that wait, or are parked, do so no more. That an
     * earlier content of one was sent stays known. Returns how many it was.
     */
    withdraw: (destination: string, source: string, paths: readonly string[]) =>
      inTransaction(database, () => {
        const route = routes.find(destination, source)
        return paths.reduce((sum, path) => sum + forgetNamed(route, path), 0)
      }),
  }
}

/** "0" is the character after "/": the range holds exactly the paths that begin with "directory/". */
export const rangeOf = (directory: string): [after: string, before: string] =>
  directory === '' ? ['', '\u{10FFFF}'] : [`${directory}/`, `${directory}0`]
