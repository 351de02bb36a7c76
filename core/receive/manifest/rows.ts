import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { digestBytes, digestText } from '../../files/digest.ts'
import type { StoreLayout } from '../layout.ts'
import { isVersionName } from '../versions/name.ts'
import type { Change, StoredFile } from './notes.ts'

/** A stored content; `version` is empty for what is in its place. */
export interface ManifestRow extends StoredFile {
  version: string
  depth: number
}

/** Where a row is in the order of the manifest. */
export type RowKey = Pick<ManifestRow, 'folder' | 'path' | 'version'>

export interface Totals {
  files: number
  bytes: number
}

interface RawRow {
  folder: string
  path: string
  version: string
  depth: number
  size: number
  mtime_ms: number
  mode: number
  digest: Uint8Array
  stored_at: number
}

const fromRaw = (raw: RawRow): ManifestRow => ({
  folder: raw.folder,
  path: raw.path,
  version: raw.version,
  depth: raw.depth,
  size: raw.size,
  mtimeMs: raw.mtime_ms,
  mode: raw.mode,
  digest: digestText(raw.digest),
  storedAt: raw.stored_at,
})

/** Where a content is below the store's root, as components. */
export function placeOf(layout: Pick<StoreLayout, 'versions'>, row: RowKey & { depth: number }): string[] {
  const parts = row.path.split('/')
  if (row.version === '') return [row.folder, ...parts]
  return [
    ...layout.versions,
    row.folder,
    ...parts.slice(0, row.depth),
    row.version,
    ...parts.slice(row.depth),
  ]
}

/**
 * The rows that may describe what is at this place in the tree of versions, as components below a sender's folder:
 * a name that looks like a version's may also be the name that a file has.
 */
export function versionsAt(parts: readonly string[]): { path: string; version: string; depth: number }[] {
  return parts.flatMap((version, depth) =>
    depth > 0 && isVersionName(version)
      ? [{ path: parts.filter((_, index) => index !== depth).join('/'), version, depth }]
      : [],
  )
}

/** Statements on a manifest, prepared once. */
export function openRows(database: DatabaseSyncInstance) {
  const columns = 'folder, path, version, depth, size, mtime_ms, mode, digest, stored_at'
  const page = database.prepare(
    `SELECT ${columns} FROM file WHERE (folder, path, version) > (?, ?, ?)
     ORDER BY folder, path, version LIMIT ?`,
  )
  const one = database.prepare(`SELECT ${columns} FROM file WHERE folder = ? AND path = ? AND version = ?`)
  const sum = (where: string) =>
    database.prepare(
      `SELECT count(*) AS files, ifnull(sum(size), 0) AS bytes FROM file WHERE version = '' AND ${where}`,
    )
  const totals = database.prepare('SELECT folder, files, bytes FROM total ORDER BY folder')

  return {
    after: (key: RowKey, count: number): ManifestRow[] =>
      (page.all(key.folder, key.path, key.version, count) as RawRow[]).map(fromRaw),
    find(folder: string, filePath: string, version: string): ManifestRow | null {
      const raw = one.get(folder, filePath, version) as RawRow | undefined
      return raw === undefined ? null : fromRaw(raw)
    },
    totals: (): ({ folder: string } & Totals)[] => totals.all() as ({ folder: string } & Totals)[],
    /** What is in its place of this sender's folder, source and path; of all that are, if it is empty. */
    sums([folder, ...rest]: readonly string[]): Totals {
      const at = rest.join('/')
      const asked =
        folder === undefined
          ? sum('true').get()
          : at === ''
            ? sum('folder = ?').get(folder)
            : sum("folder = ? AND (path = ? OR (path > ? || '/' AND path < ? || '0'))").get(
                folder,
                at,
                at,
                at,
              )
      return asked as Totals
    },
    /** Statements that change something; not for a manifest that is open for reading. */
    changes() {
      const put = database.prepare(
        `INSERT INTO file (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (folder, path, version) DO UPDATE SET
           stored_at = iif(digest = excluded.digest OR (? AND size = excluded.size), stored_at, excluded.stored_at),
           size = excluded.size, mtime_ms = excluded.mtime_ms, mode = excluded.mode, digest = excluded.digest`,
      )
      // A path and all below it are two statements: each of them is one search of the primary key.
      const matching = ['path = ?', "path > ? || '/' AND path < ? || '0'"].map((paths, index) => ({
        keep: database.prepare(
          `UPDATE OR IGNORE file SET version = ?, depth = ? WHERE folder = ? AND version = '' AND ${paths}`,
        ),
        prune: database.prepare(`DELETE FROM file WHERE folder = ? AND version = ? AND ${paths}`),
        paths: (at: string) => (index === 0 ? [at] : [at, at]),
      }))
      /** @param again the content was there already, however its digest is made. */
      const add = (row: ManifestRow, again = false) => {
        const digest = digestBytes(row.digest)
        const { folder, version, depth, size, mtimeMs, mode, storedAt } = row
        put.run(folder, row.path, version, depth, size, mtimeMs, mode, digest, storedAt, again ? 1 : 0)
      }
      const apply = (note: Change) => {
        const { folder, path: at } = note
        if (note.did === 'placed') return add({ ...note, version: '', depth: 0 }, note.again)
        for (const { keep, prune, paths } of matching) {
          if (note.did === 'pruned') prune.run(folder, note.version, ...paths(at))
          else keep.run(note.version, at.split('/').length, folder, ...paths(at))
        }
      }
      return { add, apply }
    },
  }
}
export type Rows = ReturnType<typeof openRows>
