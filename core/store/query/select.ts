import { nameFault } from '../../protocol/names.ts'
import { keysOf } from '../file-system.ts'
import {
  type FileRow,
  isFileRow,
  type Rows,
  rangeBelow,
  type SourceRow,
  type StrangeRow,
} from '../manifest/rows.ts'

/** Rows that are read at a time: those of one page of contents (contents.ts), and two behind it that tell its end. */
const PAGE = 258

/** One content that is wanted; `strange`: a row that no Holdfast has written. */
export type Selected = { source: SourceRow } & (
  | { is: 'file'; row: FileRow }
  | { is: 'strange'; row: StrangeRow }
)

/** Keys of a source that are wanted: of one file, or all below a directory, whichever there is. */
function rangesOf({ path }: Origin): { from: string; to: string }[] {
  if (path === null) return [rangeBelow('')]
  // The path itself: no other key is between it and itself with the least letter behind it.
  return keysOf(path).flatMap((key) => [{ from: key, to: `${key}\u0001` }, rangeBelow(key)])
}

/** Whether a row is at a path, or below it; of one that nobody of this program has written nobody knows. */
const isAt = (row: FileRow | StrangeRow, path: string | null): boolean =>
  path === null || !isFileRow(row) || `${row.path}/`.startsWith(`${path}/`)

/** Where to go on: behind all contents that have a key, or behind one of them. */
export interface After {
  source: number
  key: string
  content: Age | null
}

/** What contents of one path are ordered by. */
export type Age = Pick<FileRow, 'version' | 'replacedClockMs'>

/** Later than any version's name. */
const LAST = '\u{10FFFF}'

/** All rows of one path after the other, in the order of the paths. Nothing of the disk is looked at. */
function* paths(
  rows: Rows,
  source: SourceRow,
  origin: Origin,
  begin: After | null,
): Generator<(FileRow | StrangeRow)[]> {
  const isWithin = begin !== null && begin.content !== null
  for (const { from, to } of rangesOf(origin)) {
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

/** By age; what is in its place is the newest. */
function oldestFirst(one: Age, other: Age): number {
  if ((one.version === '') !== (other.version === '')) return one.version === '' ? 1 : -1
  return (one.replacedClockMs ?? 0) - (other.replacedClockMs ?? 0) || one.version.localeCompare(other.version)
}

/** @param isList all contents, if neither a time nor a version is given. */
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
      for (const row of wantedOf(contents, wanted, isList, now))
        if (told === null || oldestFirst(row, told) > 0) yield { is: 'file', source, row }
    }
  }
}

/** Names below the store's root that all that is asked for has. */
interface Origin {
  sender: string | null
  source: string | null
  /** Without a slash at its end; null: the whole source. */
  path: string | null
}

/**
 * @param sender its own folder is asked for, by the names of its sources; null: the store is, by "<sender>/<source>".
 * @returns null: nothing in a store has such names.
 */
export function originOf(sender: string | null, folder: string | null, path: string | null): Origin | null {
  const names = [...(sender === null ? [] : [sender]), ...(folder?.split('/') ?? [])]
  const isFolder = names.length <= 2 && (folder === null || nameFault(folder) === null)
  const isPath = path === null || (names.length === 2 && nameFault(path) === null)
  const [of = null, source = null] = names
  return isFolder && isPath ? { sender: of, source, path } : null
}

/** What a source is called by whoever asks. @param sender see `originOf`. */
export const folderOf = (sender: string | null, { folder, directory }: SourceRow): string =>
  sender === null ? `${folder}/${directory}` : directory

/** The source that something is in. */
export function sourceOf(sources: readonly SourceRow[], origin: Origin | null): SourceRow | null {
  const isIt = ({ folder, directory }: SourceRow) => folder === origin?.sender && directory === origin.source
  return sources.find(isIt) ?? null
}

/** Which of the contents that a path has had are wanted. */
interface Wanted {
  /** Milliseconds since 1970. */
  at: number | null
  /** The name of one older version. */
  version: string | null
  /** Also under names that files had before they were renamed at the source. */
  oldNames: boolean
}

/**
 * Which of the contents that one path has had are wanted. Pure.
 * @param contents oldest first; what is in its place, if there is anything, is the last one.
 * @param now milliseconds since 1970: of a time to come it is what is in its place, whenever it says that it came.
 */
function wantedOf(
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
    // By nothing of its own name: a directory had to be there, or a file where its directory was.
    const isReplaced = then === contents.at(-1) && then.version !== ''
    const isGone = isReplaced && (isToCome || (then.replacedAt ?? 0) <= at)
    return isGone || (isRenamed && !oldNames) ? [] : [then]
  }
  if (isList) return [...contents]
  return contents.filter((one) => one.version === '' && (oldNames || one.goneAt === null))
}
