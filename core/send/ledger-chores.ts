import { setImmediate as turn } from 'node:timers/promises'
import type { Ledger } from './ledger.ts'

/** Rows in one transaction when many are moved; between two the event loop turns. */
const CHUNK_ROWS = 1_000

/**
 * Offers everything that any other destination had, or waited for, to the destination `to`. It ends early, and
 * begins anew at the next call, when `isWanted` says no.
 */
export async function requeueAll(
  ledger: Ledger,
  to: string,
  isWanted: () => boolean,
  onMoved: () => void,
): Promise<void> {
  if (ledger.destination === to) return
  for (const from of ledger.destinations()) {
    if (from === to) continue
    let after: number | null = 0
    while (after !== null) {
      if (!isWanted()) return
      after = ledger.requeue(from, to, after, CHUNK_ROWS)
      onMoved()
      await turn()
    }
  }
  if (isWanted()) ledger.destination = to
}

export async function forgetAll(ledger: Ledger, source: string, isWanted: () => boolean): Promise<void> {
  while (isWanted() && ledger.forgetSource(source, CHUNK_ROWS) > 0) await turn()
}

/** Gives every parked file of a source, or of all, another try; returns how many. */
export async function unparkAll(ledger: Ledger, destination: string, source: string | null): Promise<number> {
  let files = 0
  for (let some = CHUNK_ROWS; some === CHUNK_ROWS; files += some) {
    some = ledger.unpark(destination, source, CHUNK_ROWS)
    await turn()
  }
  return files
}
