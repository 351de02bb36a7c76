import { leftOutBySize } from '../../filter/limits.ts'
import { word } from '../../ledger/rows.ts'
import type { ListedFile } from '../listing/rows.ts'
import { rowsOf } from '../listing/rows.ts'
import type { SessionContext } from '../session.ts'
import type { FileFacts } from '../tree/facts.ts'
import { isNeverSent } from './due.ts'
import { differingAnywhere, sentBefore } from './everywhere.ts'
import { withdrawUnsent } from './left-out.ts'

/** How the files of a comparison stand. */
export interface Standing<T> {
  /** Those that the ledger does not have with this content, and that the source's limits of size let pass. */
  due: T[]
  /** How many of a batch source count as transferred by their group-write bit alone. */
  neverSent: number
}

type Comparing = Pick<SessionContext, 'source' | 'ledger' | 'destinations'>

/**
 * Compares files with the ledger. The group-write bit stays on a file that is renamed after it was sent: what its
 * inode was sent as tells whether it has changed since. Throws what the ledger throws.
 */
export function standingOf(context: Comparing, files: readonly FileFacts[]): Standing<FileFacts> {
  return standing(context, rowsOf(files), () => files)
}

/** The same for rows that a listing wrote; only those of files that differ are ever read. */
export function standingOfRows(context: Comparing, rows: string): Standing<ListedFile> {
  return standing(context, rows, () =>
    (JSON.parse(rows) as [string, number, string, string, string, number][]).map(
      ([path, size, mtimeNs, ctimeNs, inode, mode]) => ({
        path,
        size,
        mtimeNs: BigInt(mtimeNs),
        ctimeNs: BigInt(ctimeNs),
        inode: word.load(BigInt(inode)),
        mode,
      }),
    ),
  )
}

function standing<T extends ListedFile>(
  context: Comparing,
  rows: string,
  read: () => readonly T[],
): Standing<T> {
  const { source, ledger, destinations } = context
  const result: Standing<T> = { due: [], neverSent: 0 }
  const differing = differingAnywhere(ledger, destinations, source.id, rows)
  if (differing.length === 0) return result
  const marksFiles = source.kind === 'batch'
  const files = read()
  const leftOut: string[] = []
  for (const { index, known } of differing) {
    const file = files[index]
    if (file === undefined) continue
    if (leftOutBySize(source, file.size) !== null) {
      if (known) leftOut.push(file.path)
    } else if (!isNeverSent(file, known, marksFiles)) result.due.push(file)
    else {
      const sent = sentBefore(ledger, destinations, source.id, file)
      if (sent === 'never') result.neverSent += 1
      else if (sent === 'changed') result.due.push(file)
    }
  }
  withdrawUnsent(context, leftOut)
  return result
}
