import type { FileMetadata } from '../../platform/facts.ts'
import type { ContentsQuestion as Asked } from '../../protocol/restore-entries.ts'
import type { FileRow, Rows, SourceRow } from '../manifest/rows.ts'
import { type After, getFolderName, parseOrigin, type Selected, select } from './select.ts'

// Lists the files of a store, of one sender or of all, in pages, as the request may come from another computer.

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
  next: string | null
}

/** Limits of one page: files, their approximate size in a message, and rows that are read. */
const PAGE_CONTENTS = 256
const PAGE_BYTES = 1024 * 1024
const PAGE_ROWS = 20_000
/** Approximate size of a file in a message, without its names and attributes, in bytes. */
const CONTENT_BYTES = 150

/** A source and a key, which has no NUL. After a NUL follows the last version that was listed under that key. */
const CURSOR = /^(\d{1,15}) ([^\0]*)(?:\0(\d{1,15}) (.*))?$/s

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
function createWays(rows: Rows) {
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

const hasText = ({ row }: Selected, text: string | null): boolean =>
  text === null || ('path' in row && row.path.toLowerCase().includes(text))

/** Returns a page of files. Reads only the manifest. @param sender see `parseOrigin`. */
export function contentsPage(rows: Rows, sender: string | null, asked: StoreContentsQuestion): ContentsPage {
  const page: ContentsPage = { contents: [], directories: [], strange: 0, next: null }
  const { at, version, oldNames = false } = asked
  const origin = parseOrigin(sender, asked.folder, asked.path)
  if (origin === null) return page
  const text = asked.text?.toLowerCase() ?? null
  const wanted = { at, version: version === '' ? null : version, oldNames }
  const waysTo = createWays(rows)
  let bytes = 0
  let looked = 0
  let last: After | null = null
  for (const one of select(rows, origin, wanted, asked.isList, parseCursor(asked.after))) {
    const { source, row } = one
    const isLong = bytes >= PAGE_BYTES
    const isFull = isLong || page.contents.length >= PAGE_CONTENTS || looked >= PAGE_ROWS
    const isSame = last !== null && last.source === source.id && last.key === row.key
    // A page should end between two paths: if it ends within one, all its versions are read again for the next page.
    if (last !== null && (isSame ? isLong && last.content !== null : isFull)) {
      page.next = formatCursor(isSame ? last : { ...last, content: null })
      break
    }
    last = { source: source.id, key: row.key, content: one.is === 'file' ? one.row : null }
    looked += 1
    if (one.is === 'strange') page.strange += 1
    else if (hasText(one, text)) {
      const { path, version, facts, digest, storedAt, goneAt: renamedAt } = one.row
      const folder = getFolderName(sender, source)
      const directories = waysTo(source, folder, one.row)
      const of = { folder, path, version, facts, storedAt, renamedAt }
      page.contents.push({ ...of, digest: Uint8Array.from(digest) })
      page.directories.push(...directories)
      for (const told of [{ path, facts }, ...directories]) bytes += estimateBytes(told.path, told.facts)
    }
  }
  return page
}
