import type { StatementSyncInstance } from '@photostructure/sqlite'
import { openCompare } from './ledger-compare.ts'
import type { Candidate, Due, Ledger } from './ledger-contract.ts'
import { inTransaction, openLedgerFile, STATE } from './ledger-file.ts'
import type { LedgerPages } from './ledger-pages.ts'
import { openLedgerPages } from './ledger-pages.ts'

export type { Candidate, Claim, Due, Ledger, LedgerEntry } from './ledger-contract.ts'

/** SQLite's integers are signed; inode and device numbers, and times after 2262, may need the 64th bit. */
const word = {
  store: (value: bigint) => BigInt.asIntN(64, value),
  load: (value: bigint) => BigInt.asUintN(64, value),
}
const stateNames = ['waiting', 'sent', 'parked'] as const

interface DueRow {
  id: bigint
  generation: bigint
  path: string
  size: bigint
  mtime_ns: bigint
  inode: bigint
  device: bigint
  attempts: bigint
}

const dueOf = (row: DueRow, source: string): Due => ({
  id: Number(row.id),
  generation: Number(row.generation),
  source,
  path: row.path,
  size: Number(row.size),
  mtimeNs: row.mtime_ns,
  inode: word.load(row.inode),
  device: word.load(row.device),
  attempts: Number(row.attempts),
})

/** Opens or makes the ledger; several processes may have it open at once. */
export function openLedger(file: string): Ledger {
  const { database, notice } = openLedgerFile(file)
  const statement = (sql: string): StatementSyncInstance => database.prepare(sql)
  const exact = (sql: string): StatementSyncInstance => {
    const prepared = database.prepare(sql)
    prepared.setReadBigInts(true)
    return prepared
  }
  const transaction = <T>(work: () => T) => inTransaction(database, work)

  const findRoute = statement('SELECT id FROM route WHERE destination = ? AND source = ?')
  const addRoute = statement('INSERT INTO route (destination, source) VALUES (?, ?)')
  const changed = 'size <> excluded.size OR mtime_ns <> excluded.mtime_ns OR inode <> excluded.inode'
  const anew = 'state = 0, generation = generation + 1, attempts = 0, reason = NULL, mark_due = 0'
  const upsert = `ON CONFLICT (route, path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns,
    inode = excluded.inode, device = excluded.device, retry_at = 0, ${anew} WHERE ${changed}`
  const offerOne = statement(
    `INSERT INTO file (route, path, size, mtime_ns, inode, device) VALUES (?, ?, ?, ?, ?, ?) ${upsert}`,
  )
  const find = exact('SELECT state, size, mtime_ns, inode FROM file WHERE route = ? AND path = ?')
  const below = statement(
    `SELECT state, count(*) AS files FROM file INDEXED BY file_unsent
     WHERE route = ? AND state <> 1 AND path > ? AND path < ? GROUP BY state`,
  )
  const ready = exact(
    `SELECT id, generation, path, size, mtime_ns, inode, device, attempts FROM file
     WHERE route = ? AND state = 0 AND retry_at = 0 ORDER BY mtime_ns, id`,
  )
  const promote = statement('UPDATE file SET retry_at = 0 WHERE state = 0 AND retry_at > 0 AND retry_at <= ?')
  const earliest = statement('SELECT min(retry_at) AS at FROM file WHERE state = 0 AND retry_at > 0')
  const here = 'WHERE id = ? AND generation = ?'
  const sent = statement(
    `UPDATE file SET state = 1, sent_at = ?, mark_due = ?, retry_at = 0, reason = NULL ${here} AND state <> 1`,
  )
  const unmarked = exact(
    `SELECT id, generation, path, size, mtime_ns, inode, device, attempts FROM file
     WHERE route = ? AND mark_due = 1 AND id > ? ORDER BY id LIMIT ?`,
  )
  const marked = statement(`UPDATE file SET mark_due = 0 ${here}`)
  const parkOne = statement(
    `UPDATE file SET state = 2, attempts = attempts + 1, retry_at = 0, reason = ? ${here} AND state = 0`,
  )
  const later = statement(
    `UPDATE file SET retry_at = ?, attempts = attempts + 1, reason = ? ${here} AND state = 0`,
  )
  const renewOne = statement(
    `UPDATE file SET size = ?, mtime_ns = ?, inode = ?, device = ?, retry_at = ?,
     state = 0, generation = generation + 1, attempts = attempts + 1, reason = NULL ${here}`,
  )
  const dropOne = statement(`DELETE FROM file ${here} AND state = 0`)
  const unparkSome = statement(
    `UPDATE file SET state = 0, attempts = 0, retry_at = 0, reason = NULL
     WHERE id IN (SELECT id FROM file WHERE route = ? AND state = 2 LIMIT ?)`,
  )
  const chunkOf = exact(
    `SELECT file.id, source, path, size, mtime_ns, inode, device FROM file JOIN route ON route.id = route
     WHERE file.id > ? AND destination = ? ORDER BY file.id LIMIT ?`,
  )
  const forgetSome = statement('DELETE FROM file WHERE id IN (SELECT id FROM file WHERE route = ? LIMIT ?)')
  const forgetRoute = statement('DELETE FROM route WHERE id = ?')
  const forgetTotals = statement('DELETE FROM total WHERE route = ?')
  const routesOfSource = statement('SELECT id FROM route WHERE source = ?')
  const allDestinations = statement('SELECT DISTINCT destination FROM route')
  const readMeta = statement('SELECT value FROM meta WHERE key = ?')
  const writeMeta = statement('INSERT OR REPLACE INTO meta VALUES (?, ?)')
  const forgetMeta = statement('DELETE FROM meta WHERE key = ?')
  const homeOf = (source: string) => `home ${source}`
  const pages: LedgerPages = openLedgerPages(database)

  const routeOf = (destination: string, source: string): number | null =>
    (findRoute.get(destination, source) as { id: number } | undefined)?.id ?? null

  const routeFor = (destination: string, source: string): number =>
    routeOf(destination, source) ?? Number(addRoute.run(destination, source).lastInsertRowid)

  const offerAll = (destination: string, candidates: readonly Candidate[]): number => {
    const routes = new Map<string, number>()
    let waiting = 0
    for (const one of candidates) {
      const route = routes.get(one.source) ?? routeFor(destination, one.source)
      routes.set(one.source, route)
      waiting += Number(
        offerOne.run(
          route,
          one.path,
          one.size,
          word.store(one.mtimeNs),
          word.store(one.inode),
          word.store(one.device),
        ).changes,
      )
    }
    return waiting
  }

  const takeRoute = (source: string, route: number, limit: number, excluding: ReadonlySet<number>): Due[] => {
    const due: Due[] = []
    if (limit <= 0) return due
    for (const row of ready.iterate(route) as IterableIterator<DueRow>) {
      if (excluding.has(Number(row.id))) continue
      due.push(dueOf(row, source))
      if (due.length >= limit) break
    }
    return due
  }

  const nextRetryAt = (): number | null => (earliest.get() as { at: number | null }).at

  return {
    notice,
    offer: (destination, candidates) =>
      candidates.length === 0 ? 0 : transaction(() => offerAll(destination, candidates)),

    lookup(destination, source, path) {
      const route = routeOf(destination, source)
      if (route === null) return null
      const row = find.get(route, path) as
        | { state: bigint; size: bigint; mtime_ns: bigint; inode: bigint }
        | undefined
      if (row === undefined) return null
      return {
        state: stateNames[Number(row.state)] ?? 'waiting',
        size: Number(row.size),
        mtimeNs: row.mtime_ns,
        inode: word.load(row.inode),
      }
    },

    differing: openCompare(database),

    home: (source) => (readMeta.get(homeOf(source)) as { value: string } | undefined)?.value ?? null,
    rememberHome: (source, mountPoint) => {
      writeMeta.run(homeOf(source), mountPoint)
    },

    unsentBelow(destination, source, directory) {
      const route = routeOf(destination, source)
      const counts = { waiting: 0, parked: 0 }
      if (route === null) return counts
      // "0" is the character after "/": the range holds exactly the paths that begin with "directory/".
      const range = directory === '' ? ['', '\u{10FFFF}'] : [`${directory}/`, `${directory}0`]
      for (const row of below.all(route, ...range) as { state: number; files: number }[]) {
        if (row.state === STATE.waiting) counts.waiting = row.files
        else counts.parked = row.files
      }
      return counts
    },

    totals: (destination) => pages.totals(destination),
    files: (destination, query) => pages.files(destination, query),

    take(destination, sources, limit, now, excluding) {
      const at = nextRetryAt()
      if (at !== null && at <= now) promote.run(now)
      const due: Due[] = []
      const routes = sources.flatMap((source) => {
        const route = routeOf(destination, source)
        return route === null ? [] : [{ source, route }]
      })
      // Each source gets its even share of what is left, so one with a long queue cannot hold up the rest.
      routes.forEach(({ source, route }, index) => {
        const share = Math.ceil((limit - due.length) / (routes.length - index))
        due.push(...takeRoute(source, route, share, excluding))
      })
      return due
    },

    nextRetryAt,

    markSent: (claims, now) =>
      transaction(() => {
        const done = new Set<number>()
        for (const { id, generation, mark } of claims) {
          if (sent.run(now, mark ? 1 : 0, id, generation).changes === 1) done.add(id)
        }
        return done
      }),

    dueMarks(destination, source, after, limit) {
      const route = routeOf(destination, source)
      if (route === null) return []
      return (unmarked.all(route, after, limit) as DueRow[]).map((row) => dueOf(row, source))
    },

    marksDone: (claims) =>
      transaction(() => {
        for (const { id, generation } of claims) marked.run(id, generation)
      }),

    park: ({ id, generation }, reason) => {
      parkOne.run(JSON.stringify(reason), id, generation)
    },

    retryLater: (claims, at, reason) =>
      transaction(() => {
        const words = reason === null ? null : JSON.stringify(reason)
        for (const { id, generation } of claims) later.run(Math.max(1, Math.ceil(at)), words, id, generation)
      }),

    renew({ id, generation }, facts, at) {
      const { size, mtimeNs } = facts
      const ids = [word.store(facts.inode), word.store(facts.device)]
      renewOne.run(size, word.store(mtimeNs), ...ids, Math.max(0, Math.ceil(at)), id, generation)
    },

    drop: ({ id, generation }) => {
      dropOne.run(id, generation)
    },

    unpark(destination, source, limit) {
      let left = limit
      for (const route of pages.routes(destination, source)) {
        if (left > 0) left -= Number(unparkSome.run(route.id, left).changes)
      }
      return limit - left
    },

    requeue: (from, to, after, limit) =>
      transaction(() => {
        const rows = chunkOf.all(after, from, limit) as (DueRow & { source: string })[]
        offerAll(
          to,
          rows.map((row) => ({
            source: row.source,
            path: row.path,
            size: Number(row.size),
            mtimeNs: row.mtime_ns,
            inode: word.load(row.inode),
            device: word.load(row.device),
          })),
        )
        const last = rows.at(-1)
        return last === undefined || rows.length < limit ? null : Number(last.id)
      }),

    destinations: () =>
      (allDestinations.all() as { destination: string }[]).map(({ destination }) => destination),

    forgetSource: (source, limit) =>
      transaction(() => {
        let left = limit
        forgetMeta.run(homeOf(source))
        for (const { id } of routesOfSource.all(source) as { id: number }[]) {
          left -= Number(forgetSome.run(id, left).changes)
          if (left <= 0) break
          forgetRoute.run(id)
          forgetTotals.run(id)
        }
        return limit - left
      }),

    get destination(): string | null {
      return (readMeta.get('destination') as { value: string } | undefined)?.value ?? null
    },
    set destination(value: string) {
      writeMeta.run('destination', value)
    },

    close: () => database.close(),
  }
}
