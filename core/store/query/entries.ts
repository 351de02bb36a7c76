import type { EntriesQuestion, RestoreEntry } from '../../protocol/restore-entries.ts'
import { toAllKeys } from '../file-system.ts'
import { isFileRow, type Rows, rangeBelow, type SourceRow } from '../manifest/rows.ts'
import { findSource, getFolderName, parseOrigin } from './select.ts'

export interface EntriesPage {
  entries: RestoreEntry[]
  next: string | null
}

const PAGE_ENTRIES = 500

/** @param sender see `parseOrigin`. */
export const listFolders = (rows: Rows, sender: string | null): string[] =>
  rows
    .sources()
    .filter(({ folder }) => sender === null || folder === sender)
    .map((source) => getFolderName(sender, source))

/** Returns the range of keys below a directory, for the first of its possible keys that has files. */
function findRange(rows: Rows, source: SourceRow, directory: string): { from: string; to: string } {
  const ranges = directory === '' ? [rangeBelow('')] : toAllKeys(directory).map(rangeBelow)
  return ranges.find((range) => rows.first(source.id, range) !== null) ?? rangeBelow(directory)
}

/** Returns a page of a directory's entries, ordered by key. Its cost depends on the entries, not on the files below. */
export function entriesPage(rows: Rows, sender: string | null, asked: EntriesQuestion): EntriesPage {
  const { folder, directory, after } = asked
  const entries: RestoreEntry[] = []
  const source = findSource(rows.sources(), parseOrigin(sender, folder, directory === '' ? null : directory))
  if (source === null) return { entries, next: null }
  const depth = directory === '' ? 0 : directory.split('/').length
  const { from: begin, to } = findRange(rows, source, directory)
  let from = after !== null && after >= begin ? after : begin
  while (entries.length < PAGE_ENTRIES) {
    const row = rows.first(source.id, { from, to })
    if (row === null) return { entries, next: null }
    const rest = row.key.slice(begin.length)
    const slash = rest.indexOf('/')
    // "0" is the character after "/".
    from = slash === -1 ? `${row.key}\u0001` : `${begin}${rest.slice(0, slash)}0`
    if (!isFileRow(row)) continue
    const name = row.path.split('/')[depth] ?? ''
    if (slash !== -1) entries.push({ name, kind: 'directory', size: 0, mtimeMs: 0 })
    else {
      const { size, mtimeNs } = row.facts
      const versions = rows.versions(source.id, row.key).length
      entries.push({ name, kind: 'file', size, mtimeMs: Number(mtimeNs) / 1e6, versions })
    }
  }
  return { entries, next: from }
}
