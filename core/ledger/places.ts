import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../sqlite.ts'
import type { InnerMount, Ledger } from './contract.ts'
import { REMOVAL } from './schema.ts'

/** What the ledger keeps of sources and destinations as such. */
export type LedgerPlaces = Pick<
  Ledger,
  | 'home'
  | 'rememberHome'
  | 'mountsInside'
  | 'rememberMountsInside'
  | 'destinations'
  | 'filled'
  | 'rememberFilled'
  | 'forgetSource'
>

export function openLedgerPlaces(database: DatabaseSyncInstance): LedgerPlaces {
  // A removal that was begun is known by its row alone: it is brought to its end if the source comes back.
  const forgetSome = database.prepare(
    `DELETE FROM file WHERE id IN (SELECT id FROM file WHERE route = ? AND removal <> ${REMOVAL.begun} LIMIT ?)`,
  )
  const forgetRoute = database.prepare(
    'DELETE FROM route WHERE id = ? AND NOT EXISTS (SELECT 1 FROM file WHERE route = route.id)',
  )
  const forgetTotals = database.prepare('DELETE FROM total WHERE route = ?')
  const routesOfSource = database.prepare('SELECT id FROM route WHERE source = ?')
  const allDestinations = database.prepare('SELECT DISTINCT destination FROM route')
  const readMeta = database.prepare('SELECT value FROM meta WHERE key = ?')
  const writeMeta = database.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)')
  const forgetMeta = database.prepare('DELETE FROM meta WHERE key = ?')
  const homeOf = (source: string) => `home ${source}`
  const mountsOf = (source: string) => `mounts ${source}`
  const filledOf = (source: string) => `filled ${source}`
  const metaOf = (key: string) => (readMeta.get(key) as { value: string } | undefined)?.value ?? null
  const filled = (source: string): string[] => {
    const text = metaOf(filledOf(source))
    return text === null ? [] : (JSON.parse(text) as string[])
  }

  return {
    home: (source) => metaOf(homeOf(source)),
    rememberHome: (source, mountPoint) => {
      writeMeta.run(homeOf(source), mountPoint)
    },

    mountsInside: (source) => {
      const text = metaOf(mountsOf(source))
      return text === null ? [] : (JSON.parse(text) as InnerMount[])
    },
    rememberMountsInside: (source, mounts) => {
      if (mounts.length === 0) forgetMeta.run(mountsOf(source))
      else writeMeta.run(mountsOf(source), JSON.stringify(mounts))
    },

    filled,
    rememberFilled: (source, to, others) =>
      inTransaction(database, () => {
        const before = filled(source)
        const now = [...before.filter((one) => one !== to && others.includes(one)), to].sort()
        if (JSON.stringify(now) !== JSON.stringify(before))
          writeMeta.run(filledOf(source), JSON.stringify(now))
      }),

    destinations: () =>
      (allDestinations.all() as { destination: string }[]).map(({ destination }) => destination),

    forgetSource: (source, limit) =>
      inTransaction(database, () => {
        let left = limit
        forgetMeta.run(homeOf(source))
        forgetMeta.run(mountsOf(source))
        forgetMeta.run(filledOf(source))
        for (const { id } of routesOfSource.all(source) as { id: number }[]) {
          left -= Number(forgetSome.run(id, left).changes)
          if (left <= 0) break
          if (forgetRoute.run(id).changes > 0) forgetTotals.run(id)
        }
        return limit - left
      }),
  }
}
