import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../sqlite.ts'
import type { InnerMount, SessionMemory } from './contract.ts'
import { durably } from './rows.ts'
import { REMOVAL } from './schema.ts'

/** What the ledger keeps of sources and destinations as such. */
export interface LedgerMeta {
  /** The mount point that a source was on when it was last there, or null. */
  home(source: string): string | null
  rememberHome(source: string, mountPoint: string): void
  /** What was mounted inside a source when it was last looked at, or has files that still wait. */
  mountsInside(source: string): InnerMount[]
  rememberMountsInside(source: string, mounts: readonly InnerMount[]): void
  session(destination: string): SessionMemory | null
  /** On the disk when it returns. */
  rememberSession(destination: string, session: SessionMemory): void
  /** The destinations that were offered everything that the ledger knows of a source. */
  filled(source: string): string[]
  /** `to` was, too; of the others only those in `others` still are. */
  rememberFilled(source: string, to: string, others: readonly string[]): void
  /** Every destination that the ledger knows. */
  destinations(): string[]
  /** Removes at most `limit` rows of a source at every destination, but no removal that was begun; returns how many. */
  forgetSource(source: string, limit: number): number
}

export function openLedgerMeta(database: DatabaseSyncInstance): LedgerMeta {
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
  const read = database.prepare('SELECT value FROM meta WHERE key = ?')
  const write = database.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)')
  const forget = database.prepare('DELETE FROM meta WHERE key = ?')
  const get = <T>(key: string): T | null => {
    const row = read.get(key) as { value: string } | undefined
    return row === undefined ? null : (JSON.parse(row.value) as T)
  }
  const put = (key: string, value: unknown): void => {
    write.run(key, JSON.stringify(value))
  }
  const filled = (source: string): string[] => get(`filled ${source}`) ?? []

  return {
    home: (source) => get(`home ${source}`),
    rememberHome: (source, mountPoint) => put(`home ${source}`, mountPoint),

    mountsInside: (source) => get(`mounts ${source}`) ?? [],
    rememberMountsInside: (source, mounts) => put(`mounts ${source}`, mounts),

    session: (destination) => get(`session ${destination}`),
    rememberSession: (destination, session) =>
      durably(database, () => put(`session ${destination}`, session)),

    filled,
    rememberFilled: (source, to, others) =>
      inTransaction(database, () => {
        const before = filled(source)
        const now = [...before.filter((one) => one !== to && others.includes(one)), to].sort()
        if (JSON.stringify(now) !== JSON.stringify(before)) put(`filled ${source}`, now)
      }),

    destinations: () =>
      (allDestinations.all() as { destination: string }[]).map(({ destination }) => destination),

    forgetSource: (source, limit) =>
      inTransaction(database, () => {
        for (const what of ['home', 'mounts', 'filled', 'held']) forget.run(`${what} ${source}`)
        forgetSuspects.run(source)
        const rows = Number(forgetSome.run(source, limit).changes)
        if (rows < limit) forgetRoutes.run(source)
        return rows
      }),
  }
}
