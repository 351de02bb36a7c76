import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../sqlite.ts'
import type { Ledger } from './ledger-contract.ts'
import type { DueRow, Routes } from './ledger-rows.ts'
import { CLAIMED, DUE_COLUMNS, dueOf, prepareExact } from './ledger-rows.ts'

/** The files that are sent, and the marks that they are owed. */
export type LedgerSent = Pick<Ledger, 'markSent' | 'dueMarks' | 'marksDone'>

export function openLedgerSent(database: DatabaseSyncInstance, routes: Routes): LedgerSent {
  const sent = database.prepare(
    `UPDATE file SET state = 1, sent_at = ?, mark_due = ?, retry_at = 0, reason = NULL
     ${CLAIMED} AND state <> 1`,
  )
  const unmarked = prepareExact(
    database,
    `SELECT ${DUE_COLUMNS} FROM file WHERE route = ? AND mark_due = 1 AND id > ? ORDER BY id LIMIT ?`,
  )
  const marked = database.prepare(`UPDATE file SET mark_due = 0 ${CLAIMED}`)

  return {
    markSent: (claims, now) =>
      inTransaction(database, () => {
        const done = new Set<number>()
        for (const { id, generation, mark } of claims) {
          if (sent.run(now, mark ? 1 : 0, id, generation).changes === 1) done.add(id)
        }
        return done
      }),

    dueMarks(destination, source, after, limit) {
      const route = routes.find(destination, source)
      if (route === null) return []
      return (unmarked.all(route, after, limit) as DueRow[]).map((row) => dueOf(row, source))
    },

    marksDone: (claims) =>
      inTransaction(database, () => {
        for (const { id, generation } of claims) marked.run(id, generation)
      }),
  }
}
