import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../sqlite.ts'
import { openCompare } from './compare.ts'
import type { Candidate, Ledger } from './contract.ts'
import type { DueRow, Routes } from './rows.ts'
import { NO_TIME, prepareExact, REMOVAL_ANEW, reasonOf, word } from './rows.ts'
import { REMOVAL, STATE } from './schema.ts'

const stateNames = ['waiting', 'sent', 'parked'] as const

/** A file that changes within this time after it was sent has not come to rest. */
const RESTLESS_MS = 2_000
/** The longest pause that such a file gets; milliseconds. */
const LONGEST_PAUSE_MS = 8_000

// A file that changes again and again goes when it rests, with growing pauses until then: one that changed while it
// was read keeps its pause, one that changed right after it was sent (?3 is now) gets one from the third time on.
// Without, it would be read and sent all the time, and others would wait for it. One that was put off for its age
// waits no longer than the longest of these either: as it is now it may be old enough.
const RESTLESS = `state = 1 AND sent_at BETWEEN ?3 - ${RESTLESS_MS} AND ?3`
const PAUSING = 'state = 0 AND reason IS NULL AND retry_at > 0'
/** What becomes of a row whose file has other content than the one it told of. */
const ANEW = `state = 0, generation = generation + 1, reason = NULL, mark_due = 0, ${REMOVAL_ANEW},
  digest = iif(size = excluded.size AND mtime_ns = excluded.mtime_ns AND inode = excluded.inode, digest, NULL),
  attempts = CASE WHEN state = 0 AND reason IS NULL THEN attempts WHEN ${RESTLESS} THEN attempts + 1 ELSE 0 END,
  retry_at = CASE WHEN ${PAUSING} THEN min(retry_at, ?3 + ${LONGEST_PAUSE_MS})
    WHEN ${RESTLESS} AND attempts >= 2 THEN ?3 + min(${LONGEST_PAUSE_MS}, 500 << min(attempts - 2, 10)) ELSE 0 END`
const CHANGED = `size <> excluded.size OR mtime_ns <> excluded.mtime_ns OR ctime_ns <> excluded.ctime_ns
  OR inode <> excluded.inode`
// One statement for many files: to bind the values of each one costs as much as to insert it. ?2 is their array.
const OFFER = `INSERT INTO file (route, path, size, mtime_ns, ctime_ns, inode, device)
  SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?2) WHERE true
  ON CONFLICT (route, path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns,
  ctime_ns = excluded.ctime_ns, inode = excluded.inode, device = excluded.device, ${ANEW} WHERE ${CHANGED}`

interface KnownRow extends DueRow {
  /** The file is not there any more, or nothing is known of what it is. */
  is_gone: bigint
}

interface EntryRow {
  state: bigint
  size: bigint
  mtime_ns: bigint
  inode: bigint
  reason: string | null
}

/** Files come into the ledger, are compared with it, and are offered from one destination to the next. */
export type LedgerOffers = Pick<
  Ledger,
  'offer' | 'lookup' | 'differing' | 'unsentBelow' | 'owesMarks' | 'requeue'
>

export function openLedgerOffers(database: DatabaseSyncInstance, routes: Routes): LedgerOffers {
  const offerSome = database.prepare(OFFER)
  const find = prepareExact(
    database,
    'SELECT state, size, mtime_ns, inode, reason FROM file WHERE route = ? AND path = ?',
  )
  const below = database.prepare(
    `SELECT state, count(*) AS files FROM file INDEXED BY file_unsent
     WHERE route = ? AND state <> 1 AND path > ? AND path < ? GROUP BY state`,
  )
  const owed = database.prepare(
    'SELECT 1 FROM file INDEXED BY file_mark WHERE route = ? AND mark_due = 1 AND path > ? AND path < ? LIMIT 1',
  )
  const chunkOf = prepareExact(
    database,
    `SELECT id, path, size, mtime_ns, ctime_ns, inode, device,
       removal IN (${REMOVAL.removed}, ${REMOVAL.absent}) OR mtime_ns = ${NO_TIME} AS is_gone
     FROM file INDEXED BY file_state WHERE route = ? AND state = ? AND id > ? ORDER BY id LIMIT ?`,
  )

  const offerAll = (destination: string, candidates: readonly Candidate[]): number => {
    const bySource = new Map<string, Candidate[]>()
    for (const candidate of candidates) {
      const others = bySource.get(candidate.source)
      if (others === undefined) bySource.set(candidate.source, [candidate])
      else others.push(candidate)
    }
    const now = Date.now()
    let waiting = 0
    for (const [source, some] of bySource) {
      const route = routes.ensure(destination, source)
      waiting += Number(offerSome.run(route, rowsOf(some), now).changes)
    }
    return waiting
  }

  return {
    offer: (destination, candidates) =>
      candidates.length === 0 ? 0 : inTransaction(database, () => offerAll(destination, candidates)),

    lookup(destination, source, path) {
      const route = routes.find(destination, source)
      const row = route === null ? undefined : (find.get(route, path) as EntryRow | undefined)
      if (row === undefined) return null
      return {
        state: stateNames[Number(row.state)] ?? 'waiting',
        size: Number(row.size),
        mtimeNs: row.mtime_ns,
        inode: word.load(row.inode),
        reason: reasonOf(row.reason),
      }
    },

    differing: openCompare(database, routes),

    unsentBelow(destination, source, directory) {
      const route = routes.find(destination, source)
      const counts = { waiting: 0, parked: 0 }
      if (route === null) return counts
      for (const row of below.all(route, ...rangeOf(directory)) as { state: number; files: number }[]) {
        if (row.state === STATE.waiting) counts.waiting = row.files
        else counts.parked = row.files
      }
      return counts
    },

    owesMarks(destination, source, directory) {
      const route = routes.find(destination, source)
      return route !== null && owed.get(route, ...rangeOf(directory)) !== undefined
    },

    requeue: (from, to, source, state, after, limit) =>
      inTransaction(database, () => {
        const route = routes.find(from, source)
        if (route === null) return null
        const rows = chunkOf.all(route, STATE[state], after, limit) as KnownRow[]
        const known = rows.filter((row) => row.is_gone === 0n)
        offerAll(
          to,
          known.map((row) => ({
            source,
            path: row.path,
            size: Number(row.size),
            mtimeNs: row.mtime_ns,
            ctimeNs: row.ctime_ns,
            inode: word.load(row.inode),
            device: word.load(row.device),
          })),
        )
        const last = rows.at(-1)
        return last === undefined || rows.length < limit ? null : Number(last.id)
      }),
  }
}

/** "0" is the character after "/": the range holds exactly the paths that begin with "directory/". */
const rangeOf = (directory: string): [after: string, before: string] =>
  directory === '' ? ['', '\u{10FFFF}'] : [`${directory}/`, `${directory}0`]

/** As JSON: [path, size, mtime_ns, ctime_ns, inode, device] of each file, its numbers as the columns have them, all 64 bits. */
function rowsOf(candidates: readonly Candidate[]): string {
  const rows = candidates.map(
    ({ path, size, mtimeNs, ctimeNs, inode, device }) =>
      `[${JSON.stringify(path)},${size},${[mtimeNs, ctimeNs, inode, device].map(word.store).join()}]`,
  )
  return `[${rows.join()}]`
}
