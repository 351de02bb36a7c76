import { existsSync, readdirSync, renameSync } from 'node:fs'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { type Message, message } from '../lib/i18n/message.ts'
import { beginDatabase, inTransaction } from '../platform/sqlite.ts'
import { errorText } from '../platform/system-error.ts'
import { LEDGER, openRoutes, openValues, STATE } from './database.ts'

// An older Holdfast sets the ledger of a newer one aside, and begins a new one. The newer one takes the kept rows back
// when it runs again, by one rule: what the ledger in use has recorded since stays, and a file that it has not recorded
// as sent gets its kept row.

/** The text that `setAside` (platform/sqlite.ts) puts between the ledger's name and the time. */
const NEWER = '.newer-'
/** The same of a kept file whose rows were taken back. */
const TAKEN = '.taken-back-'
/** Rows in one transaction; the event loop turns between two. */
const CHUNK_ROWS = 1_000

/** Joins the row of the same file in the ledger in use. */
const OWN = 'CROSS JOIN main.file AS own ON own.route = way.own AND own.path = old.path'

/** The columns of a file besides its id and its route. */
const COLUMNS = `path, size, mtime_ns, ctime_ns, inode, device, state, generation, attempts, due_at, sent_at, reason,
  mark_due, digest, acked, removal, removed_at, proven_at, stored_ns, first_at`

/**
 * Takes back the rows of each kept ledger that this version can read, and renames the file.
 * @param sources ids of the sources whose rows are taken.
 * @param isWanted false ends the work; the next call continues it.
 * @returns a notice about each kept file: it was taken back, only a newer Holdfast can read it, or why it failed.
 * @throws the system error if the directory cannot be listed
 */
export async function takeBackLedgers(
  file: string,
  sources: readonly string[],
  isWanted: () => boolean,
): Promise<Message[]> {
  const told: Message[] = []
  const prefix = `${path.basename(file)}${NEWER}`
  const isKept = (name: string) => name.startsWith(prefix) && !/-(wal|shm|journal)$/.test(name)
  // The newest first: its rows win over those of an older one.
  for (const name of readdirSync(path.dirname(file)).filter(isKept).sort().reverse()) {
    const kept = path.join(path.dirname(file), name)
    try {
      const end = await takeBack({ file, kept, sources, isWanted })
      if (end !== null) told.push(end)
    } catch (error) {
      // Sending goes on: without the kept rows more files are compared, and none is lost.
      told.push(message('transfer.ledgerNotTakenBack', { aside: kept, reason: errorText(error) }))
    }
  }
  return told
}

interface Taking {
  file: string
  kept: string
  sources: readonly string[]
  isWanted(): boolean
}

async function takeBack({ file, kept, ...taking }: Taking): Promise<Message | null> {
  const aside = kept.replace(NEWER, TAKEN)
  const opened = beginDatabase(kept, LEDGER)
  if (opened === 'newer') return message('transfer.ledgerNewer', { path: file, aside: kept })
  if (opened === 'broken') throw new Error('it is damaged')
  // The last connection that is closed moves the log into the file.
  opened.close()
  const database = beginDatabase(file, LEDGER)
  if (typeof database === 'string') throw new Error(`${file} is ${database}`)
  try {
    if (!(await takeRows(database, kept, taking))) return null
  } finally {
    database.close()
  }
  for (const ending of ['-wal', '-shm', '']) {
    if (existsSync(kept + ending)) renameSync(kept + ending, aside + ending)
  }
  return message('transfer.ledgerTakenBack', { path: file, aside })
}

/** Returns true when all rows were taken. */
async function takeRows(
  database: DatabaseSyncInstance,
  kept: string,
  { sources, isWanted }: Pick<Taking, 'sources' | 'isWanted'>,
): Promise<boolean> {
  database.prepare('ATTACH DATABASE ? AS kept').run(kept)
  inTransaction(database, () => beginTaking(database, sources))
  const takeSome = prepareTaking(database, `taken back ${path.basename(kept)}`)
  for (let isMore = true; isMore; await turn()) {
    if (!isWanted()) return false
    isMore = inTransaction(database, takeSome)
  }
  return true
}

/** Takes the values that the ledger in use lacks, and lists the routes whose rows are taken. */
function beginTaking(database: DatabaseSyncInstance, sources: readonly string[]): void {
  const { ensure } = openRoutes(database)
  // A finding ends when the file is sent again.
  database.exec(`INSERT OR IGNORE INTO main.meta SELECT key, value FROM kept.meta AS finding
    WHERE key NOT LIKE 'taken back %' AND NOT (key LIKE 'damaged %' AND EXISTS (
      SELECT 1 FROM main.route JOIN main.file ON file.route = route.id AND file.path = finding.value ->> '$.path'
      WHERE route.source = finding.value ->> '$.source' AND file.sent_at > finding.value ->> '$.at'
        AND finding.key = concat_ws(' ', 'damaged', route.destination, route.source, file.path)));
    INSERT OR IGNORE INTO main.expected SELECT * FROM kept.expected;
    INSERT OR IGNORE INTO main.proof SELECT * FROM kept.proof;
    CREATE TEMP TABLE way (kept INTEGER PRIMARY KEY, own INTEGER NOT NULL, session TEXT NOT NULL, epoch TEXT)`)
  const routes = database
    .prepare(
      `SELECT route.id, destination, source, value ->> '$.epoch' AS epoch FROM kept.route
       LEFT JOIN kept.meta ON key = 'session ' || destination WHERE source IN (SELECT value FROM json_each(?))`,
    )
    .all(JSON.stringify(sources)) as {
    id: number
    destination: string
    source: string
    epoch: string | null
  }[]
  const add = database.prepare('INSERT INTO temp.way VALUES (?, ?, ?, ?)')
  for (const { id, destination, source, epoch } of routes)
    add.run(id, ensure(destination, source), `session ${destination}`, epoch)
}

/** Prepares a function that takes some rows, inside the caller's transaction, and returns true if there may be more. */
function prepareTaking(database: DatabaseSyncInstance, progress: string): () => boolean {
  const { get, put } = openValues(database)
  // Rows that were never recorded as sent have nothing to take: their files are found again. A destination that has
  // another epoch since, or a position before that of the file, has lost it.
  const some = `FROM kept.file AS old CROSS JOIN temp.way ON way.kept = old.route
    WHERE old.id > ?1 AND old.id <= ?2 AND (old.state = ${STATE.sent} OR old.sent_at IS NOT NULL)
      AND (way.epoch IS NULL OR EXISTS (SELECT 1 FROM main.meta WHERE key = way.session
        AND value ->> '$.epoch' = way.epoch AND coalesce(old.acked, 0) <= value ->> '$.position'))`
  const joined = (join: string) => some.replace('WHERE', `${join} WHERE`)
  const last = database.prepare(
    `SELECT max(id) AS last FROM (SELECT id FROM kept.file WHERE id > ? ORDER BY id LIMIT ${CHUNK_ROWS})`,
  )
  const dropUnsent = database.prepare(`DELETE FROM main.file WHERE id IN (
    SELECT own.id ${joined(OWN)}
      AND old.state = ${STATE.sent} AND own.state <> ${STATE.sent} AND own.sent_at IS NULL AND own.removal = 0
      AND own.size = old.size AND own.mtime_ns = old.mtime_ns AND own.inode = old.inode)`)
  const newest = database.prepare('SELECT coalesce(max(seq), 0) AS id FROM sqlite_sequence WHERE name = ?')
  const takeFiles = database.prepare(
    `INSERT OR IGNORE INTO main.file (route, ${COLUMNS})
     SELECT way.own, ${COLUMNS.replaceAll(/\w+/g, 'old.$&')} ${some}`,
  )
  const takeOf = (table: 'seal' | 'fixity', columns: string) =>
    database.prepare(`INSERT OR IGNORE INTO main.${table} SELECT own.id, ${columns}
      ${joined(`CROSS JOIN kept.${table} AS its ON its.file = old.id ${OWN}`)} AND own.id > ?3`)
  const takeSeals = takeOf('seal', 'its.digest')
  const takeFixity = takeOf('fixity', 'its.content, its.sha256, its.md5')
  return () => {
    const after = get<number>(progress) ?? 0
    const { last: to } = last.get(after) as { last: number | null }
    if (to === null) return false
    const { id: before } = newest.get('file') as { id: number }
    dropUnsent.run(after, to)
    takeFiles.run(after, to)
    takeSeals.run(after, to, before)
    takeFixity.run(after, to, before)
    put(progress, to)
    return true
  }
}
