import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import type { Message } from '../lib/i18n/message.ts'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import { inTransaction } from '../platform/sqlite.ts'
import type { FoundFile, QueuedFile } from './contract.ts'

/** SQLite's integers are signed; inode and device numbers, and times after 2262, may need the 64th bit. */
export const word = {
  store: (value: bigint) => BigInt.asIntN(64, value),
  load: (value: bigint) => BigInt.asUintN(64, value),
}

/**
 * Formats files as one value: [path, size, mtime_ns, ctime_ns, inode, device] of each; numbers as in the columns, with
 * all 64 bits.
 */
export function formatRows(files: readonly Omit<FoundFile, 'source'>[]): string {
  const rows = files.map(
    ({ path, size, mtimeNs, ctimeNs, inode, device }) =>
      `[${JSON.stringify(path)},${size},${[mtimeNs, ctimeNs, inode, device].map(word.store).join()}]`,
  )
  return `[${rows.join()}]`
}

/** Prepares a statement that returns integers as bigint: a double cannot represent nanoseconds and inodes exactly. */
export function prepareExact(database: DatabaseSyncInstance, sql: string): StatementSyncInstance {
  const prepared = database.prepare(sql)
  prepared.setReadBigInts(true)
  return prepared
}

/** Runs a transaction that is durable when it returns: a power failure may revert the last ordinary ones. */
export function durably<T>(database: DatabaseSyncInstance, work: () => T): T {
  database.exec('PRAGMA synchronous = FULL')
  try {
    return inTransaction(database, work)
  } finally {
    database.exec('PRAGMA synchronous = NORMAL')
  }
}

/** Parses the column of the same name: a sentence as JSON. */
export const parseReason = (text: string | null): Message | null =>
  text === null ? null : messageSchema.parse(JSON.parse(text))

/** Identifies a row in a statement: a result for an older generation changes nothing. */
export const CLAIMED = 'WHERE id = ? AND generation = ?'

/** A time, as SQL, that no file has, so that any content differs. Nanoseconds since 1970, in the year 1677. */
export const NO_TIME = '(1 << 63)'

/**
 * Sets the digest and its time in a row that gets the present metadata of a file. The file may still have the sent
 * content while size and inode are the same, as after touch(1). A row whose content has left its name (NO_TIME) loses
 * its digest.
 */
export const keepDigest = (size: string, inode: string) =>
  `digest = iif(size = ${size} AND inode = ${inode} AND mtime_ns <> ${NO_TIME}, digest, NULL),
   stored_ns = coalesce(stored_ns, mtime_ns)`

/** Resets a removal when a new file takes the name: a begun removal must still be finished. */
export const REMOVAL_ANEW =
  'removal = CASE removal WHEN 1 THEN 1 ELSE 0 END, removed_at = NULL, proven_at = NULL'

type DueRow = [
  id: number,
  generation: number,
  path: string,
  size: number,
  mtimeNs: string,
  ctimeNs: string,
  inode: string,
  device: string,
  attempts: number,
  digest: string,
  isTrusted: 0 | 1,
  provenAt: number | null,
  storedNs: string | null,
]

function toQueuedFile(row: DueRow, source: string): QueuedFile & { provenAt: number } {
  const [
    id,
    generation,
    path,
    size,
    mtimeNs,
    ctimeNs,
    inode,
    device,
    attempts,
    digest,
    isTrusted,
    provenAt,
    storedNs,
  ] = row
  return {
    id,
    generation,
    source,
    path,
    size,
    mtimeNs: BigInt(mtimeNs),
    ctimeNs: BigInt(ctimeNs),
    inode: word.load(BigInt(inode)),
    device: word.load(BigInt(device)),
    attempts,
    // hex(NULL) is empty.
    digest: digest === '' ? null : Buffer.from(digest, 'hex'),
    isTrusted: isTrusted === 1,
    storedNs: BigInt(storedNs ?? mtimeNs),
    provenAt: provenAt ?? 0,
  }
}

/**
 * Prepares a query for files: `which` is its condition, `order` its order; its last parameter is the limit. The rows
 * are returned as one value: returning each column of each row costs several times as much as finding it. Integers of
 * 64 bits are text, which JSON.parse keeps exact.
 */
export function prepareDue(database: DatabaseSyncInstance, which: string, order: string) {
  const statement = database.prepare(
    `SELECT json_group_array(json_array(id, generation, path, size, CAST(mtime_ns AS TEXT), CAST(ctime_ns AS TEXT),
       CAST(inode AS TEXT), CAST(device AS TEXT), attempts, hex(digest), digest IS NOT NULL AND acked IS NOT NULL, proven_at,
       CAST(stored_ns AS TEXT)) ORDER BY ${order}) AS rows
     FROM (SELECT * FROM file ${which} ORDER BY ${order} LIMIT ?)`,
  )
  return (source: string, ...values: (number | string)[]) => {
    const { rows } = statement.get(...values) as { rows: string }
    return (JSON.parse(rows) as DueRow[]).map((row) => toQueuedFile(row, source))
  }
}

// The other rows are found by their name, of which each destination has one: many hard links have one inode. CROSS JOIN
// makes SQLite keep this order (https://sqlite.org/optoverview.html#crossjoin).

/**
 * Counts those of some other destinations that have the content of the row `file`, and whose row, `other`, meets a
 * condition. Takes the destinations as a JSON array.
 */
export const OTHERS_WITH = (condition: string) =>
  `(SELECT count(*) FROM route AS mine JOIN route AS theirs ON theirs.source = mine.source
    CROSS JOIN file AS other INDEXED BY file_path ON other.route = theirs.id AND other.path = file.path
    WHERE mine.id = file.route AND theirs.destination IN (SELECT value FROM json_each(?))
    AND other.state = 1 AND other.size = file.size AND other.mtime_ns = file.mtime_ns
    AND other.inode = file.inode AND ${condition})`

/** Selects the rows of the same file with the same content at other destinations; takes the row's id. */
export const SAME_ELSEWHERE = `id IN (SELECT other.id FROM file AS own JOIN route AS mine ON mine.id = own.route
    JOIN route AS theirs ON theirs.source = mine.source AND theirs.id <> mine.id
    CROSS JOIN file AS other INDEXED BY file_path ON other.route = theirs.id AND other.path = own.path
    WHERE own.id = ? AND other.state = 1 AND other.size = own.size AND other.mtime_ns = own.mtime_ns
    AND other.inode = own.inode)`

/** Named values of the ledger, as JSON. */
export function openValues(database: DatabaseSyncInstance) {
  const read = database.prepare('SELECT value FROM meta WHERE key = ?')
  const write = database.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)')
  const forget = database.prepare('DELETE FROM meta WHERE key = ?')
  return {
    get<T>(key: string): T | null {
      const row = read.get(key) as { value: string } | undefined
      return row === undefined ? null : (JSON.parse(row.value) as T)
    },
    put: (key: string, value: unknown): void => void write.run(key, JSON.stringify(value)),
    forget: (key: string): void => void forget.run(key),
  }
}

/** A route is one source and one of its destinations. */
export type Routes = ReturnType<typeof openRoutes>

export function openRoutes(database: DatabaseSyncInstance) {
  const findOne = database.prepare('SELECT id FROM route WHERE destination = ? AND source = ?')
  const addOne = database.prepare('INSERT INTO route (destination, source) VALUES (?, ?)')
  const find = (destination: string, source: string): number | null =>
    (findOne.get(destination, source) as { id: number } | undefined)?.id ?? null
  return {
    find,
    /** Returns the route, and adds it if it is missing; inside the caller's transaction. */
    ensure: (destination: string, source: string) =>
      find(destination, source) ?? Number(addOne.run(destination, source).lastInsertRowid),
  }
}
