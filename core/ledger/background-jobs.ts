import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { expectErrorCodes } from '../dropped-errors.ts'
import { backoffMs } from '../lib/async/backoff.ts'
import type { Ledger } from './ledger.ts'

/** Rows in one transaction when many are moved; between two the event loop turns. */
const CHUNK_ROWS = 1_000

/** A source's way to a destination, and its other destinations. */
export interface Route {
  source: string
  to: string
  others: readonly string[]
  /** Its files get the group-write mark. */
  marks: boolean
}

/**
 * Offers everything of a source that any other destination had, or waited for, to the destination `to`. It ends early,
 * and begins anew at the next call, when `isWanted` says no.
 */
async function fillRoute(
  ledger: Ledger,
  { source, to, others }: Route,
  isWanted: (source: string) => boolean,
  onMoved: () => void,
): Promise<void> {
  const filled = ledger.filled(source)
  if (!filled.includes(to)) {
    // Those that are up to date come last: what they know of a file is newer.
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
  // Also what the source goes to no more is taken off: if it does again, it has missed something.
  if (isWanted(source)) ledger.rememberFilled(source, to, others)
}

/** The source may have other destinations than before: files may be owed their marks that were put off. */
async function reviewMarks(
  ledger: Ledger,
  { source, to, others }: Route,
  isWanted: (source: string) => boolean,
): Promise<void> {
  for (let after: number | null = 0; after !== null && isWanted(source); await turn())
    after = ledger.reviewMarks(to, source, others, after, CHUNK_ROWS)
}

/** Brings these ways up to date, one after the other; `onMoved`: there may be work. */
export async function bringIn(
  ledger: Ledger,
  ways: readonly Route[],
  isWanted: (source: string) => boolean,
  onMoved: () => void,
): Promise<void> {
  for (const way of ways) {
    await fillRoute(ledger, way, isWanted, onMoved)
    if (!way.marks) continue
    await reviewMarks(ledger, way, isWanted)
    onMoved()
  }
}

export async function forgetAll(ledger: Ledger, source: string, isWanted: () => boolean): Promise<void> {
  while (isWanted() && ledger.forgetSource(source, CHUNK_ROWS) > 0) await turn()
}

/**
 * Carries out one of these, again and again with growing pauses while the ledger fails: nothing else would do what is
 * left. Never rejects.
 * @param longestMs the longest pause.
 */
export async function untilDone(
  work: () => Promise<void>,
  options: {
    isWanted(): boolean
    failed(error: unknown): void
    longestMs: number
    signal: AbortSignal
  },
): Promise<void> {
  const { isWanted, failed, longestMs, signal } = options
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

/** Gives every parked file of a source, or of all, another try; returns how many. */
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
