import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inReadTransaction, inTransaction } from '../sqlite.ts'
import type { Candidate, Ledger, LedgerEntry } from './ledger-contract.ts'
import type { DueRow, Routes } from './ledger-rows.ts'
import { prepareExact, REMOVAL_ANEW, word } from './ledger-rows.ts'
import { STATE } from './ledger-schema.ts'

const stateNames = ['waiting', 'sent', 'parked'] as const

/** What becomes of a row whose file has other content than the one it told of. */
const ANEW = `state = 0, generation = generation + 1, attempts = 0, reason = NULL, mark_due = 0, digest = NULL,
  ${REMOVAL_ANEW}`
const CHANGED = 'size <> excluded.size OR mtime_ns <> excluded.mtime_ns OR inode <> excluded.inode'
const OFFER = `INSERT INTO file (route, path, size, mtime_ns, inode, device) VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT (route, path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns,
  inode = excluded.inode, device = excluded.device, retry_at = 0, ${ANEW} WHERE ${CHANGED}`

interface EntryRow {
  state: bigint
  size: bigint
  mtime_ns: bigint
  inode: bigint
}

/** Files come into the ledger, are compared with it, and are offered from one destination to the next. */
export type LedgerOffers = Pick<Ledger, 'offer' | 'lookup' | 'lookupAll' | 'unsentBelow' | 'requeue'>

export function openLedgerOffers(database: DatabaseSyncInstance, routes: Routes): LedgerOffers {
  const offerOne = database.prepare(OFFER)
  const find = prepareExact(
    database,
    'SELECT state, size, mtime_ns, inode FROM file WHERE route = ? AND path = ?',
  )
  const below = database.prepare(
    `SELECT state, count(*) AS files FROM file INDEXED BY file_unsent
     WHERE route = ? AND state <> 1 AND path > ? AND path < ? GROUP BY state`,
  )
  const chunkOf = prepareExact(
    database,
    `SELECT file.id, source, path, size, mtime_ns, inode, device FROM file JOIN route ON route.id = route
     WHERE file.id > ? AND destination = ? ORDER BY file.id LIMIT ?`,
  )

  const offerAll = (destination: string, candidates: readonly Candidate[]): number => {
    const known = new Map<string, number>()
    let waiting = 0
    for (const { source, path, size, mtimeNs, inode, device } of candidates) {
      const route = known.get(source) ?? routes.ensure(destination, source)
      known.set(source, route)
      const facts = [size, word.store(mtimeNs), word.store(inode), word.store(device)]
      waiting += Number(offerOne.run(route, path, ...facts).changes)
    }
    return waiting
  }

  const entryAt = (route: number, path: string): LedgerEntry | null => {
    const row = find.get(route, path) as EntryRow | undefined
    if (row === undefined) return null
    return {
      state: stateNames[Number(row.state)] ?? 'waiting',
      size: Number(row.size),
      mtimeNs: row.mtime_ns,
      inode: word.load(row.inode),
    }
  }

  return {
    offer: (destination, candidates) =>
      candidates.length === 0 ? 0 : inTransaction(database, () => offerAll(destination, candidates)),

    lookup(destination, source, path) {
      const route = routes.find(destination, source)
      return route === null ? null : entryAt(route, path)
    },

    // Outside a transaction each statement takes and gives back its locks on the file, which costs more than
    // the statement itself.
    lookupAll: (destination, source, paths) =>
      inReadTransaction(database, () => {
        const route = routes.find(destination, source)
        return paths.map((path) => (route === null ? null : entryAt(route, path)))
      }),

    unsentBelow(destination, source, directory) {
      const route = routes.find(destination, source)
      const counts = { waiting: 0, parked: 0 }
      if (route === null) return counts
      // "0" is the character after "/": the range holds exactly the paths that begin with "directory/".
      const range = directory === '' ? ['', '\u{10FFFF}'] : [`${directory}/`, `${directory}0`]
      for (const row of below.all(route, ...range) as { state: number; files: number }[]) {
        if (row.state === STATE.waiting) counts.waiting = row.files
        else counts.parked = row.files
      }
      return counts
    },

    requeue: (from, to, after, limit) =>
      inTransaction(database, () => {
        const rows = chunkOf.all(after, from, limit) as (DueRow & { source: string })[]
        offerAll(
          to,
          rows.map((row) => ({
            source: row.source,
            path: row.path,
            size: Number(row.size),
            mtimeNs: row.mtime_ns,
            inode: word.load(row.inode),
            device: word.load(row.device),
          })),
        )
        const last = rows.at(-1)
        return last === undefined || rows.length < limit ? null : Number(last.id)
      }),
  }
}
