import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../platform/sqlite.ts'
import type { ContentIdentity } from '../platform/stat-facts.ts'
import type { FoundFile } from './contract.ts'
import { durably, formatRows, NO_TIME, openValues, prepareExact, type Routes, word } from './rows.ts'

/** The sent content of a file that has other content now. */
type Earlier = ContentIdentity & { path: string; digest: Uint8Array | null }

type Suspect = Omit<Earlier, 'digest'> & { suspicion: 'lost' | 'changed' }

/**
 * Why only new files of a source are sent: the numbers of files that lost or changed their content, and of sent files.
 */
export interface Held {
  /** Milliseconds since 1970. */
  since: number
  lost: number
  changed: number
  known: number
}

export const heldKey = (source: string) => `held ${source}`

type Row = { path: string; size: bigint; mtime_ns: bigint; inode: bigint }

const toContent = ({ path, size, mtime_ns, inode }: Row) => ({
  path,
  size: Number(size),
  mtimeNs: mtime_ns,
  inode: word.load(inode),
})

/** Builds the statement that makes suspects due at once. Takes the time and the source. */
const dueNowWhere = (condition: string) =>
  `UPDATE file SET due_at = ?1 WHERE id IN (
     SELECT file.id FROM route CROSS JOIN suspect ON suspect.source = route.source ${condition}
     CROSS JOIN file ON file.route = route.id AND file.path = suspect.path
     WHERE route.source = ?2 AND state = 0 AND reason IS NULL AND due_at > ?1)`

/**
 * Files that may have lost their content, until a person has decided, or an hour has passed
 * (scan/reconcile/mass-change-guard.ts).
 */
export function openSuspects(database: DatabaseSyncInstance, routes: Routes) {
  const differing = prepareExact(
    database,
    `SELECT file.path, file.size, mtime_ns, inode, digest FROM json_each(?) AS one
     CROSS JOIN file ON route = ? AND file.path = one.value ->> 0
     WHERE state = 1 AND mtime_ns <> ${NO_TIME} AND (file.size <> one.value ->> 1 OR mtime_ns <> one.value ->> 2)`,
  )
  const named = prepareExact(
    database,
    `SELECT suspect.path, size, mtime_ns, inode, lost FROM json_each(?) AS one
     CROSS JOIN suspect ON source = ? AND suspect.path = one.value`,
  )
  const add = database.prepare(
    `INSERT INTO suspect VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET lost = excluded.lost, at = excluded.at`,
  )
  const remove = database.prepare('DELETE FROM suspect WHERE source = ? AND path = ?')
  const dueNow = database.prepare(dueNowWhere('AND suspect.path = ?3'))
  const count = database.prepare(
    `SELECT count(*) FILTER (WHERE lost = 1) AS lost, count(*) FILTER (WHERE lost = 0) AS changed
     FROM suspect WHERE source = ? AND at >= ?`,
  )
  const forget = database.prepare('DELETE FROM suspect WHERE source = ? AND at < ?')
  const paths = database.prepare('SELECT path FROM suspect WHERE source = ? ORDER BY path LIMIT ?')

  return {
    /** Returns those of these files that this destination has with other content. */
    earlier(destination: string, source: string, files: readonly Omit<FoundFile, 'source'>[]): Earlier[] {
      const found = differing.all(formatRows(files), routes.find(destination, source))
      return (found as (Row & Pick<Earlier, 'digest'>)[]).map((row) => ({
        ...toContent(row),
        digest: row.digest,
      }))
    },
    /** Returns those of these paths that are suspects. */
    suspected: (source: string, some: readonly string[]): Suspect[] =>
      (named.all(JSON.stringify(some), source) as (Row & { lost: bigint })[]).map((row) => ({
        ...toContent(row),
        suspicion: row.lost === 1n ? 'lost' : 'changed',
      })),
    addSuspects: (source: string, files: readonly Suspect[], now: number) =>
      inTransaction(database, () => {
        for (const { path, size, mtimeNs, inode, suspicion } of files)
          add.run(source, path, suspicion === 'lost' ? 1 : 0, size, mtimeNs, word.store(inode), now)
      }),
    removeSuspects: (source: string, some: readonly string[]) =>
      inTransaction(database, () => {
        for (const path of some) remove.run(source, path)
      }),
    /** Removes suspects whose contents were found at other paths of the source, and makes them due at once. */
    clearSuspects: (source: string, some: readonly string[]) =>
      inTransaction(database, () => {
        const now = Date.now()
        for (const path of some) {
          dueNow.run(now, source, path)
          remove.run(source, path)
        }
      }),
    /** Counts the suspects since this time. */
    countSuspects: (source: string, since: number) =>
      count.get(source, since) as { lost: number; changed: number },
    forgetSuspects: (source: string, before: number) => void forget.run(source, before),
    /** Returns the first suspects by path. */
    suspectPaths: (source: string, limit: number) =>
      (paths.all(source, limit) as { path: string }[]).map(({ path }) => path),
  }
}

export function openHolding(database: DatabaseSyncInstance) {
  const values = openValues(database)
  const forgetAll = database.prepare('DELETE FROM suspect WHERE source = ?')
  const dueNow = database.prepare(dueNowWhere(''))
  return {
    /** Returns null if the source is not on hold. */
    held: (source: string) => values.get<Held>(heldKey(source)),
    /** Puts a source on hold: files that were sent before are not sent again (queue.ts). Durable when it returns. */
    hold: (source: string, held: Held) => durably(database, () => values.put(heldKey(source), held)),
    /** Releases the hold; the suspects remain. */
    releaseHold: (source: string) => durably(database, () => values.forget(heldKey(source))),
    /** Releases the hold and the suspects, which are due at once in their present state. */
    release: (source: string) =>
      durably(database, () => {
        dueNow.run(Date.now(), source)
        forgetAll.run(source)
        values.forget(heldKey(source))
      }),
  }
}
