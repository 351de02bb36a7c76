import { errorText } from '../files/system-error.ts'
import { readDatabaseFile } from '../sqlite-file.ts'
import { Problem } from '../words/problem.ts'
import { checkpointAtRest, LEDGER, openLedgerFile } from './file.ts'
import { openLedgerMeta } from './meta.ts'
import { openLedgerOffers } from './offers.ts'
import { openLedgerPages } from './pages.ts'
import { openLedgerQueue } from './queue.ts'
import { openLedgerRemovals } from './removals.ts'
import { openRoutes } from './rows.ts'
import { openLedgerSent } from './sent.ts'
import { openLedgerSuspects } from './suspects.ts'

export type {
  Candidate,
  Claim,
  Due,
  LedgerEntry,
  Parked,
  Proofs,
  Removable,
  SentClaim,
  SentContent,
  SessionMemory,
} from './contract.ts'

/** The state of each file on its way to each destination; each part says what it does. */
export type Ledger = ReturnType<typeof openLedger>

export type LedgerReader = Pick<Ledger, 'lookup' | 'sentAs' | 'close'>

/** Opens or makes the ledger; several processes may have it open at once. */
export function openLedger(file: string) {
  const { database, notice } = openLedgerFile(file)
  const routes = openRoutes(database)
  const endCheckpoints = checkpointAtRest(database)
  return {
    /** What happened to an earlier file of this name, if it had to be set aside. */
    notice,
    ...openLedgerOffers(database, routes),
    ...openLedgerQueue(database, routes),
    ...openLedgerSent(database, routes),
    ...openLedgerRemovals(database, routes),
    ...openLedgerPages(database),
    ...openLedgerSuspects(database, routes),
    ...openLedgerMeta(database),
    close() {
      endCheckpoints()
      database.close()
    },
  }
}

/** @throws Problem transfer.ledgerFailed */
export function openOrExplain(path: string): Ledger {
  try {
    return openLedger(path)
  } catch (thrown) {
    const reason = errorText(thrown)
    throw new Problem('transfer.ledgerFailed', { path, reason }, { cause: thrown })
  }
}

/**
 * Opens a ledger to be asked only: none is made, and one that cannot be used stays where it is. null: there is none.
 * @throws Problem scan.list.ledgerUnread
 */
export function readLedger(file: string): LedgerReader | null {
  try {
    const database = readDatabaseFile(file, LEDGER)
    if (database === null) return null
    if (typeof database === 'string') throw new Error(`it is ${database}`)
    const routes = openRoutes(database)
    const { lookup } = openLedgerOffers(database, routes)
    const { sentAs } = openLedgerSent(database, routes)
    return { lookup, sentAs, close: () => database.close() }
  } catch (thrown) {
    throw new Problem('scan.list.ledgerUnread', { path: file, reason: errorText(thrown) }, { cause: thrown })
  }
}
