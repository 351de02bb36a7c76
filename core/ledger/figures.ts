import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { defer } from '../defer.ts'
import type { Message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { readDatabaseFile } from '../platform/sqlite.ts'
import { errorText } from '../platform/system-error.ts'
import {
  FORGOTTEN_AT,
  IS_SAME_TIME,
  LEDGER,
  NO_TIME,
  openValues,
  parseReason,
  REMOVAL,
  STATE,
} from './database.ts'
import type { Judged } from './expected.ts'
import { EVENT } from './ledger-messages.ts'
import { type ProofFigures, selectProofs } from './proofs.ts'

// Figures of a period for reports (core/report), read from a ledger that the scanner and the senders write meanwhile.

/** Rows that are returned as one value: single rows would take several times as long, and more would take more memory. */
const ROWS_AT_ONCE = 20_000

interface FileSum {
  files: number
  bytes: number
}

/** Files of one source at one destination. */
export interface RouteFigures {
  source: string
  destination: string
  /** Files that became durable in the period. */
  durable: FileSum
  /** From the last change to the confirmation, in milliseconds, in ascending order; only of files where it is known. */
  delays: Float64Array
  proven: number
  deletedByHoldfast: FileSum
  deletedByOthers: FileSum
  /** Now. */
  waiting: FileSum
  parked: number
  /** The parked files that are listed, oldest first. */
  parkedFiles: { path: string; size: number; reason: Message | null }[]
  /** When the first content of the list became durable; null: none did. Milliseconds since 1970. */
  since: number | null
}

/** Expected files of one rule that were due in the period. */
export interface ExpectedFigures {
  source: string
  pattern: string
  expected: number
  missing: number
  late: number
  /** null: unknown. */
  since: number | null
}

export interface LedgerFigures {
  routes: RouteFigures[]
  expected: ExpectedFigures[]
  /** Files that were read again at each destination. */
  proofs: ProofFigures[]
  /** Oldest first. */
  missing: { source: string; path: string; due: number; tooSmall: number | null }[]
  late: { source: string; path: string; due: number; arrivedAt: number }[]
  /** When the records of a removed source were deleted last; null: never. Milliseconds since 1970. */
  forgottenAt: number | null
}

/** Up to version 4, sent files are not in the order of time. The next start of the agent converts the file. */
const READABLE = {
  ...LEDGER,
  migrations: Object.fromEntries(
    Object.entries(LEDGER.migrations ?? {}).filter(([version]) => Number(version) > 4),
  ),
}

/**
 * Reads the figures of a period in one transaction; null: there is no ledger.
 * @param from milliseconds since 1970, as `to`, which is exclusive
 * @param most limit of listed files: of missing and of late ones, and of parked ones of a route
 * @throws UserError report.ledgerUnread
 */
export function readLedgerFigures(
  file: string,
  from: number,
  to: number,
  most: number,
): LedgerFigures | null {
  try {
    const database = readDatabaseFile(file, READABLE)
    if (database === null) return null
    if (typeof database === 'string') throw new Error(`its version cannot be read (${database})`)
    using _ = defer(() => database.close())
    // The figures agree with each other, whatever is written meanwhile.
    database.exec('BEGIN')
    return {
      routes: readRoutes(database, from, to, most),
      proofs: selectProofs(database, from, to),
      ...readExpected(database, from, to, most),
      forgottenAt: openValues(database).get(FORGOTTEN_AT),
    }
  } catch (error) {
    throw new UserError('report.ledgerUnread', { path: file, reason: errorText(error) }, { cause: error })
  }
}

function readRoutes(database: DatabaseSyncInstance, from: number, to: number, most: number): RouteFigures[] {
  const routes = database.prepare('SELECT id, source, destination FROM route ORDER BY id').all() as {
    id: number
    source: string
    destination: string
  }[]
  // A ledger that the next writer will migrate may lack the column.
  const hasFirst =
    database.prepare("SELECT 1 FROM pragma_table_info('file') WHERE name = 'first_at'").get() !== undefined
  const sums = sumFiles(database, from, to, hasFirst ? 'coalesce(first_at, sent_at)' : 'sent_at')
  const repaired = !hasFirst
    ? []
    : (database
        .prepare(
          'SELECT route, min(first_at) AS at FROM file NOT INDEXED WHERE first_at IS NOT NULL GROUP BY route',
        )
        .all() as { route: number; at: number }[])
  // The order of sent rows, due_at, is the time at which they were sent last.
  const first = database.prepare(
    `SELECT due_at AS at FROM file INDEXED BY file_state
     WHERE route = ? AND state = ${STATE.sent} AND sent_at IS NOT NULL ORDER BY due_at LIMIT 1`,
  )
  const totals = database.prepare('SELECT state, files, bytes FROM total WHERE route = ?')
  const parked = database.prepare(
    `SELECT path, size, reason FROM file INDEXED BY file_state WHERE route = ? AND state = ${STATE.parked}
     ORDER BY due_at LIMIT ?`,
  )
  const deleted = sumDeleted(database, from, to)
  return routes.map(({ id, source, destination }) => {
    const groups = totals.all(id) as (FileSum & { state: number })[]
    const getTotal = (state: number): FileSum => {
      const { files, bytes } = groups.find((one) => one.state === state) ?? noFiles()
      return { files, bytes }
    }
    const { delays, ...figures } = sums.get(id) ?? createSums()
    const all = deleted.get(id)
    // The log is pruned, and the rows have only files that are still gone.
    if (all !== undefined && all.files > figures.deletedByOthers.files) figures.deletedByOthers = all
    const listed = parked.all(id, most) as { path: string; size: number; reason: string | null }[]
    return {
      ...{ source, destination, ...figures },
      delays: Float64Array.from(delays).sort(),
      waiting: getTotal(STATE.waiting),
      parked: getTotal(STATE.parked).files,
      parkedFiles: listed.map((one) => ({ ...one, reason: parseReason(one.reason) })),
      since: getEarliest([
        first.get(id) as { at: number } | undefined,
        repaired.find(({ route }) => route === id),
      ]),
    }
  })
}

const getEarliest = (all: readonly ({ at: number } | undefined)[]): number | null => {
  const times = all.flatMap((one) => one?.at ?? [])
  return times.length === 0 ? null : Math.min(...times)
}

const noFiles = (): FileSum => ({ files: 0, bytes: 0 })
const createSums = () => ({
  ...{ durable: noFiles(), proven: 0, deletedByHoldfast: noFiles(), deletedByOthers: noFiles() },
  delays: [] as number[],
})

function addTo(sum: FileSum, size: number): void {
  sum.files += 1
  sum.bytes += size
}

/**
 * Sums up the files of each route that were sent, deleted or proven in the period, in one pass in the order of the table:
 * looking up the rows of an index one by one takes five times as long.
 * @param durableAt as SQL
 */
function sumFiles(database: DatabaseSyncInstance, from: number, to: number, durableAt: string) {
  const isIn = (column: string) => `(${column} >= ?3 AND ${column} < ?4)`
  const mtimeMs = 'mtime_ns / 1000000'
  const isMeasured = `${isIn(durableAt)} AND digest IS NOT NULL AND ${durableAt} >= ${mtimeMs}`
  // A damaged content became durable all the same; its row waits until it is sent again.
  const isSent = `(state = ${STATE.sent} OR (digest IS NOT NULL AND ${IS_SAME_TIME}))`
  const select = database.prepare(
    `SELECT json_group_array(json_array(route, size, ${isIn(durableAt)}, iif(${isMeasured}, ${durableAt} - ${mtimeMs}, NULL),
       iif(${isIn('removed_at')}, removal, 0), ${isIn('proven_at')})) AS rows
     FROM file WHERE id > ?1 AND id <= ?2 AND ${isSent} AND mtime_ns <> ${NO_TIME}
       AND (${isIn(durableAt)} OR ${isIn('proven_at')} OR (removal >= ${REMOVAL.removed} AND ${isIn('removed_at')}))`,
  )
  const sums = new Map<number, ReturnType<typeof createSums>>()
  const { last } = database.prepare('SELECT max(id) AS last FROM file').get() as { last: number | null }
  for (let after = 0; after < (last ?? 0); after += ROWS_AT_ONCE) {
    const { rows } = select.get(after, after + ROWS_AT_ONCE, from, to) as { rows: string }
    for (const [route, size, isSent, delay, removal, isProven] of JSON.parse(rows) as SumRow[]) {
      const sum = sums.get(route) ?? createSums()
      sums.set(route, sum)
      if (isSent === 1) addTo(sum.durable, size)
      if (delay !== null) sum.delays.push(delay)
      if (removal === REMOVAL.removed) addTo(sum.deletedByHoldfast, size)
      if (removal === REMOVAL.absent) addTo(sum.deletedByOthers, size)
      if (isProven === 1) sum.proven += 1
    }
  }
  return sums
}

/**
 * Sums up the files of each route that others deleted in the period, by the log of events: also those that are back. A
 * deletion at an unknown time does not count.
 */
function sumDeleted(database: DatabaseSyncInstance, from: number, to: number): Map<number, FileSum> {
  // A ledger that the next writer will migrate may lack the table.
  const has = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'event'").get() !== undefined
  if (!has) return new Map()
  const rows = database
    .prepare(
      `SELECT route, count(*) AS files, coalesce(sum(size), 0) AS bytes FROM (
         SELECT route, path, max(size) AS size FROM event
         WHERE type = ${EVENT.deleted} AND detail = 'others' AND at >= ? AND at < ? GROUP BY route, path) AS gone
       WHERE NOT EXISTS (SELECT 1 FROM file INDEXED BY file_path WHERE file.route = gone.route
         AND file.path = gone.path AND removal = ${REMOVAL.absent} AND removed_at IS NULL)
       GROUP BY route`,
    )
    .all(from, to) as (FileSum & { route: number })[]
  return new Map(rows.map(({ route, files, bytes }) => [route, { files, bytes }]))
}

/** A condition on a column without a value is null. */
type SumRow = [
  route: number,
  size: number,
  isSent: 0 | 1 | null,
  delay: number | null,
  removal: number,
  isProven: 0 | 1 | null,
]

function readExpected(database: DatabaseSyncInstance, from: number, to: number, most: number) {
  // A ledger that the next writer will migrate may lack the table.
  const has = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'expected'").get() !== undefined
  if (!has) return { expected: [], missing: [], late: [] }
  const ofPeriod = 'FROM expected WHERE due >= ? AND due < ?'
  const hasSize =
    database.prepare("SELECT 1 FROM pragma_table_info('expected') WHERE name = 'too_small'").get() !==
    undefined
  const tooSmall = `${hasSize ? 'too_small' : 'NULL'} AS tooSmall`
  const rules = database
    .prepare(
      `SELECT source, pattern, count(*) AS expected, sum(arrived_at IS NULL) AS missing,
         coalesce(sum(arrived_at > due), 0) AS late ${ofPeriod} GROUP BY source, pattern`,
    )
    .all(from, to) as Omit<ExpectedFigures, 'since'>[]
  const missing = database
    .prepare(
      `SELECT source, path, due, ${tooSmall} ${ofPeriod} AND arrived_at IS NULL
       ORDER BY due, source, path LIMIT ?`,
    )
    .all(from, to, most) as LedgerFigures['missing']
  const late = database
    .prepare(
      `SELECT source, path, due, arrived_at AS arrivedAt ${ofPeriod} AND arrived_at > due
       ORDER BY due, source, path LIMIT ?`,
    )
    .all(from, to, most) as LedgerFigures['late']
  const { get } = openValues(database)
  const findSince = (source: string, pattern: string): number | null =>
    get<Record<string, Judged>>(`expected ${source}`)?.[pattern]?.since ?? null
  return {
    expected: rules.map((one) => ({ ...one, since: findSince(one.source, one.pattern) })),
    missing,
    late,
  }
}
