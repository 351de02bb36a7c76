import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { expectErrorCodes } from '../dropped-errors.ts'
import { backoffMs } from '../lib/async/backoff.ts'
import type { Ledger } from './ledger.ts'

/** Rows in one transaction of a bulk job; the event loop turns between two transactions. */
const CHUNK_ROWS = 1_000

/** A source and one of its destinations, with the other destinations. */
export interface Route {
  source: string
  to: string
  others: readonly string[]
  /** The source's files get the group-write mark. */
  marks: boolean
}

/** Brings these routes up to date, one after the other; calls `onMoved` when there may be work. */
export async function fillRoutes(
  ledger: Ledger,
  routes: readonly Route[],
  isWanted: (source: string) => boolean,
  onMoved: () => void,
): Promise<void> {
  for (const route of routes) {
    await fillRoute(ledger, route, isWanted, onMoved)
    if (!route.marks) continue
    await reviewMarks(ledger, route, isWanted)
    onMoved()
  }
}

/**
 * Offers to the destination `to` all files of a source that any other destination has or waits for. Stops early when
 * `isWanted` returns false; the next call starts again.
 */
async function fillRoute(
  ledger: Ledger,
  { source, to, others }: Route,
  isWanted: (source: string) => boolean,
  onMoved: () => void,
): Promise<void> {
  const filled = ledger.filled(source)
  if (!filled.includes(to)) {
    // Destinations that are up to date come last, since their rows are newer.
    const isFilled = (one: string) => Number(filled.includes(one))
    const from = ledger.destinations().filter((one) => one !== to)
    for (const each of from.sort((a, b) => isFilled(a) - isFilled(b))) {
      for (let after: string | null = ''; after !== null; await turn()) {
        if (!isWanted(source)) return
        after = ledger.requeue(each, to, source, after, CHUNK_ROWS)
        onMoved()
      }
    }
  }
  // This also removes former destinations of the source: if they return, they have missed files.
  if (isWanted(source)) ledger.rememberFilled(source, to, others)
}

/** Reviews postponed marks: the source's destinations may have changed, so that a mark can be set now. */
async function reviewMarks(
  ledger: Ledger,
  { source, to, others }: Route,
  isWanted: (source: string) => boolean,
): Promise<void> {
  for (let after: number | null = 0; after !== null && isWanted(source); await turn())
    after = ledger.reviewMarks(to, source, others, after, CHUNK_ROWS)
}

/** Removes all rows of a source; stops early when `isWanted` returns false. */
export async function forgetAll(ledger: Ledger, source: string, isWanted: () => boolean): Promise<void> {
  while (isWanted() && ledger.forgetSource(source, CHUNK_ROWS) > 0) await turn()
}

/**
 * Runs one of these jobs, and repeats it with growing pauses while the ledger fails, since no other code would finish
 * it. Never rejects.
 * @param longestMs the longest pause.
 */
export async function retryUntilDone(
  work: () => Promise<void>,
  {
    isWanted,
    failed,
    longestMs,
    signal,
  }: { isWanted(): boolean; failed(error: unknown): void; longestMs: number; signal: AbortSignal },
): Promise<void> {
  for (let attempt = 1; isWanted(); attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (!isWanted()) return
      failed(error)
      await delay(backoffMs(attempt, longestMs), undefined, { signal, ref: false }).catch(
        expectErrorCodes(['ABORT_ERR'], undefined),
      )
    }
  }
}

/** Puts every parked file of a source, or of all sources, back into the queue; returns the number. */
export async function unparkAll(
  ledger: Pick<Ledger, 'unpark'>,
  destination: string,
  source: string | null,
): Promise<number> {
  let files = 0
  for (let some = CHUNK_ROWS; some === CHUNK_ROWS; files += some) {
    some = ledger.unpark(destination, source, CHUNK_ROWS)
    await turn()
  }
  return files
}
