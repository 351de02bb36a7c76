import type { DatabaseKind, SetAside } from '../../sqlite-file.ts'
import type { Message } from '../../words/message.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** One of the three tables. Times are in milliseconds. */
export interface Tier {
  table: string
  /** What `span` counts in this table, since 1970. */
  spanMs: number
  keepMs: number
  /** Where rows are summed up that were kept this long; null: nowhere, they are removed. */
  next: Tier | null
}

/** Single checks are kept for a day, minutes for a week, hours for 400 days. */
export const HOURS: Tier = { table: 'hours', spanMs: HOUR, keepMs: 400 * DAY, next: null }
export const MINUTES: Tier = { table: 'minutes', spanMs: MINUTE, keepMs: 7 * DAY, next: HOURS }
export const CHECKS: Tier = { table: 'checks', spanMs: MINUTE, keepMs: DAY, next: MINUTES }

const rollup = ({ table, spanMs }: Tier) => `
CREATE TABLE ${table} (
  span INTEGER, path INTEGER, kind INTEGER, least INTEGER, most INTEGER, count INTEGER,
  at AS (span * ${spanMs}),
  PRIMARY KEY (span, path, kind, least)
) WITHOUT ROWID;`

/**
 * A check is in one of the three tables, which have the columns of CheckGroup; a single check is a group of one. Their
 * keys begin with the time: a batch fills a few pages, and not one for each path.
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

export const HISTORY: DatabaseKind = {
  version: 2,
  schema: SCHEMA,
  tables: ['path', 'checks', 'minutes', 'hours'],
  // A commit that a power failure takes back is some seconds of history.
  pragmas: 'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096',
}

/** What to tell of a file that was set aside. */
export function asideNotice(path: string, { why, aside }: SetAside): Message {
  return { key: why === 'newer' ? 'check.historyNewer' : 'check.historyBroken', params: { path, aside } }
}
