import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../platform/sqlite.ts'
import type { InnerMount, SaidBatch, SessionMemory } from './contract.ts'
import { REMOVAL } from './file.ts'
import { durably, openValues } from './rows.ts'

/** What the ledger keeps of sources and destinations as such. */
export function openMeta(database: DatabaseSyncInstance) {
  // A removal that was begun is known by its row alone: it is brought to its end if the source comes back.
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
    /** The mount point that a source was on when it was last there, or null. */
    home: (source: string): string | null => get(`home ${source}`),
    rememberHome: (source: string, mountPoint: string) => put(`home ${source}`, mountPoint),

    /** What was mounted inside a source when it was last looked at, or has files that still wait. */
    mountsInside: (source: string): InnerMount[] => get(`mounts ${source}`) ?? [],
    rememberMountsInside: (source: string, mounts: readonly InnerMount[]) => put(`mounts ${source}`, mounts),

    saidBatches: (source: string): SaidBatch[] => get(`said ${source}`) ?? [],
    /** On the disk when it returns. */
    rememberSaid: (source: string, batches: readonly SaidBatch[]) =>
      durably(database, () => put(`said ${source}`, batches)),

    /**
     * When Holdfast first saw a batch source, in nanoseconds since 1970 of its file system's clock; NO_MARKS
     * (scan/reconcile/ledger-diff.ts): that keeps no group-write bit; null: it never did.
     */
    adoptedNs: (source: string): bigint | null => {
      const at = get<string>(`adopted ${source}`)
      return at === null ? null : BigInt(at)
    },
    /** On the disk when it returns. */
    rememberAdopted: (source: string, atNs: bigint) =>
      durably(database, () => put(`adopted ${source}`, String(atNs))),

    /** The batch directories of which a run has said last that they were not closed properly. */
    notClosedSaid: (source: string): string | null => get(`not-closed ${source}`),
    rememberNotClosedSaid: (source: string, names: string) => put(`not-closed ${source}`, names),

    session: (destination: string): SessionMemory | null => get(`session ${destination}`),
    /** On the disk when it returns. */
    rememberSession: (destination: string, session: SessionMemory) =>
      durably(database, () => put(`session ${destination}`, session)),

    /** The destinations that were offered everything that the ledger knows of a source. */
    filled,
    /** `to` was, too; of the others only those in `others` still are. */
    rememberFilled: (source: string, to: string, others: readonly string[]) =>
      inTransaction(database, () => {
        const before = filled(source)
        const now = [...before.filter((one) => one !== to && others.includes(one)), to].sort()
        if (JSON.stringify(now) !== JSON.stringify(before)) put(`filled ${source}`, now)
      }),

    /** Every destination that the ledger knows. */
    destinations: () =>
      (allDestinations.all() as { destination: string }[]).map(({ destination }) => destination),

    /** Removes at most `limit` rows of a source at every destination, but no removal that was begun; returns how many. */
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
