import { type MessagePort, workerData } from 'node:worker_threads'
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { defer } from '../../defer.ts'
import { DAY_HOURS } from '../../lib/hourly-counts.ts'
import type { Message } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { serveThread, tellOwner } from '../../lib/workers/thread.ts'
import {
  type DatabaseKind,
  inTransaction,
  openDatabaseFile,
  readDatabaseFile,
  reopening,
  type SetAside,
} from '../../platform/sqlite.ts'
import { errorText } from '../../platform/system-error.ts'
import type {
  Checked,
  DayVerdicts,
  HistoryAnswer,
  HistoryPoint,
  HistoryQuestion,
  VerdictKind,
} from '../checker-messages.ts'
import { verdictKinds } from '../verdict-kinds.ts'

// The thread that keeps delays and verdicts in history.db: its calls, its tables, the store, and the points of a plot.

/**
 * Limit of bytes in use. Beyond it minutes, then single checks, are summed up early, and at last hours are removed.
 * 1,000 paths every 10 seconds come to about 3.3 GB: 178 MB of checks, 0.8 GB of minutes, 2.3 GB of hours.
 */
const MOST_BYTES = 4 * 2 ** 30

/** Spans are multiples of this, in milliseconds. */
const SHORTEST_SPAN_MS = 1_000

/** Delays that differ by less than a fifth are summed up together, but 0 and -1 are kept apart. */
const BUCKET = 'iif(least > 0, 1 + floor(log(1.2, least)), least)'
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** A table of the history. Times are in milliseconds. */
interface Tier {
  table: string
  /** The unit of `span` in this table, counted since 1970. */
  spanMs: number
  keepMs: number
  /** The table in which rows are summed up after `keepMs`; null: they are removed. */
  next: Tier | null
}

/** Single checks are kept for a day, minutes for a week, hours for 400 days. */
const HOURS: Tier = { table: 'hours', spanMs: HOUR, keepMs: 400 * DAY, next: null }
const MINUTES: Tier = { table: 'minutes', spanMs: MINUTE, keepMs: 7 * DAY, next: HOURS }
const CHECKS: Tier = { table: 'checks', spanMs: MINUTE, keepMs: DAY, next: MINUTES }

const rollup = ({ table, spanMs }: Tier) => `
CREATE TABLE ${table} (
  span INTEGER, path INTEGER, kind INTEGER, least INTEGER, most INTEGER, count INTEGER,
  at AS (span * ${spanMs}),
  PRIMARY KEY (span, path, kind, least)
) WITHOUT ROWID;`

/**
 * A check is in one of the three tables, which have the columns of CheckGroup; a single check is a group of one. Their
 * keys begin with the time, so that a batch fills a few pages instead of one for each path.
 */
const SCHEMA = `
CREATE TABLE path (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE checks (
  span INTEGER, path INTEGER, ms INTEGER, kind INTEGER, least INTEGER,
  most AS (least), count AS (1), at AS (span * ${CHECKS.spanMs} + ms),
  PRIMARY KEY (span, path, ms)
) WITHOUT ROWID;
${rollup(MINUTES)}
${rollup(HOURS)}`

const HISTORY: DatabaseKind = {
  version: 2,
  schema: SCHEMA,
  tables: ['path', 'checks', 'minutes', 'hours'],
  // A commit that is lost in a power failure is only some seconds of history.
  pragmas: 'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096',
}

/** The part of a check that the history keeps. */
export type KeptCheck = Pick<Checked, 'id' | 'at' | 'delayMs'> & { kind: VerdictKind }

/** Calls of the history's thread; its news are sentences (Message). */
export interface HistoryCalls {
  write: { input: readonly KeptCheck[]; output: null }
  ask: { input: HistoryQuestion; output: HistoryAnswer }
  /** At this time, in milliseconds since 1970. */
  day: { input: number; output: DayVerdicts }
}

/** Checks of one path with the same verdict and similar delays, or a single check. */
export type CheckGroup = {
  /** Milliseconds since 1970. */
  at: number
  /** Index in verdictKinds. */
  kind: number
  /** The shortest and the longest delay, in microseconds; -1: these checks have none. */
  least: number
  most: number
  count: number
}

/**
 * Runs the thread that keeps the history. SQLite's calls wait for the disk of the data directory, and checks must not
 * wait with them.
 */
export function runHistoryThread(port: MessagePort): void {
  const file = String(workerData)
  const tell = (notice: Message) => tellOwner(port, notice)
  const { use, close } = reopening(
    file,
    () => new HistoryStore(file, tell),
    (aside) => tell(asideNotice(file, aside)),
  )
  serveThread<HistoryCalls>(
    port,
    {
      write(checks) {
        use((store) => store.write(checks, Date.now()))
        return null
      },
      ask: (question) => use((store) => store.ask(question)),
      day: (now) => use((store) => store.readDay(now)),
    },
    close,
  )
}

/** The database of delays and verdicts. Times are milliseconds since 1970. */
export class HistoryStore {
  readonly #database: DatabaseSyncInstance
  readonly #mostBytes: number
  /** Row ids of paths. A store whose write failed is not used again, as this may name paths that were rolled back. */
  readonly #numbers = new Map<string, number>()
  readonly #statements = new Map<string, StatementSyncInstance>()
  /** The gravest verdicts of past hours, by hour and path: they are read once. */
  readonly #hours = new Map<number, ReadonlyMap<string, VerdictKind>>()

  /**
   * @param tell is called if the existing file had to be set aside.
   * @throws the system's error if the file cannot be made or opened.
   */
  constructor(file: string, tell: (notice: Message) => void, mostBytes: number = MOST_BYTES) {
    const { database, aside } = openDatabaseFile(file, HISTORY)
    if (aside !== null) tell(asideNotice(file, aside))
    this.#database = database
    this.#mostBytes = mostBytes
  }

  /** Stores checks, and sums up or removes old ones, in one transaction. */
  write(checks: readonly KeptCheck[], now: number): void {
    const addPath = this.#prepared('INSERT INTO path (name) VALUES (?)')
    const addCheck = this.#prepared('INSERT OR REPLACE INTO checks VALUES (?, ?, ?, ?, ?)')
    inTransaction(this.#database, () => {
      for (const { id, at, kind, delayMs } of checks) {
        const path = this.#findNumber(id) ?? Number(addPath.run(id).lastInsertRowid)
        this.#numbers.set(id, path)
        const span = Math.floor(Math.round(at) / CHECKS.spanMs)
        const delay = delayMs === null ? -1 : Math.max(0, Math.round(delayMs * 1_000))
        addCheck.run(span, path, Math.round(at) % CHECKS.spanMs, verdictKinds.indexOf(kind), delay)
      }
      this.#prune(now)
    })
  }

  /** Returns single checks if there are only these and not too many, otherwise equal spans of time. */
  ask({ id, from, to, points: most }: HistoryQuestion): HistoryAnswer {
    const path = this.#findNumber(id)
    if (path === undefined) return { points: [], spanMs: 0 }
    const checks = this.#read(CHECKS, path, from, to)
    const minutes = this.#read(MINUTES, path, from, to)
    const hours = this.#read(HOURS, path, from, to)
    const all = [...hours, ...minutes, ...checks]
    if (all.length === checks.length && checks.length <= most) {
      return { points: checks.map((check) => summarise(check.at, [check])), spanMs: 0 }
    }
    if (most === 1) return { points: [summarise(from, all)], spanMs: to - from }
    // Spans are counted from 1970, so covering the time may need one span more than fits into it.
    const leastMs = (to - from) / (most - 1)
    const isUnit = ({ spanMs }: Tier, groups: CheckGroup[]) => groups.length > 0 || leastMs >= spanMs
    const unit = isUnit(HOURS, hours) ? HOURS : isUnit(MINUTES, minutes) ? MINUTES : null
    const unitMs = unit?.spanMs ?? SHORTEST_SPAN_MS
    const spanMs = Math.ceil(leastMs / unitMs) * unitMs
    return { points: summariseSpans(all, spanMs), spanMs }
  }

  /** Returns the gravest verdict of each path in each of the last hours, oldest first. */
  readDay(now: number): DayVerdicts {
    const last = Math.floor(now / HOUR)
    const hours = Array.from({ length: DAY_HOURS }, (_, index) => last - DAY_HOURS + 1 + index)
    for (const hour of this.#hours.keys()) if (hour < (hours[0] ?? 0)) this.#hours.delete(hour)
    const verdicts = hours.map((hour) => {
      const found = this.#hours.get(hour) ?? this.#readHour(hour)
      // Checks of a past hour may still be written for some seconds.
      if (now > (hour + 1) * HOUR + MINUTE) this.#hours.set(hour, found)
      return found
    })
    const names = new Set(verdicts.flatMap((found) => [...found.keys()]))
    return Object.fromEntries(
      [...names].map((name) => [name, verdicts.map((found) => found.get(name) ?? null)]),
    )
  }

  #readHour(hour: number): ReadonlyMap<string, VerdictKind> {
    const inSpans = 'WHERE span >= ?1 * 60 AND span < (?1 + 1) * 60'
    const find = this.#prepared(`
      SELECT name, max(kind) AS kind FROM (
        SELECT path, kind FROM ${CHECKS.table} ${inSpans}
        UNION ALL SELECT path, kind FROM ${MINUTES.table} ${inSpans}
        UNION ALL SELECT path, kind FROM ${HOURS.table} WHERE span = ?1
      ) JOIN path ON path.id = path GROUP BY path`)
    const rows = find.all(hour) as { name: string; kind: number }[]
    return new Map(rows.map(({ name, kind }) => [name, verdictKinds[kind] ?? 'error']))
  }

  close(): void {
    this.#database.close()
  }

  #findNumber(id: string): number | undefined {
    const find = this.#prepared('SELECT id FROM path WHERE name = ?')
    return this.#numbers.get(id) ?? (find.get(id) as { id: number } | undefined)?.id
  }

  /** Keeps statements: those left to the garbage collector pile up, as it does not see their memory. */
  #prepared(sql: string): StatementSyncInstance {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  /**
   * Sums up the oldest minute or hour of each table that was kept long enough; one step keeps a write short. While the
   * file is too large, rows need only be an hour old, for the first table that has such rows: moving minutes to hours
   * frees most.
   */
  #prune(now: number): void {
    const size = this.#prepared(`SELECT (page_count - freelist_count) * page_size AS bytes
      FROM pragma_page_count, pragma_freelist_count, pragma_page_size`)
    let isFull = (size.get() as { bytes: number }).bytes > this.#mostBytes
    for (const tier of [MINUTES, CHECKS, HOURS]) {
      const isMoved = this.#moveOldest(tier, now - (isFull ? HOURS.spanMs : tier.keepMs))
      if (isMoved) isFull = false
    }
  }

  /** Sums up a table's oldest minute or hour in the next table; false if it is not older than this time. */
  #moveOldest({ table, spanMs, next }: Tier, before: number): boolean {
    const oldest = this.#prepared(`SELECT min(span) AS span FROM ${table}`)
    const { span } = oldest.get() as { span: number | null }
    if (span === null) return false
    const stepMs = next?.spanMs ?? spanMs
    const step = Math.floor((span * spanMs) / stepMs)
    if ((step + 1) * stepMs > before) return false
    const range = [(step * stepMs) / spanMs, ((step + 1) * stepMs) / spanMs]
    if (next !== null) {
      const sumUp = this.#prepared(`
        INSERT INTO ${next.table} (span, path, kind, least, most, count)
        SELECT ?, path, kind, min(least), max(most), sum(count) FROM ${table} WHERE span >= ? AND span < ?
        GROUP BY path, kind, ${BUCKET}
        ON CONFLICT DO UPDATE SET most = max(most, excluded.most), count = count + excluded.count`)
      sumUp.run(step, ...range)
    }
    this.#prepared(`DELETE FROM ${table} WHERE span >= ? AND span < ?`).run(...range)
    return true
  }

  /** Reads a table's rows of a path from one time (inclusive) to another (exclusive), ordered by time. */
  #read({ table, spanMs }: Tier, path: number, from: number, to: number): CheckGroup[] {
    // Each span is searched separately: a single range would read the rows of all paths in between.
    const find = this.#prepared(`
      WITH RECURSIVE spans (span) AS (
        SELECT max(CAST(? AS INTEGER), (SELECT min(span) FROM ${table}))
        UNION ALL SELECT span + 1 FROM spans WHERE span < min(?, (SELECT max(span) FROM ${table}))
      )
      SELECT at, kind, least, most, count FROM spans CROSS JOIN ${table} USING (span)
      WHERE path = ? AND at >= ? AND at < ? ORDER BY at`)
    return find.all(Math.floor(from / spanMs), to / spanMs, path, from, to) as CheckGroup[]
  }
}

/** The checks of one path in a period. */
export interface CheckSum {
  id: string
  checks: number
  /** Checks whose result is ok or slow. */
  good: number
  /** Number of hours with a check. */
  hours: number
}

/**
 * Sums up the checks of each path in a period, from a file that a checker may be writing; null: there is no history.
 * `since`: the earliest check of all.
 * @param from milliseconds since 1970, as `to`, which is exclusive
 * @throws UserError report.historyUnread
 */
export function readCheckSums(
  file: string,
  from: number,
  to: number,
): { paths: CheckSum[]; since: number | null } | null {
  try {
    const database = readDatabaseFile(file, HISTORY)
    if (database === null) return null
    if (typeof database === 'string') throw new Error(`its version cannot be read (${database})`)
    using _ = defer(() => database.close())
    return sumChecks(database, from, to)
  } catch (error) {
    throw new UserError('report.historyUnread', { path: file, reason: errorText(error) }, { cause: error })
  }
}

/** Sums up hour by hour: sorting the minutes of a week of many paths at once would take longer, and memory. */
function sumChecks(database: DatabaseSyncInstance, from: number, to: number) {
  const good = (['ok', 'slow'] as const).map((kind) => verdictKinds.indexOf(kind))
  const tiers = [HOURS, MINUTES, CHECKS].flatMap(({ table, spanMs }) => {
    const range = database.prepare(`SELECT min(span) AS first, max(span) AS last FROM ${table}`).get()
    const { first, last } = range as { first: number | null; last: number | null }
    if (first === null || last === null) return []
    const sum = database.prepare(
      `SELECT path, sum(count) AS checks, total(count) FILTER (WHERE kind IN (${good})) AS good FROM ${table}
       WHERE span >= CAST(? AS INTEGER) AND span < CAST(? AS INTEGER) AND at >= ? AND at < ? GROUP BY path`,
    )
    return [{ spanMs, sum, startMs: first * spanMs, endMs: (last + 1) * spanMs }]
  })
  const sums = new Map<number, Omit<CheckSum, 'id'>>()
  const since = tiers.length === 0 ? null : Math.min(...tiers.map(({ startMs }) => startMs))
  const end = Math.min(to, Math.max(0, ...tiers.map(({ endMs }) => endMs)))
  for (let hour = Math.floor(Math.max(from, since ?? to) / HOUR) * HOUR; hour < end; hour += HOUR) {
    const seen = new Set<number>()
    for (const { spanMs, sum, startMs, endMs } of tiers) {
      if (hour >= endMs || hour + HOUR <= startMs) continue
      const rows = sum.all(hour / spanMs, (hour + HOUR) / spanMs, from, to) as {
        path: number
        checks: number
        good: number
      }[]
      for (const row of rows) {
        const { checks, good: fine, hours } = sums.get(row.path) ?? { checks: 0, good: 0, hours: 0 }
        const isNew = !seen.has(row.path)
        sums.set(row.path, {
          ...{ checks: checks + row.checks, good: fine + row.good },
          hours: hours + (isNew ? 1 : 0),
        })
        seen.add(row.path)
      }
    }
  }
  const names = database.prepare('SELECT id, name FROM path ORDER BY name').all() as {
    id: number
    name: string
  }[]
  const paths = names.flatMap(({ id, name }): CheckSum[] => {
    const sum = sums.get(id)
    return sum === undefined ? [] : [{ id: name, ...sum }]
  })
  return { paths, since }
}

/** Builds the sentence about a file that was set aside. */
function asideNotice(path: string, { why, aside }: SetAside): Message {
  return { key: why === 'newer' ? 'check.historyNewer' : 'check.historyBroken', params: { path, aside } }
}

/**
 * Builds one point from at least one group. Count, verdicts, minimum and maximum are exact, and so are the median and
 * the 99th percentile (nearest rank) of single checks. Those of rollups are off by less than 10 %: each delay counts
 * as the geometric mean of its group's shortest and longest, which moves it by 9.6 % at most.
 */
export function summarise(at: number, groups: readonly CheckGroup[]): HistoryPoint {
  const kinds: HistoryPoint['kinds'] = {}
  for (const { kind, count } of groups) {
    const name = verdictKinds[kind] ?? 'error'
    kinds[name] = (kinds[name] ?? 0) + count
  }
  const gravest = verdictKinds.findLast((kind) => kinds[kind] !== undefined) ?? 'ok'
  const delays = summariseDelays(groups.filter(({ least }) => least >= 0))
  return { at, count: sumCounts(groups), delays, gravest, kinds }
}

/** Builds a point for each span of time that has checks; spans are counted from 1970, so they do not move. */
export function summariseSpans(groups: readonly CheckGroup[], spanMs: number): HistoryPoint[] {
  const spans = Map.groupBy(groups, ({ at }) => Math.floor(at / spanMs) * spanMs)
  return [...spans].map(([at, some]) => summarise(at, some)).sort((a, b) => a.at - b.at)
}

function summariseDelays(groups: readonly CheckGroup[]): HistoryPoint['delays'] {
  if (groups.length === 0) return null
  const sorted = groups.toSorted((a, b) => getMeanDelay(a) - getMeanDelay(b))
  const rank = (share: number): number => {
    let rest = Math.ceil(sumCounts(groups) * share)
    const found = sorted.find(({ count }) => {
      rest -= count
      return rest <= 0
    })
    return found === undefined ? 0 : getMeanDelay(found) / 1_000
  }
  const min = groups.reduce((least, group) => Math.min(least, group.least), Number.POSITIVE_INFINITY)
  const max = groups.reduce((most, group) => Math.max(most, group.most), 0)
  return { min: min / 1_000, median: rank(0.5), p99: rank(0.99), max: max / 1_000 }
}

function getMeanDelay({ least, most }: CheckGroup): number {
  return Math.sqrt(least * most)
}

function sumCounts(groups: readonly CheckGroup[]): number {
  return groups.reduce((sum, { count }) => sum + count, 0)
}
