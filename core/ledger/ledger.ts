import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { UserError } from '../lib/i18n/user-error.ts'
import { readDatabaseFile } from '../platform/sqlite-file.ts'
import { errorText } from '../platform/system-error.ts'
import { openConfirmed, openElsewhere, openMarks, openRenamed, openSent } from './complete.ts'
import { openAgain, openKnown, openOffers } from './enqueue.ts'
import { LEDGER, openLedgerFile } from './file.ts'
import { openMeta } from './meta.ts'
import { openPages, openSentFiles } from './pages.ts'
import { openOutcomes, openParked, openTaking, openUnsent } from './queue.ts'
import { openRemovable, openRemoving } from './removals.ts'
import { openRoutes } from './rows.ts'
import { openHolding, openSuspects } from './suspects.ts'

export type {
  Claim,
  FoundFile,
  LedgerEntry,
  Parked,
  Proofs,
  QueuedFile,
  Removable,
  SentClaim,
  SentContent,
  SessionMemory,
} from './contract.ts'

/** The transfer state of each file for each destination; each part documents its functions. */
export type Ledger = ReturnType<typeof openLedger>

export type LedgerReader = Pick<Ledger, 'lookup' | 'sentAs' | 'adoptedNs' | 'close'>

/** Opens the ledger, or creates it; several processes may have it open at the same time. */
export function openLedger(file: string) {
  const { database, notice } = openLedgerFile(file)
  return {
    /** Explains why an earlier file of this name was set aside; null: it was not. */
    notice,
    ...openParts(database),
    close: () => database.close(),
  }
}

export function openParts(database: DatabaseSyncInstance) {
  const routes = openRoutes(database)
  return {
    ...openOffers(database, routes),
    ...openKnown(database, routes),
    ...openAgain(database, routes),
    ...openTaking(database, routes),
    ...openOutcomes(database),
    ...openParked(database, routes),
    ...openUnsent(database, routes),
    ...openSent(database),
    ...openElsewhere(database),
    ...openRenamed(database, routes),
    ...openConfirmed(database, routes),
    ...openMarks(database, routes),
    ...openRemovable(database, routes),
    ...openRemoving(database),
    ...openPages(database),
    ...openSentFiles(database),
    ...openSuspects(database, routes),
    ...openHolding(database),
    ...openMeta(database),
  }
}

/** @throws UserError transfer.ledgerFailed */
export function openOrExplain(path: string): Ledger {
  try {
    return openLedger(path)
  } catch (error) {
    const reason = errorText(error)
    throw new UserError('transfer.ledgerFailed', { path, reason }, { cause: error })
  }
}

/**
 * Opens a ledger only for reading: none is created, and an unusable one is not touched. null: there is none.
 * @throws UserError scan.list.ledgerUnread
 */
export function readLedger(file: string): LedgerReader | null {
  try {
    const database = readDatabaseFile(file, LEDGER)
    if (database === null) return null
    if (typeof database === 'string') throw new Error(`it is ${database}`)
    const routes = openRoutes(database)
    const { lookup } = openKnown(database, routes)
    const { sentAs } = openRenamed(database, routes)
    const { adoptedNs } = openMeta(database)
    return { lookup, sentAs, adoptedNs, close: () => database.close() }
  } catch (error) {
    throw new UserError('scan.list.ledgerUnread', { path: file, reason: errorText(error) }, { cause: error })
  }
}
