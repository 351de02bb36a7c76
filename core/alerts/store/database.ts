import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import { defer } from '../../defer.ts'
import { warnUnlessCode } from '../../dropped-errors.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { setFileAside } from '../../platform/files.ts'
import {
  type DatabaseKind,
  inTransaction,
  openDatabaseFile,
  readDatabaseFile,
} from '../../platform/sqlite.ts'
import { getNoticeKey, type OutboxEntry } from '../channel-sender.ts'
import {
  type ChangesQuestion,
  type ChannelHealth,
  deliverySchema,
  INCIDENT_FILE,
  type Incident,
  type IncidentEvidence,
  incidentSchema,
  KEPT_DAYS,
  KEPT_INCIDENTS,
  type KeptPolicy,
  keptPolicySchema,
  type Notice,
  type NoticeDelivery,
  type ReportMark,
  reportMarkSchema,
  type TimelinePage,
  type TimelineQuestion,
} from '../incident.ts'
import { getSeverity, getSubjects } from '../kinds.ts'

/**
 * incident: the timeline; entry: the notices of all channels and their delivery state, in the order of their arrival
 * (by rowid, because many arrive in one millisecond, and a clock may be set back). Times: ms since 1970.
 */
const SCHEMA = `
CREATE TABLE incident (
  id TEXT PRIMARY KEY, noticed_at INTEGER NOT NULL, ended_at INTEGER, kind TEXT NOT NULL, severity TEXT NOT NULL,
  sources TEXT NOT NULL, names TEXT NOT NULL, facts TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX incident_by_time ON incident (noticed_at, id);
CREATE TABLE entry (
  id TEXT PRIMARY KEY, incident TEXT NOT NULL, about TEXT NOT NULL, channel TEXT NOT NULL, what TEXT NOT NULL,
  state TEXT NOT NULL, at INTEGER NOT NULL, facts TEXT NOT NULL);
CREATE INDEX entry_by_incident ON entry (incident);
CREATE INDEX entry_by_state ON entry (state, at);
`

/**
 * health: the last attempt of each channel; policy: the policy's state, one row; change: who changed what, in the order
 * of arrival; event: the begin and the end of each incident, numbered as the events of the ledger (core/ledger), and
 * first the creation of this file; evidence: what the system reported about an incident; report: the regular report that was sent last, one row. Versions without these
 * tables ignore them, so they need no migration.
 */
const LATER_TABLES = `
CREATE TABLE IF NOT EXISTS health (
  channel TEXT PRIMARY KEY, condition TEXT NOT NULL, at INTEGER NOT NULL, sentence TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS policy (id INTEGER PRIMARY KEY CHECK (id = 1), facts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS change (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, text TEXT NOT NULL,
  facts TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS change_by_time ON change (at);
CREATE TABLE IF NOT EXISTS event (
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, type TEXT NOT NULL, facts TEXT NOT NULL);
INSERT INTO event SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER), unixepoch() * 1000, 'created', '{}'
  WHERE NOT EXISTS (SELECT 1 FROM event);
CREATE TABLE IF NOT EXISTS evidence (incident TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS report (id INTEGER PRIMARY KEY CHECK (id = 1), facts TEXT NOT NULL)`

const incidentFileSchema = keptPolicySchema.extend({ past: z.array(incidentSchema) })

const KIND: DatabaseKind = {
  version: 1,
  schema: SCHEMA,
  tables: ['incident', 'entry'],
  // Delivered notices must not be delivered again after a power failure.
  pragmas: 'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -2048',
}

const DAY_MS = 86_400_000
/** Days for which delivered failures are loaded. An older one has ended, or was notified again since. */
const TOLD_DAYS = 40
/** Days for which settled notices are loaded, because duplicates of a notice arrive within this time. */
const SEEN_DAYS = 2
/** Limit of stored changes: a program could make many. */
const MOST_CHANGES = 100_000
/** Limit of the deliveries shown for one incident, which is repeated once a day. */
const MOST_DELIVERIES = 200

interface Told {
  channel: string
  about: string
}

/** A decision of the policy with the entries of its notices, or entries alone. */
export interface Commit {
  /** The policy's state; null: unchanged. */
  policy: KeptPolicy | null
  /** Incidents that started, changed or ended, for the timeline. */
  incidents: readonly Incident[]
  /** Evidence of incidents, to store. */
  evidence?: readonly IncidentEvidence[]
  entries: readonly OutboxEntry[]
  /** The regular report that was sent last, null: none; omitted: unchanged. */
  reported?: { mark: ReportMark | null }
}

/** A recorded change. */
export interface ChangeRow {
  id: string
  /** Milliseconds since 1970. */
  at: number
  /** The text that is searched. */
  text: string
  facts: string
}

/** The facts of changes, newest first, and the start of the next page; null: this is the last page. */
export interface ChangeRows {
  rows: string[]
  next: number | null
}

/** The state left by an earlier run. */
export interface Left {
  /** null: none was stored. */
  policy: KeptPolicy | null
  /** Ended incidents, newest first. */
  past: Incident[]
  /** Oldest first. */
  waiting: OutboxEntry[]
  /** Failures that a channel has delivered without their recovery. */
  told: Told[]
  /** Settled notices of a channel: by their ids, and by getNoticeKey. */
  seen: { channel: string; notice: string }[]
  health: ChannelHealth[]
}

interface Facts {
  facts: string
}

/** @throws system errors if the file cannot be created or opened */
export function openAlertDatabase(file: string) {
  const { database, aside } = openDatabaseFile(file, KIND)
  database.exec(LATER_TABLES)
  const upsertPolicy = database.prepare('INSERT OR REPLACE INTO policy VALUES (1, ?)')
  const upsertHealth = database.prepare('INSERT OR REPLACE INTO health VALUES (?, ?, ?, ?)')
  const upsertEntry = database.prepare(
    `INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET what = excluded.what, state = excluded.state, facts = excluded.facts`,
  )
  const upsertIncident = database.prepare('INSERT OR REPLACE INTO incident VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  const insertChange = database.prepare(
    'INSERT OR IGNORE INTO change (id, at, text, facts) VALUES (?, ?, ?, ?)',
  )
  const selectEnd = database.prepare('SELECT ended_at AS endedAt FROM incident WHERE id = ?')
  const insertEvent = database.prepare(
    `INSERT INTO event SELECT max(CAST(unixepoch('subsec') * 1000000 AS INTEGER), max(seq) + 1), ?, ?, ? FROM event`,
  )
  /** Adds the events of an incident to the log, before its row is replaced. */
  const addEvents = (incident: Incident, facts: string) => {
    const { id, noticedAt, endedAt } = incident
    const known = selectEnd.get(id) as { endedAt: number | null } | undefined
    if (known === undefined) insertEvent.run(noticedAt, 'began', facts)
    if (endedAt !== null && (known?.endedAt ?? null) === null) insertEvent.run(endedAt, 'ended', facts)
  }
  const upsertEvidence = database.prepare('INSERT OR REPLACE INTO evidence VALUES (?, ?)')
  const commit = ({ policy, incidents, entries, evidence = [], reported }: Commit) =>
    inTransaction(database, () => {
      if (reported !== undefined) {
        database.exec('DELETE FROM report')
        const { mark } = reported
        if (mark !== null) database.prepare('INSERT INTO report VALUES (1, ?)').run(JSON.stringify(mark))
      }
      if (policy !== null) upsertPolicy.run(JSON.stringify(keptPolicySchema.parse(policy)))
      for (const incident of incidents) {
        const { id, noticedAt, endedAt, kind, sources } = incident
        const names = getSubjects({ ...incident, endedAt: 0 }).join('\n')
        const facts = JSON.stringify(incidentSchema.parse(incident))
        const severity = getSeverity(kind)
        addEvents(incident, facts)
        upsertIncident.run(id, noticedAt, endedAt, kind, severity, JSON.stringify(sources), names, facts)
      }
      for (const { incident, text } of evidence) upsertEvidence.run(incident, text)
      for (const entry of entries) {
        const { id, notice, channel, state, at } = entry
        const { about, what, incident } = notice
        upsertEntry.run(id, incident.id, about, channel, what, state, at, JSON.stringify(entry))
      }
    })
  return {
    aside,
    load: (now: number) => {
      takeOver(path.join(path.dirname(file), INCIDENT_FILE), commit)
      return load(database, now)
    },
    commit,
    noteHealth: ({ id, condition, at, sentence }: ChannelHealth) =>
      upsertHealth.run(id, condition, at, sentence === null ? null : JSON.stringify(sentence)),
    page: (question: TimelineQuestion) => page(database, question),
    evidence: (incident: string) => readEvidenceText(database, incident),
    addChanges: (changes: readonly ChangeRow[], now: number) =>
      inTransaction(database, () => {
        for (const { id, at, text, facts } of changes) insertChange.run(id, at, text, facts)
        database.prepare('DELETE FROM change WHERE at < ?').run(now - KEPT_DAYS * DAY_MS)
        database
          .prepare('DELETE FROM change WHERE number <= (SELECT max(number) FROM change) - ?')
          .run(MOST_CHANGES)
      }),
    changes: (question: ChangesQuestion) => listChanges(database, question),
    reported: () => {
      const row = database.prepare('SELECT facts FROM report').get() as Facts | undefined
      return { mark: row === undefined ? null : reportMarkSchema.parse(JSON.parse(row.facts)) }
    },
    prune: (now: number) =>
      inTransaction(database, () => {
        const before = now - KEPT_DAYS * DAY_MS
        database.prepare('DELETE FROM incident WHERE noticed_at < ? AND ended_at IS NOT NULL').run(before)
        database.exec('DELETE FROM evidence WHERE incident NOT IN (SELECT id FROM incident)')
        database.prepare("DELETE FROM entry WHERE at < ? AND state <> 'waiting'").run(before)
        database.prepare('DELETE FROM event WHERE at < ? AND seq < (SELECT max(seq) FROM event)').run(before)
      }),
    close: () => database.close(),
  }
}

/** Takes over the incidents of an earlier version, and removes their file after the commit. */
function takeOver(file: string, commit: (decision: Commit) => void): void {
  if (!existsSync(file)) return
  const text = readFileSync(file, 'utf8')
  try {
    const { past, ...policy } = incidentFileSchema.parse(JSON.parse(text))
    commit({ policy, incidents: [...past, ...policy.open], entries: [] })
    rmSync(file)
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error
    const reason = `incidents of ${file} cannot be read, and ongoing ones are reported again`
    warnUnlessCode(error, [], `${reason}; the file was renamed to ${setFileAside(file)}`)
  }
}

function load(database: DatabaseSyncInstance, now: number): Left {
  const waiting = database
    .prepare("SELECT facts FROM entry WHERE state = 'waiting' ORDER BY rowid")
    .all() as Facts[]
  const since = now - TOLD_DAYS * DAY_MS
  const delivered = database
    .prepare("SELECT channel, about, what FROM entry WHERE state = 'delivered' AND at > ? ORDER BY rowid")
    .all(since) as (Told & { what: string })[]
  const told = new Map<string, Told>()
  for (const { channel, about, what } of delivered) {
    const key = `${channel} ${about}`
    if (['failed', 'lasting', 'unstable'].includes(what)) told.set(key, { channel, about })
    else told.delete(key)
  }
  const settled = database
    .prepare(
      `SELECT channel, what, json_extract(facts, '$.notice.id') AS id FROM entry
       WHERE state IN ('delivered', 'refused', 'merged', 'untold', 'expired') AND at > ?`,
    )
    .all(now - SEEN_DAYS * DAY_MS) as { channel: string; what: Notice['what']; id: string }[]
  const seen = settled.flatMap(({ channel, ...notice }) =>
    [...new Set([notice.id, getNoticeKey(notice)])].map((one) => ({ channel, notice: one })),
  )
  const past = database
    .prepare('SELECT facts FROM incident WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, id DESC LIMIT ?')
    .all(KEPT_INCIDENTS) as Facts[]
  return {
    policy: loadPolicy(database),
    past: past.map(({ facts }) => incidentSchema.parse(JSON.parse(facts))),
    waiting: waiting.map(({ facts }) => JSON.parse(facts)),
    told: [...told.values()],
    seen,
    health: readHealth(database),
  }
}

function loadPolicy(database: DatabaseSyncInstance): KeptPolicy | null {
  const row = database.prepare('SELECT facts FROM policy').get() as Facts | undefined
  if (row === undefined) return null
  const { data, error } = keptPolicySchema.safeParse(JSON.parse(row.facts))
  if (error) warnUnlessCode(error, [], 'incidents cannot be read, and ongoing ones are reported again')
  return data ?? null
}

function readHealth(database: DatabaseSyncInstance): ChannelHealth[] {
  const rows = database.prepare('SELECT channel AS id, condition, at, sentence FROM health').all() as (Omit<
    ChannelHealth,
    'sentence'
  > & { sentence: string | null })[]
  return rows.map((row) => ({ ...row, sentence: row.sentence === null ? null : JSON.parse(row.sentence) }))
}

function page(database: DatabaseSyncInstance, question: TimelineQuestion): TimelinePage {
  const { before, most, severity, kinds, source, text, lasts } = question
  const conditions: string[] = ['1']
  const values: (string | number)[] = []
  const where = (condition: string, ...given: (string | number)[]) => {
    conditions.push(condition)
    values.push(...given)
  }
  if (before !== null) where('(noticed_at, id) < (?, ?)', before.at, before.id)
  if (severity !== null) where('severity = ?', severity)
  if (kinds !== null) where('kind IN (SELECT value FROM json_each(?))', JSON.stringify(kinds))
  if (source !== null) where('EXISTS (SELECT 1 FROM json_each(sources) WHERE value = ?)', source)
  if (text !== '') where('instr(lower(names), lower(?)) > 0', text)
  if (lasts !== null) where(lasts ? 'ended_at IS NULL' : 'ended_at IS NOT NULL')
  const rows = database
    .prepare(
      `SELECT facts FROM incident WHERE ${conditions.join(' AND ')} ORDER BY noticed_at DESC, id DESC LIMIT ?`,
    )
    .all(...values, most + 1) as Facts[]
  const incidents = rows.map(({ facts }) => incidentSchema.parse(JSON.parse(facts)))
  const shown = incidents.slice(0, most)
  const last = incidents.length > most ? shown.at(-1) : undefined
  return {
    entries: shown.map((incident) => ({ incident, deliveries: readDeliveries(database, incident.id) })),
    next: last === undefined ? null : { at: last.noticedAt, id: last.id },
  }
}

function readEvidenceText(database: DatabaseSyncInstance, incident: string): string | null {
  const row = database.prepare('SELECT text FROM evidence WHERE incident = ?').get(incident) as
    | { text: string }
    | undefined
  return row?.text ?? null
}

function readDeliveries(database: DatabaseSyncInstance, incident: string): NoticeDelivery[] {
  const rows = database
    .prepare('SELECT facts FROM entry WHERE incident = ? ORDER BY rowid LIMIT ?')
    .all(incident, MOST_DELIVERIES) as Facts[]
  return rows.map(({ facts }) => {
    const { notice, ...entry } = JSON.parse(facts) as OutboxEntry
    return deliverySchema.parse({ ...entry, notice: notice.id, what: notice.what })
  })
}

function listChanges(database: DatabaseSyncInstance, question: ChangesQuestion): ChangeRows {
  const { before, most, since, text } = question
  const found = database
    .prepare(
      `SELECT number, facts FROM change WHERE number < ? AND at >= ? AND instr(lower(text), lower(?)) > 0
       ORDER BY number DESC LIMIT ?`,
    )
    .all(before ?? Number.MAX_SAFE_INTEGER, since ?? 0, text, most + 1) as (Facts & { number: number })[]
  const shown = found.slice(0, most)
  const next = found.length > most ? (shown.at(-1)?.number ?? null) : null
  return { rows: shown.map(({ facts }) => facts), next }
}

/** The begin or the end of an incident; created: that of the log. */
export type IncidentEvent = {
  seq: number
  type: 'began' | 'ended' | 'created'
  /** Milliseconds since 1970. */
  at: number
  /** The incident as JSON. */
  facts: string
}

/** Returns the events behind a number, in their order; at most `limit`. */
export const readIncidentEvents = (database: DatabaseSyncInstance, after: number, limit: number) =>
  database
    .prepare('SELECT * FROM event WHERE seq > ? ORDER BY seq LIMIT ?')
    .all(after, limit) as IncidentEvent[]

/** Opens the file only for reading; null: there is none yet, or it has no events. */
export function openIncidentEvents(file: string): DatabaseSyncInstance | null {
  const database = readDatabaseFile(file, KIND)
  if (database === null || typeof database === 'string') return null
  const has = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'event'").get() !== undefined
  if (has) return database
  database.close()
  return null
}

/** Stores a change in a file that no thread of this process has open. @throws system errors */
export function appendChange(file: string, change: ChangeRow): void {
  const database = openAlertDatabase(file)
  using _ = defer(() => database.close())
  database.addChanges([change], Date.now())
}

/** Returns a page of the timeline from a file without a writer. @throws as `readFrom` */
export const readTimeline = (file: string, question: TimelineQuestion): TimelinePage =>
  readFrom(file, { entries: [], next: null }, (database) => page(database, question))

/** Returns the evidence of an incident from a file without a writer; null: there is none. @throws as `readFrom` */
export const readEvidence = (file: string, incident: string): string | null =>
  readFrom(file, null, (database) => {
    // An earlier version may have written the file.
    const has = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'evidence'").get() !== undefined
    return has ? readEvidenceText(database, incident) : null
  })

/**
 * Returns the incidents that overlap a time, oldest first, and their number; from a file that may have a writer.
 * @param from milliseconds since 1970, as `to`, which is exclusive
 * @throws as `readFrom`
 */
export const readIncidentsWithin = (
  file: string,
  from: number,
  to: number,
  most: number,
): { incidents: Incident[]; count: number } =>
  readFrom(file, { incidents: [], count: 0 }, (database) => {
    const within = 'FROM incident WHERE noticed_at < ? AND (ended_at IS NULL OR ended_at > ?)'
    const rows = database
      .prepare(`SELECT facts ${within} ORDER BY noticed_at, id LIMIT ?`)
      .all(to, from, most) as Facts[]
    const { count } = database.prepare(`SELECT count(*) AS count ${within}`).get(to, from) as {
      count: number
    }
    return { incidents: rows.map(({ facts }) => incidentSchema.parse(JSON.parse(facts))), count }
  })

/** Returns a page of changes from a file without a writer. @throws as `readFrom` */
export const readChanges = (file: string, question: ChangesQuestion): ChangeRows =>
  readFrom(file, { rows: [], next: null }, (database) => {
    // An earlier version may have written the file.
    const has = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'change'").get() !== undefined
    return has ? listChanges(database, question) : { rows: [], next: null }
  })

/**
 * Reads from a file without a writer. Does not create, change or rename the file.
 * @throws UserError alert.timelineUnread; system errors
 */
function readFrom<T>(file: string, none: T, read: (database: DatabaseSyncInstance) => T): T {
  const database = readDatabaseFile(file, KIND)
  if (database === null) return none
  if (typeof database === 'string') throw new UserError('alert.timelineUnread', { path: file })
  using _ = defer(() => database.close())
  return read(database)
}
