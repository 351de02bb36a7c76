import type { Ledger } from './ledger-contract.ts'
import { openLedgerFile } from './ledger-file.ts'
import { openLedgerOffers } from './ledger-offers.ts'
import { openLedgerPages } from './ledger-pages.ts'
import { openLedgerPlaces } from './ledger-places.ts'
import { openLedgerQueue } from './ledger-queue.ts'
import { openLedgerRemovals } from './ledger-removals.ts'
import { openLedgerRenamed } from './ledger-renamed.ts'
import { openRoutes } from './ledger-rows.ts'
import { openLedgerSent } from './ledger-sent.ts'
import { openLedgerWithdraw } from './ledger-withdraw.ts'

export type {
  Candidate,
  Claim,
  Due,
  Ledger,
  LedgerEntry,
  Proofs,
  Removable,
  SentClaim,
  SentContent,
} from './ledger-contract.ts'

/** Opens or makes the ledger; several processes may have it open at once. */
export function openLedger(file: string): Ledger {
  const { database, notice } = openLedgerFile(file)
  const routes = openRoutes(database)
  const pages = openLedgerPages(database)
  const places = openLedgerPlaces(database)
  return {
    notice,
    ...openLedgerOffers(database, routes),
    ...openLedgerQueue(database, routes, pages),
    ...openLedgerSent(database, routes),
    ...openLedgerRenamed(database, routes),
    ...openLedgerWithdraw(database, routes),
    ...openLedgerRemovals(database, routes),
    totals: pages.totals,
    files: pages.files,
    home: places.home,
    rememberHome: places.rememberHome,
    mountsInside: places.mountsInside,
    rememberMountsInside: places.rememberMountsInside,
    destinations: places.destinations,
    filled: places.filled,
    rememberFilled: places.rememberFilled,
    forgetSource: places.forgetSource,
    close: () => database.close(),
  }
}
