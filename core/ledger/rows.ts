import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import type { Message } from '../words/message.ts'
import { messageSchema } from '../words/message-schema.ts'
import type { Due } from './contract.ts'

/** SQLite's integers are signed; inode and device numbers, and times after 2262, may need the 64th bit. */
export const word = {
  store: (value: bigint) => BigInt.asIntN(64, value),
  load: (value: bigint) => BigInt.asUintN(64, value),
}

/** A statement whose integers come as bigint: times in nanoseconds and inodes are beyond a double's exact ones. */
export function prepareExact(database: DatabaseSyncInstance, sql: string): StatementSyncInstance {
  const prepared = database.prepare(sql)
  prepared.setReadBigInts(true)
  return prepared
}

/** The column of the same name: a sentence as JSON. */
export const reasonOf = (text: string | null): Message | null =>
  text === null ? null : messageSchema.parse(JSON.parse(text))

/** What a row is named by in a statement: the answer to an older generation touches nothing. */
export const CLAIMED = 'WHERE id = ? AND generation = ?'

/** The columns of a DueRow. */
export const DUE_COLUMNS = 'id, generation, path, size, mtime_ns, ctime_ns, inode, device, attempts, digest'

/** A time, as SQL, that no file has: any content is another one. Nanoseconds since 1970 that end in the year 1677. */
export const NO_TIME = '(1 << 63)'

/** What becomes of a row, as SQL, of which only that an earlier content was sent stays known; its own never was. */
export const SENT_ONCE = `state = 1, generation = generation + 1, size = 0, mtime_ns = ${NO_TIME}, retry_at = 0,
  reason = NULL, mark_due = 0`

/** What becomes of a removal when a file takes the name anew: one that was begun has still to be brought to its end. */
export const REMOVAL_ANEW =
  'removal = CASE removal WHEN 1 THEN 1 ELSE 0 END, removed_at = NULL, proven_at = NULL'

export interface DueRow {
  id: bigint
  generation: bigint
  path: string
  size: bigint
  mtime_ns: bigint
  ctime_ns: bigint
  inode: bigint
  device: bigint
  attempts: bigint
  digest: Uint8Array | null
}

export const dueOf = (row: DueRow, source: string): Due => ({
  id: Number(row.id),
  generation: Number(row.generation),
  source,
  path: row.path,
  size: Number(row.size),
  mtimeNs: row.mtime_ns,
  ctimeNs: row.ctime_ns,
  inode: word.load(row.inode),
  device: word.load(row.device),
  attempts: Number(row.attempts),
  digest: row.digest,
})

// The other rows are found by their name, of which each destination has one: many hard links have one inode. CROSS JOIN
// keeps SQLite to this order (https://sqlite.org/optoverview.html#crossjoin).

/**
 * How many of some other destinations have the very content of the row `file`, and keep a condition on their row,
 * `other`. Takes those destinations as a JSON array.
 */
export const OTHERS_WITH = (condition: string) =>
  `(SELECT count(*) FROM route AS mine JOIN route AS theirs ON theirs.source = mine.source
    CROSS JOIN file AS other INDEXED BY file_path ON other.route = theirs.id AND other.path = file.path
    WHERE mine.id = file.route AND theirs.destination IN (SELECT value FROM json_each(?))
    AND other.state = 1 AND other.size = file.size AND other.mtime_ns = file.mtime_ns
    AND other.inode = file.inode AND ${condition})`

/** The rows of the same file at other destinations, those of them that have its content; takes the row's id. */
export const SAME_ELSEWHERE = `id IN (SELECT other.id FROM file AS own JOIN route AS mine ON mine.id = own.route
    JOIN route AS theirs ON theirs.source = mine.source AND theirs.id <> mine.id
    CROSS JOIN file AS other INDEXED BY file_path ON other.route = theirs.id AND other.path = own.path
    WHERE own.id = ? AND other.state = 1 AND other.size = own.size AND other.mtime_ns = own.mtime_ns
    AND other.inode = own.inode)`

/** A route is one source's way to one destination. */
export interface Routes {
  find(destination: string, source: string): number | null
  /** Made if it is not there yet; inside the caller's transaction. */
  ensure(destination: string, source: string): number
}

export function openRoutes(database: DatabaseSyncInstance): Routes {
  const findOne = database.prepare('SELECT id FROM route WHERE destination = ? AND source = ?')
  const addOne = database.prepare('INSERT INTO route (destination, source) VALUES (?, ?)')
  const find = (destination: string, source: string): number | null =>
    (findOne.get(destination, source) as { id: number } | undefined)?.id ?? null
  return {
    find,
    ensure: (destination, source) =>
      find(destination, source) ?? Number(addOne.run(destination, source).lastInsertRowid),
  }
}
