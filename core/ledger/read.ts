import { existsSync } from 'node:fs'
import { DatabaseSync } from '@photostructure/sqlite'
import { errorText } from '../files/system-error.ts'
import { Problem } from '../words/problem.ts'
import type { Ledger } from './contract.ts'
import { openLedgerOffers } from './offers.ts'
import { openLedgerRenamed } from './renamed.ts'
import { openRoutes } from './rows.ts'
import { LEDGER_VERSION } from './schema.ts'

export type LedgerReader = Pick<Ledger, 'lookup' | 'sentAs' | 'close'>

/**
 * Opens a ledger to be asked only: none is made, and one that cannot be used stays where it is. null: there is none.
 * @throws Problem scan.list.ledgerUnread
 */
export function readLedger(file: string): LedgerReader | null {
  if (!existsSync(file)) return null
  try {
    const database = new DatabaseSync(file, { readOnly: true, timeout: 10_000 })
    try {
      const row = database.prepare('PRAGMA user_version').get() as { user_version: number }
      // Whoever misunderstands another version's tables would say untrue things of them.
      if (row.user_version !== LEDGER_VERSION) throw new Error(`version ${row.user_version}`)
      const routes = openRoutes(database)
      const { lookup } = openLedgerOffers(database, routes)
      const { sentAs } = openLedgerRenamed(database, routes)
      return { lookup, sentAs, close: () => database.close() }
    } catch (thrown) {
      database.close()
      throw thrown
    }
  } catch (thrown) {
    throw new Problem('scan.list.ledgerUnread', { path: file, reason: errorText(thrown) }, { cause: thrown })
  }
}
