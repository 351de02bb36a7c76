import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../platform/sqlite.ts'
import type { Removable, RowPlace } from './contract.ts'
import {
  BEHIND,
  NO_TIME,
  OLDEST,
  openValues,
  prepareDue,
  type Routes,
  STATE,
  toPlaceParams,
} from './database.ts'
import { addLogMisses, getDay, type ProofPace, withAdded } from './proof-figures.ts'

/** sample: random files; verify: `holdfast verify`; heal: files that got their content again. */
export type ProofKind = 'sample' | 'verify' | 'heal'

/** Files that were read again, and what was found. */
export interface ProofSum {
  files: number
  bytes: number
  damaged: number
  missing: number
  unreadable: number
  /**
   * Logarithm of the probability that all samples of the day missed every damaged file of those that are there at the
   * time (computeLogMiss).
   */
  logMiss: number
}

export const noProofs = (): ProofSum => ({
  ...{ files: 0, bytes: 0, damaged: 0, missing: 0, unreadable: 0, logMiss: 0 },
})

/** How long the sums of a day are kept, as the other figures of reports. */
const KEPT_MS = 400 * 24 * 3_600_000

/** Draws sent files of a destination, and keeps the sums of what was proven. */
export function openProofs(database: DatabaseSyncInstance, routes: Routes) {
  const { get, put } = openValues(database)
  // Both read the index of the states alone. `due_at` of a sent file is when it was sent last: in this order a file that
  // is sent during a round comes behind all others, and their ranks stay.
  const isBehind = `FROM file INDEXED BY file_state WHERE route = ? AND state = ${STATE.sent} AND ${BEHIND}`
  const selectRank = database.prepare(
    `SELECT due_at AS at, id ${isBehind} ORDER BY due_at, id LIMIT 1 OFFSET ?`,
  )
  const countBehind = database.prepare(
    `SELECT count(*) AS files FROM (SELECT 1 ${isBehind} ORDER BY due_at, id LIMIT ?)`,
  )
  const rows = prepareDue(
    database,
    `WHERE id = ? AND state = ${STATE.sent} AND mtime_ns <> ${NO_TIME} AND digest IS NOT NULL`,
    'id',
  )

  return {
    /** Counts the sent files of a source behind a place, at most `most`. */
    countSentBehind: (destination: string, source: string, after: RowPlace = OLDEST, most: number) =>
      (
        countBehind.get(routes.find(destination, source), ...toPlaceParams(after), most) as {
          files: number
        }
      ).files,

    /** Counts the sent files of a destination that were sent after a time. */
    countSentSince: (destination: string, at: number) =>
      prepareSentBetween(database)(destination, at, Number.MAX_SAFE_INTEGER),

    /** Returns the place of the sent file that lies so many rows behind a place; null: there are not so many. */
    sentAtRank: (
      destination: string,
      source: string,
      after: RowPlace = OLDEST,
      rank: number,
    ): RowPlace | null =>
      (selectRank.get(routes.find(destination, source), ...toPlaceParams(after), rank) as
        | RowPlace
        | undefined) ?? null,

    /** Returns a sent file whose content is known; null: it is not sent, or its content is unknown. */
    sampleAt(source: string, id: number): Removable | null {
      const [row] = rows(source, id, 1)
      return row === undefined || row.digest === null ? null : { ...row, digest: row.digest }
    },

    proofPace: (destination: string): ProofPace | null => get(`proof ${destination}`),

    /** Adds to the sums of a day; its logarithm replaces that of before. */
    recordProofs: (destination: string, kind: ProofKind, now: number, sum: ProofSum, day = getDay(now)) =>
      inTransaction(database, () => addProofs(database, destination, kind, now, sum, day)),

    /** Records how much of its limits a destination has used. */
    setProofPace: (destination: string, pace: ProofPace): void => void put(`proof ${destination}`, pace),

    /** Returns the sums of a kind since a day, and the last time; null: nothing was read. */
    proofsSince(destination: string, kind: ProofKind, since: number): ProofFigures | null {
      const [from, to] = [since, Number.MAX_SAFE_INTEGER]
      const sums = selectSums(database, from, to)
      const found = sums.find((one) => one.destination === destination && one.kind === kind)
      return found === undefined ? null : withLogMiss(database, found, from, to)
    },
  }
}

/** Adds to the sums of a day; inside the caller's transaction. */
export function addProofs(
  database: DatabaseSyncInstance,
  destination: string,
  kind: ProofKind,
  now: number,
  { files, bytes, damaged, missing, unreadable, logMiss }: ProofSum,
  day = getDay(now),
): void {
  // Prepared here: readers of a ledger of an earlier version do not have the table.
  database
    .prepare(
      `INSERT INTO proof VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
         at = excluded.at, files = files + excluded.files, bytes = bytes + excluded.bytes,
         damaged = damaged + excluded.damaged, missing = missing + excluded.missing,
         unreadable = unreadable + excluded.unreadable, log_miss = excluded.log_miss`,
    )
    .run(destination, day, kind, now, files, bytes, damaged, missing, unreadable, logMiss)
  database.prepare('DELETE FROM proof WHERE day < ?').run(now - KEPT_MS)
}

/** The sums of a destination and a kind over some days. */
export type ProofFigures = ProofSum & { destination: string; kind: ProofKind; at: number }
type DaySums = Omit<ProofFigures, 'logMiss'>

/** Returns the function that counts a destination's sent files by the time they were sent: after one, up to another. */
function prepareSentBetween(database: DatabaseSyncInstance) {
  // The order of sent rows is the time at which they were sent last.
  const count = database.prepare(
    `SELECT count(*) AS files FROM route CROSS JOIN file INDEXED BY file_state ON file.route = route.id
     WHERE route.destination = ? AND file.state = ${STATE.sent} AND file.due_at > ? AND file.due_at <= ?`,
  )
  return (destination: string, after: number, upTo: number): number =>
    (count.get(destination, after, upTo) as { files: number }).files
}

/**
 * Returns the sums of the days from `from` to `to` exclusive. The logarithm is that of the files which are there at the
 * end: those that came after the samples of a day were not among them.
 */
export const selectProofs = (database: DatabaseSyncInstance, from: number, to: number): ProofFigures[] =>
  selectSums(database, from, to).map((sum) => withLogMiss(database, sum, from, to))

function selectSums(database: DatabaseSyncInstance, from: number, to: number): DaySums[] {
  // A ledger that the next writer will migrate may lack the table.
  const has = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'proof'").get() !== undefined
  if (!has) return []
  return database
    .prepare(
      `SELECT destination, kind, min(max(at), ?) AS at, sum(files) AS files, sum(bytes) AS bytes, sum(damaged) AS damaged,
         sum(missing) AS missing, sum(unreadable) AS unreadable
       FROM proof WHERE day >= ? AND day < ? GROUP BY destination, kind`,
    )
    .all(to - 1, from, to) as DaySums[]
}

/** Adds the logarithm of a destination's samples, day by day, with the files that came meanwhile. */
function withLogMiss(database: DatabaseSyncInstance, sums: DaySums, from: number, to: number): ProofFigures {
  const { destination, kind } = sums
  if (kind !== 'sample') return { ...sums, logMiss: 0 }
  const days = database
    .prepare(
      `SELECT min(at, ?) AS at, log_miss AS logMiss FROM proof
       WHERE destination = ? AND kind = 'sample' AND day >= ? AND day < ? ORDER BY day`,
    )
    .all(to - 1, destination, from, to) as { at: number; logMiss: number }[]
  // Counts the same rows as the drawing of samples: a file that was removed at the source is still at the destination.
  const countSent = prepareSentBetween(database)
  let before = countSent(destination, OLDEST.at, days[0]?.at ?? to - 1)
  let logMiss = 0
  for (const [index, day] of days.entries()) {
    const added = countSent(destination, day.at, days[index + 1]?.at ?? to - 1)
    logMiss = withAdded(addLogMisses(logMiss, day.logMiss), before, added)
    before += added
  }
  return { ...sums, logMiss }
}
