import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { defer } from '../../defer.ts'
import { READ_FILE } from '../../platform/fd.ts'
import type { FileMetadata } from '../../platform/file-metadata.ts'
import { openBeneathSync } from '../../platform/openat2.ts'
import { errorCode, isGone } from '../../platform/system-error.ts'
import type {
  ContentsQuestion as Asked,
  CountsQuestion,
  EntriesQuestion,
  RestoreEntry,
} from '../../protocol/frames.ts'
import { MAX_COUNTED } from '../../protocol/limits.ts'
import { findNameFault } from '../../protocol/names.ts'
import { toAllKeys } from '../file-system.ts'
import type { StoreLayout } from '../layout.ts'
import {
  type FileRow,
  getPlace,
  isFileRow,
  type Rows,
  rangeBelow,
  type SourceNames,
  type SourceRow,
  type StoredCount,
  type StrangeRow,
} from '../manifest/rows.ts'

// Lists and reads the files of a store, of one sender or of all. Lists come in pages, because the request may come from
// another computer.

/** Limits of one page: files, their approximate size in a message, and rows that are read. */
const PAGE_CONTENTS = 256
const PAGE_BYTES = 1024 * 1024
const PAGE_ROWS = 20_000
/** Approximate size of a file in a message, without its names and attributes, in bytes. */
const CONTENT_BYTES = 150
/** Rows per read: those of a page, and two more to detect its end. */
const ROWS_AT_ONCE = PAGE_CONTENTS + 2
const PAGE_ENTRIES = 500
/** Limits of the names of invalid rows in a page: their number, and the length of each. */
const STRANGE_NAMES = 100
const STRANGE_LENGTH = 200
/** Sorts after every version's name. */
const LAST = '\u{10FFFF}'
/** A source and a key, which has no NUL. After a NUL follows the last version that was listed under that key. */
const CURSOR = /^(\d{1,15}) ([^\0]*)(?:\0(\d{1,15}) (.*))?$/s

/** There is no such file: the caller lists again. */
export const MISSING = 'ENOENT'

/** The path is not a regular file, or has a symbolic link in it. */
export const NO_FILE = 'EINVAL'

/** Selects the files to list. */
export interface StoreContentsQuestion extends Asked {
  /** Includes the names of files before they were renamed at the source; not part of requests over the network. */
  oldNames?: boolean
}

/** A file of a store: the current version, or an older one. */
export interface StoredContent {
  folder: string
  path: string
  /** Empty: the current version. */
  version: string
  facts: FileMetadata
  /** null: unknown. */
  digest: Uint8Array | null
  /** Milliseconds since 1970. */
  storedAt: number
  /** When the source renamed it; null: it did not; left out: unknown. */
  renamedAt?: number | null
}

/** A directory with its metadata at the source. */
interface StoredDirectory {
  folder: string
  path: string
  facts: FileMetadata
}

export interface ContentsPage {
  contents: StoredContent[]
  /** Parent directories of the files. */
  directories: StoredDirectory[]
  /** Number of invalid rows, which are left out (see `StrangeRow`). */
  strange: number
  /** Names of some of them, for display; left out: not known. */
  strangeNames?: string[] | undefined
  next: string | null
}

/** Returns a page of files. Reads only the manifest. @param sender see `parseOrigin`. */
export function contentsPage(rows: Rows, sender: string | null, asked: StoreContentsQuestion): ContentsPage {
  const page: ContentsPage = { contents: [], directories: [], strange: 0, next: null }
  const { at, version, oldNames = false } = asked
  const origin = parseOrigin(sender, asked.folder, asked.path)
  if (origin === null) return page
  noteInvalidSources(page, rows, sender, asked, origin)
  const text = asked.text?.toLowerCase() ?? null
  const wanted = { at, version: version === '' ? null : version, oldNames }
  const newParents = createParents(rows)
  let bytes = 0
  let rowsRead = 0
  let last: After | null = null
  for (const one of select(rows, origin, wanted, asked.isList, parseCursor(asked.after))) {
    const { source, row } = one
    const isLong = bytes >= PAGE_BYTES
    const isFull = isLong || page.contents.length >= PAGE_CONTENTS || rowsRead >= PAGE_ROWS
    const isSame = last !== null && last.source === source.id && last.key === row.key
    // A page should end between two paths: if it ends within one, all its versions are read again for the next page.
    if (last !== null && (isSame ? isLong && last.content !== null : isFull)) {
      page.next = formatCursor(isSame ? last : { ...last, content: null })
      break
    }
    last = { source: source.id, key: row.key, content: one.is === 'file' ? one.row : null }
    rowsRead += 1
    if (one.is === 'strange') noteStrange(page, `${getFolderName(sender, source)}/${String(row.key)}`)
    else if (hasText(one, text)) {
      const { path, version, facts, digest, storedAt, goneAt: renamedAt } = one.row
      const folder = getFolderName(sender, source)
      const directories = newParents(source, folder, one.row)
      const of = { folder, path, version, facts, storedAt, renamedAt }
      page.contents.push({ ...of, digest: Uint8Array.from(digest) })
      page.directories.push(...directories)
      for (const entry of [{ path, facts }, ...directories]) bytes += estimateBytes(entry.path, entry.facts)
    }
  }
  return page
}

/** Notes the requested sources that the manifest cannot name, once: on the first page. */
function noteInvalidSources(
  page: ContentsPage,
  rows: Rows,
  sender: string | null,
  { after }: StoreContentsQuestion,
  origin: Origin,
): void {
  if (after !== null) return
  const requested = rows.invalidSources().filter((source) => isRequested(source, origin))
  for (const source of requested) noteStrange(page, `${getFolderName(sender, source)}/`)
}

function noteStrange(page: ContentsPage, name: string): void {
  page.strange += 1
  page.strangeNames ??= []
  if (page.strange <= STRANGE_NAMES) page.strangeNames.push(name.slice(0, STRANGE_LENGTH))
}

const hasText = ({ row }: Selected, text: string | null): boolean =>
  text === null || ('path' in row && row.path.toLowerCase().includes(text))

const parseCursor = (text: string | null): After | null => {
  const [, source, key, clock, version] = text?.match(CURSOR) ?? []
  if (source === undefined || key === undefined) return null
  const content = version === undefined ? null : { version, replacedClockMs: Number(clock) }
  return { source: Number(source), key, content }
}

const formatCursor = ({ source, key, content }: After): string =>
  content === null
    ? `${source} ${key}`
    : `${source} ${key}\0${content.replacedClockMs ?? 0} ${content.version}`

const estimateBytes = (path: string, { more }: FileMetadata): number =>
  Object.values(more?.attributes ?? {}).reduce(
    (sum, value) => sum + value.length + 300,
    CONTENT_BYTES + 3 * path.length,
  )

/** Finds the parent directories of the files of a page, each only once. */
function createParents(rows: Rows) {
  const known = new Set<string>()
  return ({ id }: SourceRow, folder: string, { path, key }: FileRow): StoredDirectory[] => {
    const found: StoredDirectory[] = []
    const parts = key.split('/')
    const names = path.split('/')
    for (let depth = 0; depth < parts.length; depth += 1) {
      const name = `${id} ${parts.slice(0, depth).join('/')}`
      if (known.has(name)) continue
      known.add(name)
      const facts = rows.directory(id, parts.slice(0, depth).join('/'))?.facts ?? null
      if (facts !== null) found.push({ folder, path: names.slice(0, depth).join('/'), facts })
    }
    return found
  }
}

/** A selected row; `strange`: an invalid row (see `StrangeRow`). */
type Selected = { source: SourceRow } & ({ is: 'file'; row: FileRow } | { is: 'strange'; row: StrangeRow })

/** Selects versions of a path. */
interface Wanted {
  /** Milliseconds since 1970. */
  at: number | null
  /** The name of one older version. */
  version: string | null
  /** Includes the names of files before they were renamed at the source. */
  oldNames: boolean
}

/** Where to continue: after all versions of a key, or after one of them. */
interface After {
  source: number
  key: string
  content: Age | null
}

/** The sort key of the versions of a path. */
type Age = Pick<FileRow, 'version' | 'replacedClockMs'>

/** Yields the selected rows. @param isList selects all versions if neither a time nor a version is given. */
function* select(
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
    if (!isRequested(source, origin)) continue
    const begin = source.id === after?.source ? after : null
    for (const same of rowsByPath(rows, source, origin, begin)) {
      const listed = same[0]?.key === begin?.key ? (begin?.content ?? null) : null
      const strange = listed === null ? same.filter((row) => !isFileRow(row)) : []
      for (const row of strange) yield { is: 'strange', source, row }
      const contents = same.filter(isFileRow).sort(oldestFirst)
      const selected = selectVersions(contents, wanted, isList, now)
      const left = listed === null ? selected : selected.filter((row) => oldestFirst(row, listed) > 0)
      for (const row of left) yield { is: 'file', source, row }
    }
  }
}

/** True if the location of a request includes a source. */
const isRequested = ({ folder, directory }: SourceNames, { sender, source }: Origin): boolean =>
  (sender === null || folder === sender) && (source === null || directory === source)

/** Yields the rows of each path together, in the order of the paths. Reads only the manifest. */
function* rowsByPath(
  rows: Rows,
  source: SourceRow,
  origin: Origin,
  begin: After | null,
): Generator<(FileRow | StrangeRow)[]> {
  const isWithin = begin !== null && begin.content !== null
  const after = begin === null || isWithin ? { key: '', version: '' } : { key: begin.key, version: LAST }
  for (const { from, to } of toKeyRanges(origin)) {
    const range = { from: isWithin && begin.key > from ? begin.key : from, to }
    let same: (FileRow | StrangeRow)[] = []
    for (const row of rowsInRange(rows, source, range, after)) {
      if (!isAt(row, origin.path)) continue
      if (same[0] !== undefined && same[0].key !== row.key) {
        yield same
        same = []
      }
      same.push(row)
    }
    if (same.length > 0) yield same
  }
}

/** Yields the rows of a range of keys that follow a row; reads a page of them at a time. */
function* rowsInRange(
  rows: Rows,
  { id }: SourceRow,
  range: { from: string; to: string },
  begin: { key: string; version: string },
): Generator<FileRow | StrangeRow> {
  let after = begin
  for (;;) {
    const page = rows.page(id, range, after, ROWS_AT_ONCE)
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < ROWS_AT_ONCE) return
    after = last
  }
}

/** Returns the ranges of keys for a path: the path as a file, and everything below it as a directory. */
function toKeyRanges({ path }: Origin): { from: string; to: string }[] {
  if (path === null) return [rangeBelow('')]
  // The first range contains only the path itself: U+0001 is the lowest character that can follow it.
  return toAllKeys(path).flatMap((key) => [{ from: key, to: `${key}\u0001` }, rangeBelow(key)])
}

/** True if a row is at a path or below it, and always for an invalid row, as its path is unknown. */
const isAt = (row: FileRow | StrangeRow, path: string | null): boolean =>
  path === null || !isFileRow(row) || `${row.path}/`.startsWith(`${path}/`)

/** Compares by age, oldest first; the current version is the newest. */
function oldestFirst(one: Age, other: Age): number {
  if ((one.version === '') !== (other.version === '')) return one.version === '' ? 1 : -1
  return (one.replacedClockMs ?? 0) - (other.replacedClockMs ?? 0) || one.version.localeCompare(other.version)
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

/** Contents are counted by periods of this length: time zones differ by multiples of it, so that no period is part of two hours. */
export const COUNTED_MS = 15 * 60_000

export interface CountsPage {
  counts: StoredCount[]
  next: string | null
}

/** Counts a page of the contents by the time of storing. Reads only the manifest. @param sender see `parseOrigin`. */
export function countsPage(
  rows: Rows,
  sender: string | null,
  { folder, path, after }: CountsQuestion,
): CountsPage {
  const origin = parseOrigin(sender, folder, path)
  if (origin === null) return { counts: [], next: null }
  const ranges = rows
    .sources()
    .filter((source) => isRequested(source, origin))
    .flatMap(({ id }) =>
      toKeyRanges(origin).map((range, index) => ({ ...range, id, name: `${id} ${index} ` })),
    )
  const at = after === null ? 0 : ranges.findIndex(({ name }) => after.startsWith(name))
  const one = ranges[at]
  if (one === undefined) return { counts: [], next: null }
  const [key = one.from, version = ''] = after?.slice(one.name.length).split('\0') ?? []
  const { counts, next } = rows.counts(one.id, { key, version }, one.to, COUNTED_MS, MAX_COUNTED)
  if (next !== null) return { counts, next: `${one.name}${next.key}\0${next.version}` }
  const following = ranges[at + 1]
  return { counts, next: following === undefined ? null : following.name + following.from }
}

export interface EntriesPage {
  entries: RestoreEntry[]
  next: string | null
}

/** @param sender see `parseOrigin`. */
export const listFolders = (rows: Rows, sender: string | null): string[] =>
  rows
    .sources()
    .filter(({ folder }) => sender === null || folder === sender)
    .map((source) => getFolderName(sender, source))

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

/** Returns the range of keys below a directory, for the first of its possible keys that has files. */
function findRange(rows: Rows, source: SourceRow, directory: string): { from: string; to: string } {
  const ranges = directory === '' ? [rangeBelow('')] : toAllKeys(directory).map(rangeBelow)
  return ranges.find((range) => rows.first(source.id, range) !== null) ?? rangeBelow(directory)
}

/** A part of a stored file. */
export interface Range {
  folder: string
  path: string
  version: string
  from: number
  bytes: number
}

/** The result of reading a range: fewer bytes than requested at the end of the file. `fault`: an error name, or ''. */
interface RangeRead {
  bytes: number
  fault: string
}

/** Ranges of files, one after the other in a single buffer. */
export interface RangesRead {
  reads: RangeRead[]
  bytes: Uint8Array<ArrayBuffer>
}

/** Ranges to read together, and the memory for their bytes. */
export interface RangesJob {
  ranges: readonly Range[]
  /** Has room for the bytes of all ranges. */
  memory: Uint8Array<ArrayBuffer>
}

/**
 * Reads ranges of files from the disk. Blocks. An error of one file is returned in its `fault`.
 * @param sender see `parseOrigin`.
 * @throws system errors if the store's root cannot be opened
 */
export function readRanges(
  { root, versions }: StoreLayout,
  rows: Rows,
  sender: string | null,
  { ranges, memory: bytes }: RangesJob,
): RangesRead {
  const base = openSync(root, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0))
  const sources = rows.sources()
  let at = 0
  const readOne = (range: Range): RangeRead => {
    const found = findRow(rows, sources, sender, range)
    if (found === null) return { bytes: 0, fault: MISSING }
    const fd = openBeneathSync(base, root, getPlace(found.source, found.row, versions).join('/'), READ_FILE)
    using _ = defer(() => closeSync(fd))
    if (!fstatSync(fd).isFile()) return { bytes: 0, fault: NO_FILE }
    const end = at + range.bytes
    const begin = at
    for (let some = 1; some > 0 && at < end; at += some)
      some = readSync(fd, bytes, at, end - at, range.from + at - begin)
    return { bytes: at - begin, fault: '' }
  }
  using _ = defer(() => closeSync(base))
  const reads = ranges.map((range) => {
    const begin = at
    try {
      return readOne(range)
    } catch (error) {
      at = begin
      return { bytes: 0, fault: toFault(error) }
    }
  })
  return { reads, bytes: bytes.subarray(0, at) }
}

function findRow(
  rows: Rows,
  sources: readonly SourceRow[],
  sender: string | null,
  { folder, path, version }: Range,
) {
  const source = findSource(sources, parseOrigin(sender, folder, path))
  if (source === null) return null
  const found = toAllKeys(path)
    .map((key) => rows.find(source.id, key, version))
    .find((row): row is FileRow => row !== null && isFileRow(row) && row.path === path)
  return found === undefined ? null : { source, row: found }
}

function toFault(error: unknown): string {
  const code = errorCode(error) ?? 'EIO'
  if (isGone(code)) return MISSING
  return code === 'ELOOP' || code === 'ENXIO' ? NO_FILE : code
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
const getFolderName = (sender: string | null, { folder, directory }: SourceNames): string =>
  sender === null ? `${folder}/${directory}` : directory

/** Returns the source of a location; null: there is none. */
export function findSource(sources: readonly SourceRow[], origin: Origin | null): SourceRow | null {
  const isIt = ({ folder, directory }: SourceRow) => folder === origin?.sender && directory === origin.source
  return sources.find(isIt) ?? null
}
