import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../sqlite.ts'
import type { Ledger, SessionMemory } from './contract.ts'
import type { LedgerPages } from './pages.ts'
import type { Routes } from './rows.ts'
import { NO_TIME } from './rows.ts'
import { REMOVAL } from './schema.ts'

/** What the ledger knows of sessions, and of what has to be sent again by what they tell. */
export type LedgerSessions = Pick<
  Ledger,
  'session' | 'rememberSession' | 'rememberPosition' | 'offerAgainSince' | 'offerAgain' | 'removedSince'
>

/** What a row becomes that is sent, and has to be offered again; the digest says what it should be. */
const AGAIN = `state = 0, generation = generation + 1, attempts = 0, retry_at = 0, reason = NULL, acked = NULL`
/** Rows of files that are at the source. */
const IS_THERE = `state = 1 AND removal = ${REMOVAL.none} AND mtime_ns <> ${NO_TIME}`
/** Of this destination, since a position. */
const SINCE = `route IN (SELECT id FROM route WHERE destination = ?1) AND coalesce(acked, ?2 + 1) > ?2`

export function openLedgerSessions(
  database: DatabaseSyncInstance,
  routes: Routes,
  pages: Pick<LedgerPages, 'routes'>,
): LedgerSessions {
  const read = database.prepare('SELECT value FROM meta WHERE key = ?')
  const write = database.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)')
  const forward = database.prepare(
    "UPDATE meta SET value = json_set(value, '$.position', ?1) WHERE key = ?2 AND value ->> '$.position' < ?1",
  )
  const againOfRoute = database.prepare(
    `UPDATE file SET ${AGAIN} WHERE id IN (SELECT id FROM file INDEXED BY file_state
     WHERE route = ?1 AND ${IS_THERE} AND coalesce(acked, ?2 + 1) > ?2 LIMIT ?3)`,
  )
  const againOne = database.prepare(`UPDATE file SET ${AGAIN} WHERE route = ? AND path = ? AND ${IS_THERE}`)
  const removed = database.prepare(
    `SELECT count(*) AS files FROM file WHERE ${SINCE} AND state = 1 AND removal = ${REMOVAL.removed}`,
  )
  const keyOf = (destination: string) => `session ${destination}`

  return {
    session(destination) {
      const row = read.get(keyOf(destination)) as { value: string } | undefined
      return row === undefined ? null : (JSON.parse(row.value) as SessionMemory)
    },
    rememberSession(destination, session) {
      database.exec('PRAGMA synchronous = FULL')
      try {
        write.run(keyOf(destination), JSON.stringify(session))
      } finally {
        database.exec('PRAGMA synchronous = NORMAL')
      }
    },
    rememberPosition(destination, position) {
      forward.run(position, keyOf(destination))
    },
    offerAgainSince: (destination, position, limit) =>
      inTransaction(database, () => {
        let left = limit
        for (const { id } of pages.routes(destination, null))
          if (left > 0) left -= Number(againOfRoute.run(id, position, left).changes)
        return limit - left
      }),
    offerAgain: (destination, files) =>
      inTransaction(database, () => {
        let count = 0
        for (const [source, path] of files) {
          const route = routes.find(destination, source)
          if (route !== null) count += Number(againOne.run(route, path).changes)
        }
        return count
      }),
    removedSince: (destination, position) => (removed.get(destination, position) as { files: number }).files,
  }
}
