import { setTimeout as delay } from 'node:timers/promises'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { StoreLayout } from '../layout.ts'
import { untilSettled } from '../manifest/catch-up.ts'

/** What changed less than this ago, in milliseconds, may still be on its way into the journal of a receiver that runs. */
const YOUNG_MS = 5_000
/** How long a receiver may take to keep up its manifest, in milliseconds, before it is not waited for. */
const SETTLE_MS = 20_000
/** A wait says so often, in milliseconds, that it is one. */
const ALIVE_EVERY_MS = 500

/** Resolves when the manifest tells of all that happened up to this moment, in milliseconds since 1970. */
export type Settle = (upTo: number) => Promise<void>

/**
 * Waits no more for what one wait has covered: a store may have many findings.
 * @param alive is called while it waits: nothing is read then, and no disk hangs.
 */
export function createSettling(
  layout: StoreLayout,
  database: DatabaseSyncInstance,
  alive: () => void,
): Settle {
  let covered = Number.NEGATIVE_INFINITY
  return async (upTo) => {
    if (upTo <= covered) return
    const age = Date.now() - upTo
    for (let left = age >= 0 ? YOUNG_MS - age : 0; left > 0; left -= ALIVE_EVERY_MS) {
      alive()
      await delay(Math.min(left, ALIVE_EVERY_MS))
    }
    const old = Date.now() - YOUNG_MS
    await untilSettled(layout, database, SETTLE_MS, alive)
    covered = old
  }
}
