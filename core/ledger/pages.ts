import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { PageQuery } from './contract.ts'
import {
  BEFORE,
  NEWEST,
  NO_TIME,
  openValues,
  parseReason,
  REMOVAL,
  STATE,
  TOTAL,
  toPathRange,
  toPlaceParams,
} from './database.ts'
import { type NewestFile, newestKey } from './enqueue.ts'
import { fileStates, type LedgerFile, type PathRow, type Totals } from './ledger-messages.ts'

export interface SentFile {
  path: string
  size: number
  /** null: it was sent by a version of Holdfast that recorded none. */
  digest: Uint8Array | null
  /** Milliseconds since 1970. */
  sentAt: number
  /** The modification time with which the content was sent, in nanoseconds since 1970, as text; null: unknown. */
  sentNs: string | null
}

type FileRow = Pick<LedgerFile, 'id' | 'path' | 'size' | 'attempts' | 'sentAt' | 'removedAt'> & {
  modifiedMs: number | null
  isDeleted: 0 | 1
  reason: string | null
  dueAt: number
}

interface Found {
  /** The stored number. */
  state: number
  since: number | null
}

// A file that waits to be sent again has a digest: until then the destination should have that content. If a file
// without a digest was changed, and disappeared before it was sent again, the sent content is unknown.
const HAS_IT = `(digest IS NOT NULL OR state = ${STATE.sent} AND stored_ns IS NULL AND mtime_ns <> ${NO_TIME})`

const SENT_NS = `CAST(nullif(coalesce(stored_ns, mtime_ns), ${NO_TIME}) AS TEXT)`

const COLUMNS = `id, path, size, nullif(mtime_ns, ${NO_TIME}) / 1000000.0 AS modifiedMs, attempts, sent_at AS sentAt,
  iif(removal = ${REMOVAL.removed}, removed_at, NULL) AS removedAt, removal = ${REMOVAL.absent} AS isDeleted, reason,
  due_at AS dueAt`

/** Limit of the newest files of each source and state that a search reads, so that it stays short. */
const SEARCHED = 5_000
/** Limit of the files below a directory that are counted. */
const SUMMED = 100_000

function toFile(
  { modifiedMs, isDeleted, reason, dueAt: _, ...row }: FileRow,
  { source, destination }: Pick<LedgerFile, 'source' | 'destination'>,
  state: LedgerFile['state'],
): LedgerFile {
  return {
    ...row,
    ...(isDeleted === 1 ? { isDeleted: true } : {}),
    ...{ source, destination, state },
    modifiedAt: modifiedMs === null ? null : Math.round(modifiedMs),
    reason: parseReason(reason),
  }
}

/** Queries of the ledger for the window. */
export function openPages(database: DatabaseSyncInstance) {
  const selectRoutes = database.prepare(
    `SELECT id, source, destination FROM route
     WHERE destination IN (SELECT value FROM json_each(?1)) AND source = coalesce(?2, source)`,
  )
  const findRoutes = (destinations: readonly string[], source: string | null) =>
    selectRoutes.all(JSON.stringify(destinations), source) as {
      id: number
      source: string
      destination: string
    }[]
  const sum = (name: keyof typeof TOTAL, what: 'files' | 'bytes') =>
    `sum(${what}) FILTER (WHERE state = ${TOTAL[name]}) AS ${name}${what === 'files' ? 'Files' : 'Bytes'}`
  const both = (name: keyof typeof TOTAL) => `${sum(name, 'files')}, ${sum(name, 'bytes')}`
  const selectTotals = database.prepare(
    `SELECT source, ${both('waiting')}, ${both('sent')}, ${sum('parked', 'files')}, ${both('removed')}, ${both('deleted')}
     FROM route JOIN total ON total.route = route.id WHERE destination = ? GROUP BY route.id`,
  )
  // Each (route, state) is an index range; the rows of several ranges are merged below.
  const newest = `SELECT ${COLUMNS}
     FROM file INDEXED BY file_state WHERE route = ? AND state = ? AND ${BEFORE} ORDER BY due_at DESC, id DESC`
  const page = database.prepare(`${newest} LIMIT ?`)
  const search = database.prepare(
    `SELECT * FROM (${newest} LIMIT ${SEARCHED}) WHERE instr(lower(path), lower(?)) > 0 LIMIT ?`,
  )

  const one = database.prepare(
    `SELECT ${COLUMNS}, state, coalesce(first_at, sent_at) AS since FROM file INDEXED BY file_path
     WHERE route = ? AND path = ?`,
  )
  const below = database.prepare(
    `SELECT coalesce(sum(${HAS_IT} AND removal >= ${REMOVAL.removed}), 0) AS files
     FROM (SELECT * FROM file INDEXED BY file_path WHERE route = ? AND path > ? AND path < ? LIMIT ${SUMMED})`,
  )

  const { get } = openValues(database)
  const selectLast = database.prepare(
    `SELECT path, min(ctime_ns / 1000000, sent_at) AS at FROM file INDEXED BY file_state
     WHERE route = ? AND state = ${STATE.sent} AND sent_at IS NOT NULL ORDER BY due_at DESC, id DESC LIMIT 1`,
  )

  return {
    /**
     * Returns the newest file of each source with this destination, by source id, whether it was sent or not. A ledger of
     * an earlier version has recorded none: there it is the one that was sent last.
     */
    newestFiles(destination: string): Record<string, NewestFile> {
      const routes = selectRoutes.all(JSON.stringify([destination]), null) as { id: number; source: string }[]
      const found = routes.flatMap(({ id, source }) => {
        const newest = get<NewestFile>(newestKey(source)) ?? (selectLast.get(id) as NewestFile | undefined)
        return newest === undefined ? [] : [[source, newest] as const]
      })
      return Object.fromEntries(found)
    },

    /** Returns the totals by source id. */
    totals(destination: string) {
      const rows = selectTotals.all(destination) as (Totals & { source: string })[]
      return Object.fromEntries(rows.map(({ source, ...totals }) => [source, totals]))
    },

    /** Returns the rows of one path, at most one for each destination. */
    rowsOf(destinations: readonly string[], source: string, path: string): PathRow[] {
      return findRoutes(destinations, source).flatMap((route) => {
        const row = one.get(route.id, path) as (FileRow & Found) | undefined
        if (row === undefined) return []
        const { state, since, ...file } = row
        return [{ ...toFile(file, route, fileStates[state] ?? 'waiting'), since }]
      })
    },

    /** Counts the files below a directory that are gone here, at the destination that has most of them; null: none. */
    countGone(destinations: readonly string[], source: string, directory: string) {
      const counts = findRoutes(destinations, source).map(({ id, destination }) => {
        const { files } = below.get(id, ...toPathRange(directory)) as { files: number }
        return { destination, files }
      })
      const [most] = counts.sort((a, b) => b.files - a.files)
      return most === undefined || most.files === 0 ? null : most
    },

    /**
     * Returns a page, newest row first, by the times of `due_at`. `older`: the place behind the page; null: it is the
     * last one.
     */
    files(destinations: readonly string[], { source, state, before, limit, text = '' }: PageQuery) {
      const readRows = (route: number, name: LedgerFile['state']) => {
        const range = [route, STATE[name], ...toPlaceParams(before ?? NEWEST)] as const
        const rows = text === '' ? page.all(...range, limit + 1) : search.all(...range, text, limit + 1)
        return rows as FileRow[]
      }
      const found = findRoutes(destinations, source).flatMap((route) =>
        (state === null ? fileStates : [state]).flatMap((name) =>
          readRows(route.id, name).map((row) => ({
            file: toFile(row, route, name),
            place: { at: row.dueAt, id: row.id },
          })),
        ),
      )
      found.sort(({ place: a }, { place: b }) => b.at - a.at || b.id - a.id)
      const older = found.length > limit ? found[limit - 1]?.place : null
      return { files: found.slice(0, limit).map(({ file }) => file), older: older ?? null }
    },
  }
}

/** Queries of the sent files of each source, which the destination must have. */
export function openSentFiles(database: DatabaseSyncInstance) {
  const sentWith = (which: string) =>
    database.prepare(
      `SELECT path, size, digest, sent_at AS sentAt, ${SENT_NS} AS sentNs FROM file JOIN route ON route.id = file.route
       WHERE destination = ? AND source = ? AND ${HAS_IT} AND ${which}`,
    )
  const sent = sentWith('path > ? ORDER BY path LIMIT ?')
  const sentOne = sentWith('path = ?')
  const sentSums = database.prepare(
    `SELECT source, count(*) AS files, sum(size) AS bytes FROM file JOIN route ON route.id = file.route
     WHERE destination = ? AND ${HAS_IT} GROUP BY source ORDER BY source`,
  )
  // Both use the index of the paths: reading all files for each missing one would take for ever.
  const laterAt = (which: string) =>
    `SELECT 1 FROM route CROSS JOIN file INDEXED BY file_path ON file.route = route.id
     WHERE destination = ?1 AND source = ?2 AND sent_at > ?3 AND ${which}`
  const later = database.prepare(
    `${laterAt('path > ?4 AND path < ?5')} UNION ALL
     ${laterAt('path IN (SELECT value FROM json_each(?6))')} LIMIT 1`,
  )

  return {
    /** Returns null if it is not sent. */
    sentFile: (destination: string, source: string, path: string) =>
      (sentOne.get(destination, source, path) as SentFile | undefined) ?? null,

    /** Returns the sent files of a source, in the order of their paths, after `after` ('' at first). */
    sentFiles: (destination: string, source: string, after: string, limit: number) =>
      sent.all(destination, source, after, limit) as SentFile[],

    /** Returns the totals of `sentFiles` for each source. */
    sentSums: (destination: string) =>
      sentSums.all(destination) as { source: string; files: number; bytes: number }[],

    /**
     * True if a later sent file has replaced this one: a file below its path, or one in place of a directory above it.
     */
    isReplaced(destination: string, source: string, { path, sentAt }: Omit<SentFile, 'sentNs'>) {
      const parts = path.split('/')
      const above = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
      const where = [...toPathRange(path), JSON.stringify(above)] as const
      return later.get(destination, source, sentAt, ...where) !== undefined
    },
  }
}
