import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../sqlite.ts'
import type { Due, Ledger } from './contract.ts'
import type { LedgerPages } from './pages.ts'
import type { Routes } from './rows.ts'
import { CLAIMED, DUE_COLUMNS, REMOVAL_ANEW, SENT_ONCE, word } from './rows.ts'

/** The files that wait: which may go now, which later, which not at all. */
export type LedgerQueue = Pick<
  Ledger,
  | 'take'
  | 'oldestWaiting'
  | 'nextRetryAt'
  | 'park'
  | 'retryLater'
  | 'dueByAge'
  | 'renew'
  | 'drop'
  | 'unpark'
  | 'unparkOne'
>

/** Nothing is put off for longer (the settings' longest pause between attempts is an hour), in milliseconds. */
const LONGEST_PAUSE_MS = 2 * 60 * 60 * 1000
/** How far ahead a file may be put off. */
export const LONGEST_DEFERRAL_MS = LONGEST_PAUSE_MS / 2
/** Of the files that wait for their next attempt so many are asked for their age: no index has it. */
const LATER_ROWS = 1_000
/** Clocks that are kept right go back by less than this at a time. */
const WENT_BACK_MS = 1_000

// As one value: to bring each column of each row over by itself costs several times what it costs to find it. Integers
// of 64 bits are text, which JSON.parse leaves exact.
const READY = `SELECT json_group_array(json_array(
    id, generation, path, size, CAST(mtime_ns AS TEXT), CAST(ctime_ns AS TEXT), CAST(inode AS TEXT), CAST(device AS TEXT), attempts, hex(digest)
  ) ORDER BY mtime_ns, id) AS rows
  FROM (SELECT ${DUE_COLUMNS} FROM file WHERE route = ?1 AND state = 0 AND retry_at = 0
    AND id NOT IN (SELECT value FROM json_each(?2)) ORDER BY mtime_ns, id LIMIT ?3)`

type ReadyRow = [
  id: number,
  generation: number,
  path: string,
  size: number,
  mtimeNs: string,
  ctimeNs: string,
  inode: string,
  device: string,
  attempts: number,
  digest: string,
]

function dueOfReady(row: ReadyRow, source: string): Due {
  const [id, generation, path, size, mtimeNs, ctimeNs, inode, device, attempts, digest] = row
  return {
    id,
    generation,
    source,
    path,
    size,
    mtimeNs: BigInt(mtimeNs),
    ctimeNs: BigInt(ctimeNs),
    inode: word.load(BigInt(inode)),
    device: word.load(BigInt(device)),
    attempts,
    // Of NULL it is empty.
    digest: digest === '' ? null : Buffer.from(digest, 'hex'),
  }
}

export function openLedgerQueue(
  database: DatabaseSyncInstance,
  routes: Routes,
  pages: Pick<LedgerPages, 'routes'>,
): LedgerQueue {
  const ready = database.prepare(READY)
  const promote = database.prepare(
    'UPDATE file SET retry_at = 0 WHERE state = 0 AND retry_at > 0 AND retry_at <= ?',
  )
  const promoteAll = database.prepare('UPDATE file SET retry_at = 0 WHERE state = 0 AND retry_at > 0')
  const latest = database.prepare('SELECT max(retry_at) AS at FROM file WHERE state = 0 AND retry_at > 0')
  const earliest = database.prepare('SELECT min(retry_at) AS at FROM file WHERE state = 0 AND retry_at > 0')
  // A time of modification is a nanosecond's, beyond a double's exact integers.
  const oldestReady = database.prepare(
    `SELECT min(mtime_ns) / 1000000 AS at FROM file
     WHERE route = ? AND state = 0 AND retry_at = 0 AND mtime_ns > 0`,
  )
  const oldestLater = database.prepare(
    `SELECT route, min(mtime_ns) / 1000000 AS at FROM (
       SELECT route, mtime_ns FROM file INDEXED BY file_later WHERE state = 0 AND retry_at > 0
       ORDER BY retry_at LIMIT ${LATER_ROWS}
     ) WHERE mtime_ns > 0 GROUP BY route`,
  )
  const parkOne = database.prepare(
    `UPDATE file SET state = 2, attempts = attempts + 1, retry_at = 0, reason = ? ${CLAIMED} AND state = 0`,
  )
  const later = database.prepare(
    `UPDATE file SET retry_at = ?, attempts = attempts + 1, reason = ? ${CLAIMED} AND state = 0`,
  )
  // Who puts off by an age rounds it up to a whole second: what waits for this one already is not written again.
  const ofAge = 'mtime_ns / 1000000 + ?3'
  const sooner = database.prepare(
    `UPDATE file INDEXED BY file_later SET retry_at = max(0, ${ofAge}) WHERE state = 0 AND retry_at > 0
     AND route IN (SELECT id FROM route WHERE destination = ?1 AND source = ?2)
     AND reason IS NULL AND retry_at >= ${ofAge} + 1000`,
  )
  const renewOne = database.prepare(
    `UPDATE file SET digest = iif(size = ?1 AND mtime_ns = ?2 AND inode = ?4, digest, NULL),
     size = ?1, mtime_ns = ?2, ctime_ns = ?3, inode = ?4, device = ?5, retry_at = ?6,
     state = 0, generation = generation + 1, attempts = attempts + 1, reason = NULL,
     ${REMOVAL_ANEW} WHERE id = ?7 AND generation = ?8`,
  )
  const dropOne = database.prepare(`DELETE FROM file ${CLAIMED} AND state = 0 AND sent_at IS NULL`)
  // That an earlier content was sent stays known: a removal of it may be under way, and a file that comes back with the
  // mark of a sent one is another content.
  const leaveOne = database.prepare(`UPDATE file SET ${SENT_ONCE} ${CLAIMED} AND state = 0`)
  const unparkThis = database.prepare(
    `UPDATE file SET state = 0, attempts = 0, retry_at = 0, reason = NULL ${CLAIMED} AND state = 2`,
  )
  const unparkSome = database.prepare(
    `UPDATE file SET state = 0, attempts = 0, retry_at = 0, reason = NULL
     WHERE id IN (SELECT id FROM file WHERE route = ? AND state = 2 LIMIT ?)`,
  )

  let lastNow = 0

  /** Files whose time has come; all of them if it was told by a clock that has been set back since. */
  const promoteDue = (now: number) => {
    const wentBack = now < lastNow - WENT_BACK_MS
    lastNow = now
    const at = nextRetryAt()
    if (at === null) return
    const { at: last } = latest.get() as { at: number | null }
    if (wentBack || (last ?? 0) > now + LONGEST_PAUSE_MS) promoteAll.run()
    else if (at <= now) promote.run(now)
  }

  const takeRoute = (source: string, route: number, limit: number, excluding: string): Due[] => {
    if (limit <= 0) return []
    const { rows } = ready.get(route, excluding, limit) as { rows: string }
    return (JSON.parse(rows) as ReadyRow[]).map((row) => dueOfReady(row, source))
  }

  const nextRetryAt = (): number | null => (earliest.get() as { at: number | null }).at

  return {
    take(destination, sources, limit, now, excluding) {
      promoteDue(now)
      const due: Due[] = []
      const found = sources.flatMap((source) => {
        const route = routes.find(destination, source)
        return route === null ? [] : [{ source, route }]
      })
      const out = JSON.stringify([...excluding])
      // Each source gets its even share of what is left, so one with a long queue cannot hold up the rest.
      found.forEach(({ source, route }, index) => {
        const share = Math.ceil((limit - due.length) / (found.length - index))
        due.push(...takeRoute(source, route, share, out))
      })
      return due
    },

    oldestWaiting(destination, sources) {
      const found = new Set(sources.flatMap((source) => routes.find(destination, source) ?? []))
      const ready = [...found].map((route) => (oldestReady.get(route) as { at: number | null }).at)
      const later = (oldestLater.all() as { route: number; at: number }[])
        .filter(({ route }) => found.has(route))
        .map(({ at }) => at)
      const all = [...ready, ...later].filter((at) => at !== null)
      return all.length === 0 ? null : Math.min(...all)
    },

    nextRetryAt,

    park: ({ id, generation }, reason) => {
      parkOne.run(JSON.stringify(reason), id, generation)
    },

    retryLater: (claims, at, reason) =>
      inTransaction(database, () => {
        const words = reason === null ? null : JSON.stringify(reason)
        for (const { id, generation } of claims) later.run(Math.max(1, Math.ceil(at)), words, id, generation)
      }),

    dueByAge: (destination, source, age) => {
      sooner.run(destination, source, Math.ceil(age))
    },

    renew({ id, generation }, facts, at) {
      const { size, mtimeNs, ctimeNs, inode, device } = facts
      const words = [mtimeNs, ctimeNs, inode, device].map(word.store)
      renewOne.run(size, ...words, Math.max(0, Math.ceil(at)), id, generation)
    },

    drop: ({ id, generation }) =>
      inTransaction(database, () => {
        if (dropOne.run(id, generation).changes === 0) leaveOne.run(id, generation)
      }),

    unparkOne: ({ id, generation }) => unparkThis.run(id, generation).changes > 0,

    unpark(destination, source, limit) {
      let left = limit
      for (const route of pages.routes(destination, source)) {
        if (left > 0) left -= Number(unparkSome.run(route.id, left).changes)
      }
      return limit - left
    },
  }
}
