import { mkdirSync } from 'node:fs'
import path from 'node:path'
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { type Message, message } from '../lib/i18n/message.ts'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import { type DatabaseKind, inTransaction, openDatabaseFile } from '../platform/sqlite.ts'
import type { FoundFile, QueuedFile, Removable, RowPlace } from './contract.ts'
import { EVENT } from './ledger-messages.ts'

/** A state is stored as a number; the partial indices below contain these numbers. */
export const STATE = { waiting: 0, sent: 1, parked: 2 } as const

/** now: the group-write mark may be set; later: another destination does not have the file yet. */
export const MARK = { none: 0, now: 1, later: 2 } as const

/**
 * none; begun: the file may have its temporary name, or be gone already; removed: by Holdfast; absent: it is gone, not
 * removed by Holdfast.
 */
export const REMOVAL = { none: 0, begun: 1, removed: 2, absent: 3 } as const

/** A time, as SQL, that no file has, so that any content differs. Nanoseconds since 1970, in the year 1677. */
export const NO_TIME = '(1 << 63)'

/**
 * Groups of files in `total`. The first three are the states; of a sent file, `sent` means that it is at the source.
 * Files whose content has left their name (NO_TIME) are in the group `left`, of which no sum is kept.
 */
export const TOTAL = { ...STATE, removed: 3, deleted: 4, left: 5 } as const

/** Returns the group of a row in `total`. */
const groupOf = (row: 'old' | 'new' | 'file') => `CASE WHEN ${row}.state <> ${STATE.sent} THEN ${row}.state
    WHEN ${row}.mtime_ns = ${NO_TIME} THEN ${TOTAL.left} WHEN ${row}.removal = ${REMOVAL.removed} THEN ${TOTAL.removed}
    WHEN ${row}.removal = ${REMOVAL.absent} THEN ${TOTAL.deleted} ELSE ${STATE.sent} END`
const addTo = (row: 'new') => `UPDATE total SET files = files + 1, bytes = bytes + ${row}.size
    WHERE route = ${row}.route AND state = ${groupOf(row)};`
const takeFrom = (row: 'old') => `UPDATE total SET files = files - 1, bytes = bytes - ${row}.size
    WHERE route = ${row}.route AND state = ${groupOf(row)};`
const SUMMED = [TOTAL.waiting, TOTAL.sent, TOTAL.parked, TOTAL.removed, TOTAL.deleted]

const STATE_INDEX = 'CREATE INDEX file_state ON file (route, state, due_at);'
const ABSENT_INDEX = `CREATE INDEX file_absent ON file (route, removed_at) WHERE removal = ${REMOVAL.absent};`
/**
 * Digests of a sent content in the kinds that archives use. `content` is its BLAKE3 digest: the row counts while the file
 * has that digest.
 */
const FIXITY = `CREATE TABLE fixity (file INTEGER PRIMARY KEY, content BLOB NOT NULL, sha256 BLOB, md5 BLOB);
CREATE TRIGGER fixity_removed AFTER DELETE ON file BEGIN
  DELETE FROM fixity WHERE file = old.id;
END;
`

/**
 * The files of a destination that were read again, by the day of this computer (its beginning in milliseconds since
 * 1970) and by the kind of reading; `healed`: files that got their content again. `at`: the last time. `log_miss`: the
 * logarithm of the probability that the samples would have missed damage of the files that were sent until then (see
 * proof-figures.ts).
 */
const PROOF = `CREATE TABLE proof (
  destination TEXT NOT NULL,
  day INTEGER NOT NULL,
  kind TEXT NOT NULL,
  at INTEGER NOT NULL,
  files INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  damaged INTEGER NOT NULL,
  missing INTEGER NOT NULL,
  unreadable INTEGER NOT NULL,
  log_miss REAL NOT NULL,
  PRIMARY KEY (destination, day, kind)
) WITHOUT ROWID;
`

/** The file of each period that a source's settings expect; `arrived_at` is NULL while it is missing. */
const EXPECTED = `CREATE TABLE expected (
  source TEXT NOT NULL,
  pattern TEXT NOT NULL,
  start INTEGER NOT NULL,
  due INTEGER NOT NULL,
  path TEXT NOT NULL,
  arrived_at INTEGER,
  PRIMARY KEY (source, pattern, start)
) WITHOUT ROWID;`
/** The size of the file that is there instead of a missing one, but too small to count. */
const EXPECTED_SIZE = 'ALTER TABLE expected ADD COLUMN too_small INTEGER;'

/**
 * The log of events (core/events): an outbox, written by triggers in the transaction that changes the row of a file. The
 * triggers are short, because each sent file pays for them: they store the route instead of its names, which
 * `former_route` keeps, and number the rows upwards from the time at which the ledger was opened.
 *
 * Only statements that record a stored content set `sent_at`. If newer content of that file waits, `detail` is "older",
 * and the size is known only together with the digest; "healed": a damaged copy was repaired (damaged.ts). `detail` of the others: why it is parked, as a sentence; by whom
 * it was deleted; the finding of a verification; the source of a batch directory; the destination of a restored file.
 */
const EVENTS = `CREATE TABLE event (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  type INTEGER NOT NULL,
  route INTEGER,
  path TEXT,
  size INTEGER,
  digest BLOB,
  detail TEXT
);
CREATE TABLE former_route (id INTEGER PRIMARY KEY, destination TEXT NOT NULL, source TEXT NOT NULL);
CREATE TRIGGER event_route AFTER DELETE ON route BEGIN
  INSERT INTO former_route VALUES (old.id, old.destination, old.source);
END;
CREATE TRIGGER event_durable AFTER UPDATE OF sent_at ON file BEGIN
  INSERT INTO event (at, type, route, path, size, digest, detail) VALUES (
    new.sent_at, ${EVENT.durable}, new.route, new.path,
    iif(new.state = ${STATE.sent} OR new.digest IS NOT NULL, new.size, NULL), new.digest,
    iif(new.state = ${STATE.sent}, NULL, 'older'));
END;
CREATE TRIGGER event_parked AFTER UPDATE OF state ON file
WHEN new.state = ${STATE.parked} AND old.state <> ${STATE.parked} BEGIN
  INSERT INTO event (at, type, route, path, size, detail)
    VALUES (new.due_at, ${EVENT.parked}, new.route, new.path, new.size, new.reason);
END;
CREATE TRIGGER event_deleted AFTER UPDATE OF removal ON file
WHEN new.removal IN (${REMOVAL.removed}, ${REMOVAL.absent})
  AND old.removal NOT IN (${REMOVAL.removed}, ${REMOVAL.absent}) BEGIN
  INSERT INTO event (at, type, route, path, size, detail) VALUES (
    coalesce(new.removed_at, CAST(unixepoch('subsec') * 1000 AS INTEGER)), ${EVENT.deleted}, new.route, new.path,
    new.size, iif(new.removal = ${REMOVAL.removed}, 'holdfast', 'others'));
END;
`

/**
 * Restarts the numbers of events at the present microsecond. A log that is created again, or that lost its last rows
 * in a power failure, thus continues behind every number that a reader may have seen.
 */
const beginEvents = (type: number) => `INSERT INTO event (seq, at, type)
  SELECT max(CAST(unixepoch('subsec') * 1000000 AS INTEGER), coalesce(max(seq) + 1, 0)),
    CAST(unixepoch('subsec') * 1000 AS INTEGER), ${type} FROM event`

const TRIGGERS = `
CREATE TRIGGER route_added AFTER INSERT ON route BEGIN
  INSERT INTO total VALUES ${SUMMED.map((group) => `(new.id, ${group}, 0, 0)`).join(', ')};
END;
CREATE TRIGGER route_removed AFTER DELETE ON route BEGIN
  DELETE FROM total WHERE route = old.id;
END;
CREATE TRIGGER file_added AFTER INSERT ON file BEGIN
  ${addTo('new')}
END;
CREATE TRIGGER file_removed AFTER DELETE ON file BEGIN
  ${takeFrom('old')}
  DELETE FROM seal WHERE file = old.id;
END;
CREATE TRIGGER file_moved AFTER UPDATE OF state, size, removal, mtime_ns ON file
WHEN old.size <> new.size OR ${groupOf('old')} <> ${groupOf('new')} BEGIN
  ${takeFrom('old')}
  ${addTo('new')}
END;
`

/**
 * A route is one source and one of its destinations. Triggers keep `total`, so that no query for sums reads the whole
 * table. Columns of a file:
 * - `due_at`: the order of the rows in each state. Waiting: when it may be sent, which is its modification time, or the
 *   time of the next attempt. Sent: when it was sent last. Parked: when it was parked.
 * - `mark_due`: it is sent but does not have its group-write mark yet, so that the next start sets the mark after a
 *   crash between the two; see MARK.
 * - `digest` of the sent content: with it, a file that is only renamed, or whose mode or time alone has changed, need
 *   not be transferred again. It is kept while the file may have the same content (keepDigest), and does not prove the
 *   content of a waiting file: only reading the file does. Its index, `file_content`, contains every row, so it is written when a file is
 *   offered, and causes no further cost when the file is sent.
 * - `stored_ns`: the modification time with which the content of the digest was sent; NULL in a row that was not
 *   offered again since, where it is `mtime_ns`, and in one whose content has left its name.
 * - `first_at`: when the destination first stored the present content; NULL if that was at `sent_at`, the last time. A
 *   content is sent again if the destination lost or damaged it.
 * - `acked`: the destination's position with which it was stored; NULL: the destination may have lost it.
 * - `removal`, `removed_at`: it is removed at the source, by Holdfast or by others; see REMOVAL. The index
 *   `file_removing` contains only the few rows whose removal is in progress, and `file_absent` only those that others
 *   have deleted, so they cost a transfer nothing. `removed_at` is NULL if the time is unknown.
 * - `proven_at`: when the destination last proved that it has the file.
 *
 * Table `fixity`: see FIXITY; `proof`: see PROOF. Table `seal`: the digest of the data at the destination, only for files that are encrypted there. Table `suspect`:
 * files that may have lost their content, with the metadata of the sent content, and since when.
 *
 * Times are milliseconds since 1970; those of the file itself are nanoseconds, in 64 bits: beyond the year 2262 they
 * only distinguish one content from another.
 */
const SCHEMA = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE route (
  id INTEGER PRIMARY KEY,
  destination TEXT NOT NULL,
  source TEXT NOT NULL,
  UNIQUE (destination, source)
);
CREATE TABLE total (
  route INTEGER NOT NULL,
  state INTEGER NOT NULL,
  files INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (route, state)
) WITHOUT ROWID;
CREATE TABLE file (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  route INTEGER NOT NULL,
  path TEXT NOT NULL,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  ctime_ns INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  device INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  generation INTEGER NOT NULL DEFAULT 1,
  attempts INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER NOT NULL,
  sent_at INTEGER,
  reason TEXT,
  mark_due INTEGER NOT NULL DEFAULT 0,
  digest BLOB,
  acked INTEGER,
  removal INTEGER NOT NULL DEFAULT 0,
  removed_at INTEGER,
  proven_at INTEGER,
  stored_ns INTEGER,
  first_at INTEGER
);
CREATE UNIQUE INDEX file_path ON file (route, path);
${STATE_INDEX}
CREATE INDEX file_unsent ON file (route, path, state) WHERE state <> 1;
CREATE INDEX file_mark ON file (route, mark_due) WHERE mark_due > 0;
CREATE INDEX file_content ON file (inode, mtime_ns);
CREATE INDEX file_removing ON file (route) WHERE removal = 1;
CREATE TABLE seal (file INTEGER PRIMARY KEY, digest BLOB NOT NULL);
CREATE TABLE suspect (
  source TEXT NOT NULL,
  path TEXT NOT NULL,
  lost INTEGER NOT NULL,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (source, path)
) WITHOUT ROWID;
${EXPECTED}
${EXPECTED_SIZE}
${ABSENT_INDEX}
${TRIGGERS}
${EVENTS}
${FIXITY}
${PROOF}`

/**
 * Pages of the write-ahead log, 32 MiB, from which on a commit copies them into the database (sqlite.org/wal.html).
 * That waits for the disk twice. With the default of 1,000 pages it happened several times in one burst of files, and
 * delayed everything that the watcher had found.
 */
const MOST_PAGES = 8_192

/** Counts anew: version 3 counted files that are gone among the sent ones. */
const COUNT_DELETED = `
${['route_added', 'route_removed', 'file_added', 'file_removed', 'file_moved'].map((name) => `DROP TRIGGER ${name};`).join(' ')}
DELETE FROM total;
INSERT INTO total SELECT route.id, value, 0, 0 FROM route JOIN json_each('[${SUMMED}]');
UPDATE total SET files = counted.files, bytes = counted.bytes FROM (
  SELECT route, ${groupOf('file')} AS state, count(*) AS files, sum(size) AS bytes FROM file GROUP BY 1, 2
) AS counted WHERE counted.route = total.route AND counted.state = total.state;
${ABSENT_INDEX}
${TRIGGERS}`

/** Orders sent rows by the time at which they were sent: version 4 listed them in the order in which they were added. */
const ORDER_BY_TIME = `
DROP INDEX file_state;
DROP INDEX file_due;
UPDATE file SET due_at = sent_at WHERE state = ${STATE.sent} AND sent_at IS NOT NULL;
${STATE_INDEX}`

export const LEDGER: DatabaseKind = {
  version: 11,
  schema: SCHEMA,
  migrations: {
    2: 'ALTER TABLE file ADD COLUMN stored_ns INTEGER',
    3: COUNT_DELETED,
    4: ORDER_BY_TIME,
    5: EXPECTED,
    6: EVENTS,
    7: FIXITY,
    8: PROOF,
    9: 'ALTER TABLE file ADD COLUMN first_at INTEGER',
    10: EXPECTED_SIZE,
  },
  tables: [
    'meta',
    'route',
    'total',
    'file',
    'seal',
    'suspect',
    'expected',
    'event',
    'former_route',
    'fixity',
    'proof',
  ],
  // A commit that is lost in a power failure means that a file is sent twice, which the receiver recognises.
  pragmas: `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384;
    PRAGMA wal_autocheckpoint = ${MOST_PAGES}`,
}

/** Opens the ledger's database, or creates it with its directory; `notice` reports a file that had to be set aside. */
export function openLedgerFile(file: string): { database: DatabaseSyncInstance; notice: Message | null } {
  mkdirSync(path.dirname(file), { recursive: true })
  const { database, aside } = openDatabaseFile(file, LEDGER)
  // Readers of a file that was set aside may have missed events.
  database.exec(beginEvents(aside === null ? EVENT.opened : EVENT.gap))
  if (aside === null) return { database, notice: null }
  const key = aside.why === 'newer' ? 'transfer.ledgerNewer' : 'transfer.ledgerBroken'
  return { database, notice: message(key, { path: file, aside: aside.aside }) }
}

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

/** In nanoseconds. */
const SECOND = 1_000_000_000

/** Selects rows of files that have the modification time with which their content was sent. */
export const IS_SAME_TIME = 'coalesce(stored_ns, mtime_ns) = mtime_ns'

/**
 * Sets the digest and its time in a row that gets the present metadata of a file. The file may still have the sent
 * content while its size and its inode are the same, as after touch(1), or its size and the second of its modification
 * time, as after a restore: an SFTP server stores modification times in whole seconds. A row whose content has left its
 * name (NO_TIME) loses its digest.
 */
export const keepDigest = (size: string, inode: string, mtimeNs: string) =>
  `digest = iif(size = ${size} AND (inode = ${inode} OR mtime_ns / ${SECOND} = ${mtimeNs} / ${SECOND})
     AND mtime_ns <> ${NO_TIME}, digest, NULL),
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
  dueAt: number,
]

function toQueuedFile(row: DueRow, source: string): QueuedFile & Pick<Removable, 'provenAt' | 'dueAt'> {
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
    dueAt,
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
    dueAt,
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
       CAST(stored_ns AS TEXT), due_at) ORDER BY ${order}) AS rows
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

/**
 * Selects the rows behind a place in the order of `due_at, id`. The first comparison lets SQLite begin there in the index
 * `file_state` (https://sqlite.org/rowvalue.html).
 */
export const BEHIND = 'due_at >= ? AND (due_at, id) > (?, ?)'
export const BEFORE = 'due_at <= ? AND (due_at, id) < (?, ?)'
/** The places at both ends: before the oldest row, and behind the newest. */
export const OLDEST: RowPlace = { at: Number.MIN_SAFE_INTEGER, id: 0 }
export const NEWEST: RowPlace = { at: Number.MAX_SAFE_INTEGER, id: Number.MAX_SAFE_INTEGER }

/** Returns the parameters of `BEHIND` and `BEFORE`. */
export const toPlaceParams = ({ at, id }: RowPlace) => [at, at, id] as const

/** Selects rows of files that exist at the source, as far as is known. */
export const IS_THERE = `state = 1 AND removal = ${REMOVAL.none} AND mtime_ns <> ${NO_TIME}`

/** Returns the range of the paths that begin with "directory/": "0" is the character after "/". */
export const toPathRange = (directory: string): [after: string, before: string] =>
  directory === '' ? ['', '\u{10FFFF}'] : [`${directory}/`, `${directory}0`]

/** The name of the time at which rows of a removed source were deleted last: reports lack them from then on. */
export const FORGOTTEN_AT = 'forgotten at'

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
  const find = (destination: string, source: string): number | null =>
    (findOne.get(destination, source) as { id: number } | undefined)?.id ?? null
  return {
    find,
    /** Returns the route, and adds it if it is missing; inside the caller's transaction. */
    ensure(destination: string, source: string) {
      const known = find(destination, source)
      if (known !== null) return known
      // Prepared here: readers of a ledger of an earlier version do not have the table. The id of a former route is not
      // used again, because events name it.
      const addOne = database.prepare(
        `INSERT INTO route (id, destination, source) SELECT 1 + max(coalesce((SELECT max(id) FROM route), 0),
           coalesce((SELECT max(id) FROM former_route), 0)), ?, ?`,
      )
      return Number(addOne.run(destination, source).lastInsertRowid)
    },
  }
}
