import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../platform/sqlite.ts'
import type { InnerMount, SaidBatch, SessionMemory } from './contract.ts'
import { REMOVAL } from './file.ts'
import { durably, openValues } from './rows.ts'

/** The ledger's values of sources and destinations. */
export function openMeta(database: DatabaseSyncInstance) {
  // A begun removal is recorded only in its row. The row is kept, to finish the removal if the source returns.
  const forgetSome = database.prepare(
    `DELETE FROM file WHERE id IN (
       SELECT file.id FROM route CROSS JOIN file ON file.route = route.id
       WHERE source = ? AND removal <> ${REMOVAL.begun} LIMIT ?)`,
  )
  const forgetRoutes = database.prepare(
    'DELETE FROM route WHERE source = ? AND NOT EXISTS (SELECT 1 FROM file WHERE file.route = route.id)',
  )
  const forgetSuspects = database.prepare('DELETE FROM suspect WHERE source = ?')
  const allDestinations = database.prepare('SELECT DISTINCT destination FROM route')
  const { get, put, forget } = openValues(database)
  const filled = (source: string): string[] => get(`filled ${source}`) ?? []

  return {
    /** Returns the mount point that a source was last on, or null. */
    home: (source: string): string | null => get(`home ${source}`),
    rememberHome: (source: string, mountPoint: string) => put(`home ${source}`, mountPoint),

    /** Returns the mounts inside a source at the last listing, and earlier ones that still have waiting files. */
    mountsInside: (source: string): InnerMount[] => get(`mounts ${source}`) ?? [],
    rememberMountsInside: (source: string, mounts: readonly InnerMount[]) => put(`mounts ${source}`, mounts),

    saidBatches: (source: string): SaidBatch[] => get(`said ${source}`) ?? [],
    /** Durable when it returns. */
    rememberSaid: (source: string, batches: readonly SaidBatch[]) =>
      durably(database, () => put(`said ${source}`, batches)),

    /**
     * Returns when Holdfast first saw a batch source, in nanoseconds since 1970 by its file system's clock; NO_MARKS
     * (scan/reconcile/ledger-diff.ts): that file system keeps no group-write bit; null: never seen.
     */
    adoptedNs: (source: string): bigint | null => {
      const at = get<string>(`adopted ${source}`)
      return at === null ? null : BigInt(at)
    },
    /** Durable when it returns. */
    rememberAdopted: (source: string, atNs: bigint) =>
      durably(database, () => put(`adopted ${source}`, String(atNs))),

    /** Returns the batch directories that a run last reported as not closed properly. */
    notClosedSaid: (source: string): string | null => get(`not-closed ${source}`),
    rememberNotClosedSaid: (source: string, names: string) => put(`not-closed ${source}`, names),

    session: (destination: string): SessionMemory | null => get(`session ${destination}`),
    /** Durable when it returns. */
    rememberSession: (destination: string, session: SessionMemory) =>
      durably(database, () => put(`session ${destination}`, session)),

    /** Returns the destinations that were offered all files of a source. */
    filled,
    /** Adds `to`; of the others, keeps only those in `others`. */
    rememberFilled: (source: string, to: string, others: readonly string[]) =>
      inTransaction(database, () => {
        const before = filled(source)
        const now = [...before.filter((one) => one !== to && others.includes(one)), to].sort()
        if (JSON.stringify(now) !== JSON.stringify(before)) put(`filled ${source}`, now)
      }),

    /** Returns every destination in the ledger. */
    destinations: () =>
      (allDestinations.all() as { destination: string }[]).map(({ destination }) => destination),

    /** Removes at most `limit` rows of a source at every destination, except begun removals; returns the number. */
    forgetSource: (source: string, limit: number) =>
      inTransaction(database, () => {
        for (const what of ['home', 'mounts', 'said', 'not-closed', 'filled', 'held', 'adopted'])
          forget(`${what} ${source}`)
        forgetSuspects.run(source)
        const rows = Number(forgetSome.run(source, limit).changes)
        if (rows < limit) forgetRoutes.run(source)
        return rows
      }),
  }
}
