import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { NO_TIME, STATE } from './database.ts'

/** A file that is durable at all destinations of a question, with the digests that were recorded for its content. */
export interface DurableFile {
  path: string
  size: number
  mtimeNs: bigint
  /** See digest.ts; null: it was not sent by Holdfast, or by an early version. */
  digest: Buffer | null
  sha256: Buffer | null
  md5: Buffer | null
  /** The first of these destinations whose copy was found damaged and has not been repaired; null: none is known. */
  damagedAt: string | null
}

type DurableRow = [
  path: string,
  size: number,
  mtimeNs: string,
  digest: string,
  sha256: string,
  md5: string,
  damagedAt: string | null,
]

const STORED_NS = (row: 'file' | 'other') => `coalesce(${row}.stored_ns, ${row}.mtime_ns)`

/**
 * True also for a content that was sent before the file disappeared while it waited to be sent again, unless the
 * destination has lost it (`acked` is NULL).
 */
const IS_SENT = (row: 'file' | 'other') => `${row}.state = ${STATE.sent} AND ${STORED_NS(row)} <> ${NO_TIME}
  AND (${row}.mtime_ns <> ${NO_TIME} OR ${row}.digest IS NOT NULL AND ${row}.acked IS NOT NULL)`

// Selects the rows of the same name at other destinations, by the index of the paths.
const SAME_NAME = (destination: string) =>
  `FROM route AS theirs CROSS JOIN file AS other INDEXED BY file_path
   ON other.route = theirs.id AND other.path = file.path WHERE theirs.source = ?1 AND ${destination}`

/** Any destination's record will do: the digests are those of one content. */
const RECORDED = (kind: 'sha256' | 'md5') =>
  `(SELECT hex(fixity.${kind}) ${SAME_NAME('TRUE').replace(' WHERE', ' JOIN fixity ON fixity.file = other.id WHERE')}
    AND fixity.content = file.digest AND fixity.${kind} IS NOT NULL LIMIT 1)`

const AT_THESE = 'theirs.destination IN (SELECT value FROM json_each(?2))'

/** A finding (damaged.ts) is kept for a while after the file was sent again: only one of the present content counts. */
const DAMAGED_AT = `(SELECT theirs.destination ${SAME_NAME(AT_THESE)} AND EXISTS (
  SELECT 1 FROM meta WHERE key = 'damaged ' || theirs.destination || ' ' || theirs.source || ' ' || file.path
  AND value ->> '$.at' >= coalesce(other.sent_at, 0)) LIMIT 1)`

/** Queries of durable files with their recorded digests, for manifests. */
export function openFixity(database: DatabaseSyncInstance) {
  const durable = database.prepare(
    `SELECT json_group_array(json_array(path, size, CAST(mtime_ns AS TEXT), hex(digest), sha256, md5, damaged_at) ORDER BY path) AS rows
     FROM (SELECT file.path, file.size, ${STORED_NS('file')} AS mtime_ns, file.digest, ${RECORDED('sha256')} AS sha256, ${RECORDED('md5')} AS md5,
       ${DAMAGED_AT} AS damaged_at
       FROM file JOIN route ON route.id = file.route
       WHERE route.source = ?1 AND route.destination = ?2 ->> 0 AND file.path > ?3 AND ${IS_SENT('file')}
       AND (SELECT count(*) ${SAME_NAME(AT_THESE)}
         AND ${IS_SENT('other')} AND other.digest IS file.digest) = json_array_length(?2)
       ORDER BY file.path LIMIT ?4) AS found`,
  )
  const waiting = database.prepare(
    `SELECT count(DISTINCT file.path) AS files FROM route CROSS JOIN file ON file.route = route.id
     WHERE route.source = ? AND route.destination IN (SELECT value FROM json_each(?)) AND file.state <> ${STATE.sent}`,
  )
  return {
    /**
     * Returns files of a source whose content is durable at each of these destinations, also if they were deleted at the
     * source since; in the order of their paths, after `after` ('' at first).
     */
    durableFiles(
      destinations: readonly string[],
      source: string,
      after: string,
      limit: number,
    ): DurableFile[] {
      const { rows } = durable.get(source, JSON.stringify(destinations), after, limit) as { rows: string }
      return (JSON.parse(rows) as DurableRow[]).map(
        ([path, size, mtimeNs, digest, sha256, md5, damagedAt]) => ({
          ...{ path, size, mtimeNs: BigInt(mtimeNs), digest: fromHex(digest), sha256: fromHex(sha256) },
          ...{ md5: fromHex(md5), damagedAt },
        }),
      )
    },

    /** Counts the files of a source that wait for one of these destinations, or are parked. */
    notDurable: (destinations: readonly string[], source: string) =>
      (waiting.get(source, JSON.stringify(destinations)) as { files: number }).files,
  }
}

/** hex(NULL) is empty; a missing record is NULL. */
const fromHex = (text: string | null): Buffer | null =>
  text === null || text === '' ? null : Buffer.from(text, 'hex')
