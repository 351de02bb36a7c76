import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { FileState, LedgerFile, Totals } from './messages.ts'
import { fileStates } from './messages.ts'
import { noTotals } from './no-totals.ts'
import { NO_TIME, reasonOf } from './rows.ts'
import { STATE } from './schema.ts'

/** Which rows a page shows: newest first, below the row `before`. */
export interface PageQuery {
  source: string | null
  state: FileState | null
  before: number | null
  limit: number
}

export interface Route {
  id: number
  source: string
}

/** The ledger's questions that the window asks. */
export interface LedgerPages {
  routes(destination: string, source: string | null): Route[]
  totals(destination: string): Record<string, Totals>
  files(destinations: readonly string[], query: PageQuery): { files: LedgerFile[]; more: boolean }
}

interface FileRow {
  id: number
  path: string
  size: number
  modifiedMs: number | null
  attempts: number
  sent_at: number | null
  removed_at: number | null
  reason: string | null
}

export function openLedgerPages(database: DatabaseSyncInstance): LedgerPages {
  const routesOf = database.prepare('SELECT id, source FROM route WHERE destination = ? ORDER BY id')
  const totalsOf = database.prepare(
    `SELECT source, state, files, bytes FROM total JOIN route ON route.id = route WHERE destination = ?`,
  )
  // One index range for each (route, state); the rows of several ranges are merged below.
  const page = database.prepare(
    `SELECT id, path, size, nullif(mtime_ns, ${NO_TIME}) / 1000000.0 AS modifiedMs, attempts, sent_at, removed_at,
     reason FROM file INDEXED BY file_state WHERE route = ? AND state = ? AND id < ? ORDER BY id DESC LIMIT ?`,
  )

  const routes = (destination: string, source: string | null): Route[] =>
    (routesOf.all(destination) as Route[]).filter((route) => source === null || route.source === source)

  return {
    routes,

    totals(destination) {
      const totals: Record<string, Totals> = {}
      for (const row of totalsOf.all(destination) as {
        source: string
        state: number
        files: number
        bytes: number
      }[]) {
        const one = totals[row.source] ?? { ...noTotals }
        totals[row.source] = one
        if (row.state === STATE.waiting) {
          one.waitingFiles = row.files
          one.waitingBytes = row.bytes
        } else if (row.state === STATE.sent) {
          one.sentFiles = row.files
          one.sentBytes = row.bytes
        } else one.parkedFiles = row.files
      }
      return totals
    },

    files(destinations, { source, state, before, limit }) {
      const states = state === null ? fileStates : [state]
      const ways = destinations.flatMap((destination) =>
        routes(destination, source).map((route) => ({ ...route, destination })),
      )
      const found = ways.flatMap((route) =>
        states.flatMap((name) =>
          (page.all(route.id, STATE[name], before ?? Number.MAX_SAFE_INTEGER, limit + 1) as FileRow[]).map(
            (row): LedgerFile => ({
              id: row.id,
              source: route.source,
              destination: route.destination,
              path: row.path,
              size: row.size,
              modifiedAt: row.modifiedMs === null ? null : Math.round(row.modifiedMs),
              state: name,
              attempts: row.attempts,
              sentAt: row.sent_at,
              removedAt: row.removed_at,
              reason: reasonOf(row.reason),
            }),
          ),
        ),
      )
      found.sort((a, b) => b.id - a.id)
      return { files: found.slice(0, limit), more: found.length > limit }
    },
  }
}
