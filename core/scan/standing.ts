import { comparedRow } from '../send/ledger-compare.ts'
import { isNeverSent } from './due.ts'
import type { FileFacts } from './facts.ts'
import type { SessionContext } from './session.ts'

/** How the files of a comparison stand. */
export interface Standing<T> {
  /** Those that the ledger does not have with this content. */
  due: T[]
  /** How many of a batch source count as transferred by their group-write bit alone. */
  neverSent: number
}

type Comparing = Pick<SessionContext, 'source' | 'ledger' | 'destination'>

/** Compares files with the ledger. Throws what the ledger throws. */
export function standingOf(context: Comparing, files: readonly FileFacts[]): Standing<FileFacts> {
  return standing(context, rowsOf(files), () => files)
}

/** The same for rows that a listing wrote; only the paths of files that are due are ever read from them. */
export function standingOfRows(context: Comparing, rows: string): Standing<{ path: string }> {
  return standing(context, rows, () =>
    (JSON.parse(rows) as [string, number, number, number, number][]).map(([path, , , , mode]) => ({
      path,
      mode,
    })),
  )
}

/** Files as the rows that the ledger compares, with st_mode as what it leaves alone. */
export function rowsOf(files: readonly FileFacts[]): string {
  return `[${files.map((file) => rowOf(file)).join(',')}]`
}

export function rowOf({ path, size, mtimeNs, inode, mode }: Omit<FileFacts, 'device'>): string {
  return comparedRow(path, size, mtimeNs, inode, mode)
}

function standing<T extends { mode: number }>(
  { source, ledger, destination }: Comparing,
  rows: string,
  read: () => readonly T[],
): Standing<T> {
  const result: Standing<T> = { due: [], neverSent: 0 }
  const differing = ledger.differing(destination, source.id, rows)
  if (differing.length === 0) return result
  const marksFiles = source.kind === 'batch'
  const files = read()
  for (const { index, known } of differing) {
    const file = files[index]
    if (file === undefined) continue
    if (isNeverSent(file, known, marksFiles)) result.neverSent += 1
    else result.due.push(file)
  }
  return result
}
