import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { defer } from '../../defer.ts'
import { readManifestFile } from '../manifest/manifest.ts'

/** Contents of one folder that were stored in a period, and still are. Times in milliseconds since 1970. */
export interface Arrivals {
  folder: string
  files: number
  bytes: number
  /** null: nothing arrived. */
  firstAt: number | null
  lastAt: number | null
}

export interface ArrivalFigures {
  folders: Arrivals[]
  /** When the oldest content arrived; null: there is none. */
  since: number | null
}

/**
 * Sums up the contents that arrived in each sender's folder in a period, older versions included. Reads all rows. null:
 * there is no readable manifest.
 * @param to exclusive
 * @throws UserError store.manifestNewer; errors of SQLite and of the disk
 */
export function readArrivals(manifest: string, from: number, to: number): ArrivalFigures | null {
  const database = readManifestFile(manifest)
  if (database === null) return null
  using _ = defer(() => database.close())
  const { since } = database.prepare('SELECT min(stored_at) AS since FROM file').get() as {
    since: number | null
  }
  return { folders: sumArrivals(database, from, to), since }
}

function sumArrivals(database: DatabaseSyncInstance, from: number, to: number): Arrivals[] {
  // The files of each source are summed up in the order of their key, which needs no sorting.
  const rows = database.prepare(
    `WITH arrived AS (
       SELECT source, count(*) AS files, total(size) AS bytes, min(stored_at) AS firstAt, max(stored_at) AS lastAt
       FROM file WHERE stored_at >= ? AND stored_at < ? GROUP BY source
     )
     SELECT folder, coalesce(sum(files), 0) AS files, total(bytes) AS bytes, min(firstAt) AS firstAt,
       max(lastAt) AS lastAt
     FROM (SELECT folder FROM sender UNION SELECT folder FROM source)
     LEFT JOIN source USING (folder) LEFT JOIN arrived ON arrived.source = source.id
     GROUP BY folder ORDER BY folder`,
  )
  return rows.all(from, to) as Arrivals[]
}
