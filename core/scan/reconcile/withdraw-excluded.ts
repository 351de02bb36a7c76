import { setImmediate as turn } from 'node:timers/promises'
import { leavesNothingOut, leftOutBySize } from '../../filter/limits.ts'
import { createNameFilter, type NameFilter, toNameRules } from '../../filter/names.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { Source } from '../../settings/schema.ts'

/** Ledger rows that are read together; the event loop turns between two pages. */
const PAGE = 500

/**
 * Removes waiting and parked files from the queue that the source now excludes: its filters or its batch directories
 * may have been changed. Reads only ledger rows, in pages, so the disk need not be there. Returns the number of files
 * at the destination with the most.
 */
export async function withdrawLeftOut(
  source: Source,
  ledger: Ledger,
  destinations: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  if (source.kind === 'continuous' && leavesNothingOut(source)) return 0
  const names = createNameFilter({ ...toNameRules(source), withTemporary: true })
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
