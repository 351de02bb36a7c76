import { setTimeout as delay } from 'node:timers/promises'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { StoreLayout } from '../layout.ts'
import { untilSettled } from '../manifest/catch-up.ts'

/** What changed less than this ago, in milliseconds, may still be on its way into the journal of a receiver that runs. */
const YOUNG_MS = 5_000
/** How long a receiver may take to keep up its manifest, in milliseconds, before it is not waited for. */
const SETTLE_MS = 20_000

/** Resolves when the manifest tells of all that happened up to this moment, in milliseconds since 1970. */
export type Settle = (upTo: number) => Promise<void>

/** Waits no more for what one wait has covered: a store may have many findings. */
export function createSettling(layout: StoreLayout, database: DatabaseSyncInstance): Settle {
  let covered = Number.NEGATIVE_INFINITY
  return async (upTo) => {
    if (upTo <= covered) return
    const age = Date.now() - upTo
    if (age >= 0 && age < YOUNG_MS) await delay(YOUNG_MS - age)
    const old = Date.now() - YOUNG_MS
    await untilSettled(layout, database, SETTLE_MS)
    covered = old
  }
}
