import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { unpack } from 'msgpackr'
import { z } from 'zod'
import { warnUnlessCode } from '../../dropped-errors.ts'
import { isDigest } from '../../platform/digest.ts'
import { type FileMetadata, MAX_FILE_BYTES } from '../../platform/file-metadata.ts'
import { decodeMetadata, isEncodedMetadata, isWhole } from '../../protocol/metadata-codec.ts'
import { findNameFault } from '../../protocol/names.ts'
import { isVersionName } from '../retention/retention.ts'

/** Time in milliseconds within which a running receiver writes the row of a file after naming it. */
export const ROW_FOLLOWS_MS = 1500

/**
 * Returns an expression for a column; null: its value is no integer that JavaScript represents. SQLite's driver throws for
 * such a value, and with it for all rows of a statement.
 */
const whole = (column: string, name = column): string =>
  `iif(typeof(${column}) = 'integer' AND abs(${column} / 2) <= ${2 ** 51}, ${column}, NULL) AS ${name}`

const FACTS = `${['mtime_s', 'mtime_ns', 'mode', 'uid', 'gid'].map((column) => whole(column)).join(', ')}, more`

const COLUMNS = `source, key, version, ${whole('depth')}, coalesce(path, key) AS path, ${whole('size')}, ${FACTS},
  digest, ${whole('stored_at', 'storedAt')}, ${whole('replaced_at', 'replacedAt')},
  ${whole('replaced_clock_ms', 'replacedClockMs')}, ${whole('gone_at', 'goneAt')}, ${whole('pinned', 'isPinned')}`

const sourceSchema = z.object({
  id: z.number(),
  /** The sender's folder. */
  folder: z.string(),
  directory: z.string(),
})

/** A directory of a sender's folder, with the files of one of its sources. */
export type SourceRow = z.infer<typeof sourceSchema>

/** A source's names, for display: they may be impossible. */
export type SourceNames = Pick<SourceRow, 'folder' | 'directory'>

/** A stored file: the current version, or an older one. */
export interface FileRow {
  source: number
  key: string
  /** As it was sent, relative to the source, with "/". */
  path: string
  /** Empty: the current version. */
  version: string
  /** Number of path components above the version's name. */
  depth: number
  facts: FileMetadata
  digest: Buffer
  storedAt: number
  replacedAt: number | null
  replacedClockMs: number | null
  goneAt: number | null
  isPinned: boolean
}

/**
 * A row that Holdfast cannot have written: its path could lead out of the store, or a value is none. It is never used.
 * Key and version, as they are, only tell it from other rows.
 */
export interface StrangeRow {
  source: number
  key: string
  version: string
}

interface DirectoryRow {
  path: string
  /** null: its sender has not sent them, or they cannot be read. */
  facts: FileMetadata | null
}

const totalsSchema = z.object({
  folder: z.string(),
  /** Files, older versions included. */
  files: z.number(),
  bytes: z.number(),
  /** Names on the disk: files, older versions, directories. */
  names: z.number(),
  /** The position of the last change, and the session that made it. */
  position: z.number(),
  session: z.string().nullable(),
})

/** Totals of a sender's folder. */
export type SenderTotals = Omit<z.infer<typeof totalsSchema>, 'folder'>

/** A row's place in a source, by which rows are ordered. */
type RowPlace = Pick<FileRow, 'key' | 'version'>

/** Number of contents that were stored in a period, and when the last of them was. */
export type StoredCount = [files: number, lastAt: number]

/** Read access to a manifest; another thread or process may write to it at the same time. */
export type Rows = ReturnType<typeof openRows>

export function openRows(database: DatabaseSyncInstance) {
  const all = `SELECT ${COLUMNS} FROM file WHERE`
  const findOne = database.prepare(`${all} source = ? AND key = ? AND version = ?`)
  const listVersions = database.prepare(
    `${all} source = ? AND key = ? AND version <> '' ORDER BY replaced_clock_ms, version`,
  )
  const listPage = database.prepare(
    `${all} source = ?1 AND key >= ?2 AND key < ?3 AND (key, version) > (?4, ?5)
     ORDER BY key, version LIMIT ?6`,
  )
  const findFirst = database.prepare(
    `${all} source = ? AND key >= ? AND key < ? AND version = '' AND gone_at IS NULL ORDER BY key LIMIT 1`,
  )
  const allSources = database.prepare(
    `SELECT ${whole('id')}, folder, directory FROM source ORDER BY folder, directory`,
  )
  const findDirectory = database.prepare(
    `SELECT path, ${FACTS} FROM directory
     WHERE source = ? AND path = ? AND version = ''`,
  )
  const findAfter = database.prepare(
    `SELECT key, version FROM file WHERE source = ? AND (key, version) >= (?, ?) AND key < ?
     ORDER BY key, version LIMIT 1 OFFSET ?`,
  )
  const countStored = database.prepare(
    `SELECT count(*) AS files, ${whole('max(stored_at)', 'lastAt')} FROM file
     WHERE source = ? AND (key, version) >= (?, ?) AND (key, version) < (?, ?)
     GROUP BY stored_at / CAST(? AS INTEGER)`,
  )
  const places = database.prepare('SELECT places FROM round')
  const epoch = database.prepare('SELECT epoch FROM store')

  const names = (row: Record<string, unknown>): SourceNames => ({
    folder: String(row.folder),
    directory: String(row.directory),
  })

  return {
    epoch: (epoch.get() as { epoch: string }).epoch,
    /** Sources whose names Holdfast can have written. */
    sources: () => allSources.all().flatMap((row) => parseSource(row) ?? []),
    /** The other sources, whose files are left out. */
    invalidSources: () => allSources.all().flatMap((row) => (parseSource(row) === null ? [names(row)] : [])),
    find(source: number, key: string, version: string): FileRow | StrangeRow | null {
      const raw = findOne.get(source, key, version) as RawFile | undefined
      return raw === undefined ? null : parseRow(raw)
    },
    /** Returns the older versions of a path, oldest first. */
    versions: (source: number, key: string) => (listVersions.all(source, key) as RawFile[]).map(parseRow),
    /**
     * Returns a page of a source's rows with a key from `from` (inclusive) to `to` (exclusive), after the given row.
     */
    page: (
      source: number,
      { from, to }: { from: string; to: string },
      { key, version }: RowPlace,
      limit: number,
    ) => (listPage.all(source, from, to, key, version, limit) as RawFile[]).map(parseRow),
    /** Returns the first current file with a key from `from` (inclusive) to `to` (exclusive) that was not renamed. */
    first(source: number, { from, to }: { from: string; to: string }): FileRow | StrangeRow | null {
      const raw = findFirst.get(source, from, to) as RawFile | undefined
      return raw === undefined ? null : parseRow(raw)
    },
    /**
     * Counts the rows from `from` (inclusive) to the key `to` (exclusive) by the period of their storing, at most as many
     * as the limit. `next`: the row to continue from; null: all are counted.
     */
    counts(source: number, from: RowPlace, to: string, periodMs: number, limit: number) {
      const next = findAfter.get(source, from.key, from.version, to, limit) as RowPlace | undefined
      const end = next ?? { key: to, version: '' }
      const range = [from.key, from.version, end.key, end.version]
      const counts = countStored.all(source, ...range, periodMs) as { files: number; lastAt: number | null }[]
      return {
        counts: counts.flatMap(({ files, lastAt }): StoredCount[] =>
          lastAt === null ? [] : [[files, lastAt]],
        ),
        next: next ?? null,
      }
    },
    directory(source: number, path: string): DirectoryRow | null {
      const raw = findDirectory.get(source, path) as (RawMetadata & { path: string }) | undefined
      return raw === undefined ? null : { path, facts: raw.mode === null ? null : parseFacts(raw, 0) }
    },
    /** True if an open round may be moving the file or directory at a path. */
    isMoving(source: number, path: string) {
      const found = places.get() as { places: string } | undefined
      if (found === undefined) return false
      // A file may replace a directory, and the reverse.
      return (JSON.parse(found.places) as [number, string][]).some(
        ([of, place]) =>
          of === source && (`${place}/`.startsWith(`${path}/`) || path.startsWith(`${place}/`)),
      )
    },
    totals: () => allTotals(database),
  }
}

type RawMetadata = Record<'mtime_s' | 'mtime_ns' | 'mode' | 'uid' | 'gid', number | null> & {
  more: Uint8Array | null
}

type RawFile = RawMetadata &
  Omit<FileRow, 'facts' | 'digest' | 'isPinned'> & {
    size: number
    digest: Uint8Array
    isPinned: number
  }

function parseSource(raw: unknown): SourceRow | null {
  const { data = null } = sourceSchema.safeParse(raw)
  const isName = (name: string) => findNameFault(name) === null && !name.includes('/')
  return data !== null && isName(data.folder) && isName(data.directory) ? data : null
}

/** Validates a row. The manifest is not trusted: write access to it must not give access to files outside the store. */
function parseRow(raw: RawFile): FileRow | StrangeRow {
  const { mtime_s, mtime_ns, mode, uid, gid, more, size, ...row } = raw
  const { source, key, path, version, depth } = row
  const facts = parseFacts({ mtime_s, mtime_ns, mode, uid, gid, more }, size)
  const isSize = isWhole(size, 0, MAX_FILE_BYTES)
  const isPlace =
    [path, key, version].every((one) => typeof one === 'string') &&
    [path, key].every((one) => findNameFault(one) === null)
  if (!isPlace || !isSize || facts === null || row.storedAt === null || !isDigest(row.digest))
    return { source, key, version }
  const isVersion =
    version === '' || (isVersionName(version) && depth >= 1 && depth <= path.split('/').length)
  if (!isVersion) return { source, key, version }
  return { ...row, facts, digest: Buffer.from(row.digest), isPinned: row.isPinned !== 0 }
}

function parseFacts(
  { mtime_s, mtime_ns, mode, uid, gid, more }: RawMetadata,
  size: number,
): FileMetadata | null {
  try {
    const words: unknown = [mtime_s, mtime_ns, mode, uid, gid, more === null ? null : unpack(more)]
    return isEncodedMetadata(words) ? decodeMetadata(words, size) : null
  } catch (error) {
    return warnUnlessCode(error, [], 'the facts of a row of the manifest cannot be read', null)
  }
}

function allTotals(database: DatabaseSyncInstance) {
  const columns = ['files', 'bytes', 'names', 'position'].map((column) => whole(column)).join(', ')
  const rows = database.prepare(`SELECT folder, ${columns}, session FROM sender ORDER BY folder`).all()
  return rows.flatMap((row): [folder: string, totals: SenderTotals][] => {
    const { data } = totalsSchema.safeParse(row)
    if (data === undefined) return []
    const { folder, ...totals } = data
    return [[folder, totals]]
  })
}

export const isFileRow = (row: FileRow | StrangeRow): row is FileRow => 'facts' in row

/** Returns the path of a stored file, as components below the store's root. */
export function getPlace(
  { folder, directory }: Pick<SourceRow, 'folder' | 'directory'>,
  { path, version, depth }: Pick<FileRow, 'path' | 'version' | 'depth'>,
  versions: readonly string[],
): string[] {
  const parts = path.split('/')
  if (version === '') return [folder, directory, ...parts]
  return [...versions, folder, directory, ...parts.slice(0, depth), version, ...parts.slice(depth)]
}

/** Returns the range of keys below a directory of a source ('': the source itself), for `page`. */
export function rangeBelow(directory: string): { from: string; to: string } {
  // "0" is the character after "/".
  return directory === '' ? { from: '', to: '\u{10FFFF}' } : { from: `${directory}/`, to: `${directory}0` }
}

/** The totals that a transaction changes. */
export type OpenTotals = ReturnType<ReturnType<typeof prepareTotals>>

/** @param getFolder the folder of a source. */
export function prepareTotals(database: DatabaseSyncInstance, getFolder: (source: number) => string) {
  const find = database.prepare('SELECT * FROM sender WHERE folder = ?')
  const put = database.prepare(
    'INSERT OR REPLACE INTO sender (folder, files, bytes, names, position, session) VALUES (?, ?, ?, ?, ?, ?)',
  )

  const readTotals = (folder: string): SenderTotals => {
    const row = find.get(folder)
    if (row === undefined) return { files: 0, bytes: 0, names: 0, position: 0, session: null }
    const { folder: _, ...totals } = totalsSchema.parse(row)
    return totals
  }

  return () => {
    const changed = new Map<string, SenderTotals>()
    const ofFolder = (folder: string): SenderTotals => {
      const totals = changed.get(folder) ?? readTotals(folder)
      changed.set(folder, totals)
      return totals
    }
    return {
      ofFolder,
      /** Returns the totals of a source's folder, by the source's id. */
      of: (source: number) => ofFolder(getFolder(source)),
      /** Writes the totals; called at the end of the transaction. @returns the changed totals by folder. */
      write() {
        for (const [folder, { files, bytes, names, position, session }] of changed)
          put.run(folder, files, bytes, names, position, session)
        return changed
      },
    }
  }
}
