import { findNameFault } from '../../protocol/names.ts'
import { toAllKeys } from '../file-system.ts'
import {
  type FileRow,
  isFileRow,
  type Rows,
  rangeBelow,
  type SourceRow,
  type StrangeRow,
} from '../manifest/rows.ts'

/** Rows per read: those of a page (contents.ts), and two more to detect its end. */
const PAGE = 258

/** A selected row; `strange`: an invalid row (see `StrangeRow`). */
export type Selected = { source: SourceRow } & (
  | { is: 'file'; row: FileRow }
  | { is: 'strange'; row: StrangeRow }
)

/** Returns the ranges of keys for a path: the path as a file, and everything below it as a directory. */
function toKeyRanges({ path }: Origin): { from: string; to: string }[] {
  if (path === null) return [rangeBelow('')]
  // The first range contains only the path itself: U+0001 is the lowest character that can follow it.
  return toAllKeys(path).flatMap((key) => [{ from: key, to: `${key}\u0001` }, rangeBelow(key)])
}

/** True if a row is at a path or below it, and always for an invalid row, as its path is unknown. */
const isAt = (row: FileRow | StrangeRow, path: string | null): boolean =>
  path === null || !isFileRow(row) || `${row.path}/`.startsWith(`${path}/`)

/** Where to continue: after all versions of a key, or after one of them. */
export interface After {
  source: number
  key: string
  content: Age | null
}

/** The sort key of the versions of a path. */
export type Age = Pick<FileRow, 'version' | 'replacedClockMs'>

/** Sorts after every version's name. */
const LAST = '\u{10FFFF}'

/** Yields the rows of each path together, in the order of the paths. Reads only the manifest. */
function* paths(
  rows: Rows,
  source: SourceRow,
  origin: Origin,
  begin: After | null,
): Generator<(FileRow | StrangeRow)[]> {
  const isWithin = begin !== null && begin.content !== null
  for (const { from, to } of toKeyRanges(origin)) {
    const range = { from: isWithin && begin.key > from ? begin.key : from, to }
    let same: (FileRow | StrangeRow)[] = []
    let after = begin === null || isWithin ? { key: '', version: '' } : { key: begin.key, version: LAST }
    for (;;) {
      const page = rows.page(source.id, range, after, PAGE)
      for (const row of page) {
        if (!isAt(row, origin.path)) continue
        if (same[0] !== undefined && same[0].key !== row.key) {
          yield same
          same = []
        }
        same.push(row)
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) break
      after = last
    }
    if (same.length > 0) yield same
  }
}

/** Compares by age, oldest first; the current version is the newest. */
function oldestFirst(one: Age, other: Age): number {
  if ((one.version === '') !== (other.version === '')) return one.version === '' ? 1 : -1
  return (one.replacedClockMs ?? 0) - (other.replacedClockMs ?? 0) || one.version.localeCompare(other.version)
}

/** Yields the selected rows. @param isList selects all versions if neither a time nor a version is given. */
export function* select(
  rows: Rows,
  origin: Origin,
  wanted: Wanted,
  isList: boolean,
  after: After | null = null,
): Generator<Selected> {
  const now = Date.now()
  const sources = rows.sources()
  const first = sources.findIndex(({ id }) => id === after?.source)
  for (const source of sources.slice(Math.max(0, first))) {
    if (origin.sender !== null && source.folder !== origin.sender) continue
    if (origin.source !== null && source.directory !== origin.source) continue
    const begin = source.id === after?.source ? after : null
    for (const same of paths(rows, source, origin, begin)) {
      const told = same[0]?.key === begin?.key ? (begin?.content ?? null) : null
      for (const row of same) if (!isFileRow(row) && told === null) yield { is: 'strange', source, row }
      const contents = same.filter(isFileRow).sort(oldestFirst)
      for (const row of selectVersions(contents, wanted, isList, now))
        if (told === null || oldestFirst(row, told) > 0) yield { is: 'file', source, row }
    }
  }
}

/** The common location below the store's root of all requested files. */
interface Origin {
  sender: string | null
  source: string | null
  /** Without a trailing slash; null: the whole source. */
  path: string | null
}

/**
 * Resolves the folder and the path of a request.
 * @param sender requests its own folder, by the names of its sources; null: the whole store, by "<sender>/<source>".
 * @returns null if such names cannot exist in a store.
 */
export function parseOrigin(
  sender: string | null,
  folder: string | null,
  path: string | null,
): Origin | null {
  const names = [...(sender === null ? [] : [sender]), ...(folder?.split('/') ?? [])]
  const isFolder = names.length <= 2 && (folder === null || findNameFault(folder) === null)
  const isPath = path === null || (names.length === 2 && findNameFault(path) === null)
  const [of = null, source = null] = names
  return isFolder && isPath ? { sender: of, source, path } : null
}

/** Returns a source's name in requests. @param sender see `parseOrigin`. */
export const getFolderName = (sender: string | null, { folder, directory }: SourceRow): string =>
  sender === null ? `${folder}/${directory}` : directory

/** Returns the source of a location; null: there is none. */
export function findSource(sources: readonly SourceRow[], origin: Origin | null): SourceRow | null {
  const isIt = ({ folder, directory }: SourceRow) => folder === origin?.sender && directory === origin.source
  return sources.find(isIt) ?? null
}

/** Selects versions of a path. */
interface Wanted {
  /** Milliseconds since 1970. */
  at: number | null
  /** The name of one older version. */
  version: string | null
  /** Includes the names of files before they were renamed at the source. */
  oldNames: boolean
}

/**
 * Returns the selected versions of a path. Pure.
 * @param contents oldest first; the current version, if there is one, is the last.
 * @param now milliseconds since 1970. For a time in the future the newest version is selected, whatever its `storedAt`.
 */
function selectVersions(
  contents: readonly FileRow[],
  { at, version, oldNames }: Wanted,
  isList: boolean,
  now: number,
): FileRow[] {
  if (version !== null) return contents.filter((one) => one.version === version)
  if (at !== null) {
    const isToCome = at >= now
    const then = isToCome ? contents.at(-1) : contents.findLast(({ storedAt }) => storedAt <= at)
    if (then === undefined) return []
    const isRenamed = then.goneAt !== null && then.goneAt <= at
    // The file has no current version: a directory took its place, or a file took the place of its directory.
    const isReplaced = then === contents.at(-1) && then.version !== ''
    const isGone = isReplaced && (isToCome || (then.replacedAt ?? 0) <= at)
    return isGone || (isRenamed && !oldNames) ? [] : [then]
  }
  if (isList) return [...contents]
  return contents.filter((one) => one.version === '' && (oldNames || one.goneAt === null))
}
