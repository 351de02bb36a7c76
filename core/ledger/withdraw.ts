import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../sqlite.ts'
import type { Ledger } from './contract.ts'
import type { Routes } from './rows.ts'
import { SENT_ONCE } from './rows.ts'

/** Files that wait are looked at again by the filters, and taken out. */
export type LedgerWithdraw = Pick<Ledger, 'unsentPage' | 'withdraw'>

export function openLedgerWithdraw(database: DatabaseSyncInstance, routes: Routes): LedgerWithdraw {
  // Of an earlier content that was sent only that is known.
  const leaveOne = database.prepare(
    `UPDATE file SET ${SENT_ONCE}
     WHERE route = ? AND path = ? AND state <> 1 AND sent_at IS NOT NULL`,
  )
  const forgetOne = database.prepare(
    'DELETE FROM file WHERE route = ? AND path = ? AND state <> 1 AND sent_at IS NULL',
  )
  const unsentAfter = database.prepare(
    `SELECT path, size FROM file INDEXED BY file_unsent
     WHERE route = ? AND state <> 1 AND path > ? ORDER BY path LIMIT ?`,
  )
  return {
    unsentPage(destination, source, after, limit) {
      const route = routes.find(destination, source)
      return route === null ? [] : (unsentAfter.all(route, after, limit) as { path: string; size: number }[])
    },

    withdraw: (destination, source, paths) =>
      inTransaction(database, () => {
        const route = routes.find(destination, source)
        if (route === null) return 0
        const changes = paths.map(
          (path) => Number(leaveOne.run(route, path).changes) + Number(forgetOne.run(route, path).changes),
        )
        return changes.reduce((sum, one) => sum + one, 0)
      }),
  }
}
