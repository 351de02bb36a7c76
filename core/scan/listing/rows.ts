import { comparedRow } from '../../ledger/compare.ts'
import type { FileFacts } from '../tree/facts.ts'

/** What a listing tells of a file: a comparison needs no more. */
export type ListedFile = Omit<FileFacts, 'device'>

/** Files as the rows that the ledger compares, with st_mode as what it leaves alone. */
export function rowsOf(files: readonly ListedFile[]): string {
  return `[${files.map((file) => rowOf(file)).join(',')}]`
}

export function rowOf({ path, size, mtimeNs, ctimeNs, inode, mode }: ListedFile): string {
  return comparedRow(path, size, mtimeNs, ctimeNs, inode, mode)
}
