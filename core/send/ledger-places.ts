import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../sqlite.ts'
import type { InnerMount, Ledger } from './ledger-contract.ts'

/** What the ledger keeps of sources and destinations as such. */
export type LedgerPlaces = Pick<
  Ledger,
  | 'home'
  | 'rememberHome'
  | 'mountsInside'
  | 'rememberMountsInside'
  | 'destinations'
  | 'forgetSource'
  | 'destination'
>

export function openLedgerPlaces(database: DatabaseSyncInstance): LedgerPlaces {
  const forgetSome = database.prepare(
    'DELETE FROM file WHERE id IN (SELECT id FROM file WHERE route = ? LIMIT ?)',
  )
  const forgetRoute = database.prepare('DELETE FROM route WHERE id = ?')
  const forgetTotals = database.prepare('DELETE FROM total WHERE route = ?')
  const routesOfSource = database.prepare('SELECT id FROM route WHERE source = ?')
  const allDestinations = database.prepare('SELECT DISTINCT destination FROM route')
  const readMeta = database.prepare('SELECT value FROM meta WHERE key = ?')
  const writeMeta = database.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)')
  const forgetMeta = database.prepare('DELETE FROM meta WHERE key = ?')
  const homeOf = (source: string) => `home ${source}`
  const mountsOf = (source: string) => `mounts ${source}`
  const metaOf = (key: string) => (readMeta.get(key) as { value: string } | undefined)?.value ?? null

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

    destinations: () =>
      (allDestinations.all() as { destination: string }[]).map(({ destination }) => destination),

    forgetSource: (source, limit) =>
      inTransaction(database, () => {
        let left = limit
        forgetMeta.run(homeOf(source))
        forgetMeta.run(mountsOf(source))
        for (const { id } of routesOfSource.all(source) as { id: number }[]) {
          left -= Number(forgetSome.run(id, left).changes)
          if (left <= 0) break
          forgetRoute.run(id)
          forgetTotals.run(id)
        }
        return limit - left
      }),

    get destination(): string | null {
      return metaOf('destination')
    },
    set destination(value: string) {
      writeMeta.run('destination', value)
    },
  }
}
