import { checkpointAtRest } from './checkpoints.ts'
import type { Ledger } from './contract.ts'
import { openLedgerFile } from './file.ts'
import { openLedgerOffers } from './offers.ts'
import { openLedgerPages } from './pages.ts'
import { openLedgerPlaces } from './places.ts'
import { openLedgerQueue } from './queue.ts'
import { openLedgerRemovals } from './removals.ts'
import { openLedgerRenamed } from './renamed.ts'
import { openRoutes } from './rows.ts'
import { openLedgerSent } from './sent.ts'
import { openLedgerSessions } from './sessions.ts'
import { openLedgerWithdraw } from './withdraw.ts'

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
  SessionMemory,
} from './contract.ts'

/** Opens or makes the ledger; several processes may have it open at once. */
export function openLedger(file: string): Ledger {
  const { database, notice } = openLedgerFile(file)
  const routes = openRoutes(database)
  const pages = openLedgerPages(database)
  const places = openLedgerPlaces(database)
  const endCheckpoints = checkpointAtRest(database)
  return {
    notice,
    ...openLedgerOffers(database, routes),
    ...openLedgerQueue(database, routes, pages),
    ...openLedgerSent(database, routes),
    ...openLedgerRenamed(database, routes),
    ...openLedgerWithdraw(database, routes),
    ...openLedgerRemovals(database, routes),
    ...openLedgerSessions(database, routes, pages),
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
    close() {
      endCheckpoints()
      database.close()
    },
  }
}
