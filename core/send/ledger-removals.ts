import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../sqlite.ts'
import type { Ledger, Removable } from './ledger-contract.ts'
import type { DueRow, Routes } from './ledger-rows.ts'
import { CLAIMED, DUE_COLUMNS, dueOf, prepareExact } from './ledger-rows.ts'
import { REMOVAL } from './ledger-schema.ts'

/** What the ledger knows of files that are removed at the source after they were sent. */
export type LedgerRemovals = Pick<Ledger, 'removable' | 'beginRemovals' | 'endRemovals' | 'begunRemovals'>

interface SentRow extends DueRow {
  sent_at: bigint
  mark_due: bigint
  removal: bigint
  digest: Uint8Array | null
}

export function openLedgerRemovals(database: DatabaseSyncInstance, routes: Routes): LedgerRemovals {
  // In the order of the rows, so that no index has to be kept of which was sent when.
  const sentRows = prepareExact(
    database,
    `SELECT ${DUE_COLUMNS}, sent_at, mark_due, removal, digest FROM file INDEXED BY file_state
     WHERE route = ? AND state = 1 AND id > ? ORDER BY id LIMIT ?`,
  )
  const begin = database.prepare(
    `UPDATE file SET removal = ${REMOVAL.begun} ${CLAIMED} AND state = 1 AND removal = ${REMOVAL.none}`,
  )
  const end = database.prepare('UPDATE file SET removal = ?, removed_at = ? WHERE id = ?')
  const begun = database.prepare(
    'SELECT id, path FROM file INDEXED BY file_removing WHERE route = ? AND removal = 1 LIMIT ?',
  )

  return {
    removable(destination, source, sentBefore, after, limit) {
      const route = routes.find(destination, source)
      if (route === null) return { files: [], last: null }
      const rows = sentRows.all(route, after, limit) as SentRow[]
      const files = rows.flatMap((row): Removable[] => {
        const isDue = Number(row.sent_at) <= sentBefore && row.mark_due === 0n && row.removal === 0n
        return isDue && row.digest !== null ? [{ ...dueOf(row, source), digest: row.digest }] : []
      })
      const last = rows.at(-1)
      return { files, last: last === undefined || rows.length < limit ? null : Number(last.id) }
    },

    beginRemovals(claims) {
      // Elsewhere a power failure may take back the last transactions; here a file would be left under its
      // other name, and nobody would know.
      database.exec('PRAGMA synchronous = FULL')
      try {
        return inTransaction(database, () => {
          const taken = claims.filter(({ id, generation }) => begin.run(id, generation).changes === 1)
          return new Set(taken.map(({ id }) => id))
        })
      } finally {
        database.exec('PRAGMA synchronous = NORMAL')
      }
    },

    endRemovals: (ends, at) =>
      inTransaction(database, () => {
        for (const { id, end: how } of ends) end.run(REMOVAL[how], how === 'removed' ? at : null, id)
      }),

    begunRemovals(destination, source, limit) {
      const route = routes.find(destination, source)
      return route === null ? [] : (begun.all(route, limit) as { id: number; path: string }[])
    },
  }
}
