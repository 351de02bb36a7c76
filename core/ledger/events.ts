import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import { inTransaction, readDatabaseFile } from '../platform/sqlite.ts'
import { LEDGER, openValues, type Routes } from './database.ts'
import { EVENT, type EventRow } from './ledger-messages.ts'

// The log of events: rows that no trigger writes, and readers. See EVENTS in database.ts.

/** The finding of a verification: other content, no content, or content that cannot be read. */
export type DamageKind = 'damaged' | 'missing' | 'unreadable'

/** See SinkProgress in core/events/event-thread.ts. */
interface KeptProgress {
  cursor: string
  attempted: string
  refused?: readonly { before: string; at: number }[]
}

/** Limit of the batch directories whose event is recorded before their mark is made. */
const MOST_UNMARKED = 1_000
/** Rows that one transaction removes: some milliseconds. */
const PRUNED_AT_ONCE = 5_000

/** Records events that are about no row of the ledger. */
export function openEvents(database: DatabaseSyncInstance, routes: Routes) {
  const values = openValues(database)
  const add = database.prepare('INSERT INTO event (at, type, route, path, detail) VALUES (?, ?, ?, ?, ?)')
  const selectBeyond = database.prepare('SELECT seq FROM event ORDER BY seq DESC LIMIT 1 OFFSET ?')
  const selectFirst = database.prepare('SELECT seq, at, type FROM event ORDER BY seq LIMIT ?')
  const removeOld = database.prepare('DELETE FROM event WHERE seq <= ?')
  const addGap = database.prepare(`INSERT INTO event (seq, at, type) VALUES (?, ?, ${EVENT.gap})`)
  const unmarkedKey = (source: string) => `unmarked ${source}`
  const unmarked = (source: string): string[] => values.get(unmarkedKey(source)) ?? []

  return {
    /**
     * Records that all files of a batch directory are durable, once until it is marked: its mark may fail repeatedly.
     * @param identity see getIdentity in core/scan/batch/rules.ts.
     */
    recordBatchDurable: (source: string, path: string, identity: string, now: number) =>
      inTransaction(database, () => {
        const known = unmarked(source)
        if (known.includes(identity)) return
        values.put(unmarkedKey(source), [...known, identity].slice(-MOST_UNMARKED))
        add.run(now, EVENT.batchDurable, null, path, source)
      }),

    /** Records that a batch directory is marked. If it is marked again later, that is another event. */
    batchMarked: (source: string, identity: string) =>
      inTransaction(database, () => {
        const known = unmarked(source)
        if (known.includes(identity))
          values.put(
            unmarkedKey(source),
            known.filter((one) => one !== identity),
          )
      }),

    /** Records a restored file. @param path its absolute path. */
    recordRestored: (destination: string, path: string, now: number) =>
      void add.run(now, EVENT.restored, null, path, destination),

    /** Records a finding of a verification; inside the caller's transaction. */
    recordDamaged: (
      { destination, source, path }: { destination: string; source: string; path: string },
      finding: DamageKind,
      now: number,
    ) => void add.run(now, EVENT.damaged, routes.find(destination, source), path, finding),

    /** The delivery of each sink, by its id (core/events/sinks.ts). */
    sinkProgress: (sink: string) => values.get<KeptProgress>(`sink ${sink}`),
    rememberSinkProgress: (sink: string, progress: KeptProgress) => values.put(`sink ${sink}`, progress),
    forgetSinkProgress: (sink: string) => values.forget(`sink ${sink}`),

    /** Returns the number of the newest event beyond this many; 0: there is none. Walks over the whole log. */
    lastEventBeyond: (keepRows: number): number =>
      (selectBeyond.get(keepRows) as { seq: number } | undefined)?.seq ?? 0,

    /**
     * Removes events from before this time (milliseconds since 1970), and those up to the number `beyond`: some thousand
     * in one short transaction. The last of them becomes a gap, which readers behind it meet. Returns false at the end.
     */
    pruneEvents: (before: number, beyond: number): boolean =>
      inTransaction(database, () => {
        const first = selectFirst.all(PRUNED_AT_ONCE) as { seq: number; at: number; type: number }[]
        const kept = first.findIndex(({ seq, at }) => at >= before && seq > beyond)
        const old = kept === -1 ? first : first.slice(0, kept)
        const last = old.at(-1)
        if (last === undefined || (old.length === 1 && last.type === EVENT.gap)) return false
        removeOld.run(last.seq)
        addGap.run(last.seq, last.at)
        return old.length === PRUNED_AT_ONCE
      }),
  }
}

/** Returns the events behind a number, in their order; at most `limit`. */
export function readEvents(database: DatabaseSyncInstance, after: number, limit: number): EventRow[] {
  const rows = database
    .prepare(
      `SELECT seq, at, type, path, size, digest, detail, coalesce(route.source, former_route.source) AS source,
         coalesce(route.destination, former_route.destination) AS destination
       FROM (SELECT * FROM event WHERE seq > ? ORDER BY seq LIMIT ?) AS event
       LEFT JOIN route ON route.id = event.route LEFT JOIN former_route ON former_route.id = event.route
       ORDER BY seq`,
    )
    .all(after, limit) as EventRow[]
  return rows.map((row) => {
    if (row.type === EVENT.batchDurable) return { ...row, source: row.detail }
    return row.type === EVENT.restored ? { ...row, destination: row.detail } : row
  })
}

const spanSchema = z.object({ before: z.number(), last: z.number() })

/** The numbers of a log: the one before its first event, and that of its newest. */
export type EventSpan = z.infer<typeof spanSchema>

/** Returns the numbers of a log, of the ledger or of the incidents. */
export const eventSpan = (database: DatabaseSyncInstance): EventSpan =>
  spanSchema.parse(
    database
      .prepare('SELECT coalesce(min(seq) - 1, 0) AS before, coalesce(max(seq), 0) AS last FROM event')
      .get(),
  )

/** Opens the log only for reading; null: there is none yet, or its file cannot be used. */
export function openEventsForReading(file: string): DatabaseSyncInstance | null {
  const database = readDatabaseFile(file, LEDGER)
  if (database === null || typeof database === 'string') return null
  // An earlier version may have written the file.
  const has = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'event'").get() !== undefined
  if (has) return database
  database.close()
  return null
}
