import { setImmediate as turn } from 'node:timers/promises'
import { leavesNothingOut, leftOutBySize } from '../../filter/limits.ts'
import { createNameFilter, type NameFilter, nameRulesOf } from '../../filter/names.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { Source } from '../../settings/schema.ts'

/** Rows of the ledger that are looked at together; between two such pages the event loop turns. */
const PAGE = 500

/**
 * Takes everything out of what waits, or is parked, that the source leaves out now: its filters, or what is a batch
 * directory of it, may have been changed. Streamed by the ledger's rows alone, so it needs no disk. Returns how many files that were
 * at the destination where it were most.
 */
export async function withdrawLeftOut(
  source: Source,
  ledger: Ledger,
  destinations: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  if (source.kind === 'continuous' && leavesNothingOut(source)) return 0
  const names = createNameFilter({ ...nameRulesOf(source), withTemporary: true })
  let most = 0
  for (const destination of destinations)
    most = Math.max(most, await withdrawAt(destination, source, names, ledger, signal))
  return most
}

async function withdrawAt(
  destination: string,
  source: Source,
  names: NameFilter,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<number> {
  let withdrawn = 0
  for (let after: string | null = ''; after !== null && !signal.aborted; ) {
    const page = ledger.unsentPage(destination, source.id, after, PAGE)
    const leftOut = page.filter(
      ({ path, size }) => names.fileBelow(path) !== null || leftOutBySize(source, size) !== null,
    )
    if (leftOut.length > 0) {
      const paths = leftOut.map(({ path }) => path)
      withdrawn += ledger.withdraw(destination, source.id, paths)
    }
    after = page.length < PAGE ? null : (page.at(-1)?.path ?? null)
    await turn()
  }
  return withdrawn
}
