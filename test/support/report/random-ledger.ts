import path from 'node:path'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { openLedgerFile } from '../../../core/ledger/database.ts'
import { inTransaction } from '../../../core/platform/sqlite.ts'

const DAY_MS = 86_400_000

/** Returns a function for random numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface RandomLedger {
  directory: string
  seed: number
  routes: number
  files: number
  /** The rows are of the time from `from` to `to`, and of ten days before and after it. */
  from: number
  to: number
}

/** Creates a ledger whose rows have every combination of states that a report distinguishes. Returns its path. */
export function writeRandomLedger({ directory, seed, routes, files, from, to }: RandomLedger): string {
  const file = path.join(directory, 'ledger.db')
  const { database } = openLedgerFile(file)
  const random = createRandom(seed)
  const addRoute = database.prepare('INSERT INTO route (destination, source) VALUES (?, ?)')
  for (let index = 0; index < routes; index += 1) addRoute.run(`d${index % 2}`, `s${Math.floor(index / 2)}`)
  const add = database.prepare(
    `INSERT INTO file (route, path, inode, size, ctime_ns, device, state, due_at, sent_at, mtime_ns, reason, digest,
       removal, removed_at, proven_at, stored_ns, first_at)
     VALUES (?1, 'file-' || ?2, ?2, ?3, 0, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)`,
  )
  inTransaction(database, () => {
    for (let index = 0; index < files; index += 1)
      add.run(1 + (index % routes), index, ...createValues(random, from, to))
  })
  addExpected(database, random, routes, from, to)
  database.close()
  return file
}

const PARKED = JSON.stringify({ key: 'transfer.gone', params: {} })

/** Returns the other columns of a random file, in the order of the statement. */
function createValues(random: () => number, from: number, to: number) {
  const pick = (share: number) => random() < share
  const moment = () => Math.floor(from - 10 * DAY_MS + random() * (to - from + 20 * DAY_MS))
  const choose = (...[first, ...others]: [number, ...[number, number][]]) =>
    others.reduce((value, [share, other]) => (pick(share) ? other : value), first)
  const state = choose(1, [0.05, 0], [0.05, 2])
  const isSent = state === 1
  // A few were sent by a program that recorded no time, and some wait to be sent again.
  const sentAt = pick(isSent ? 0.98 : 0.3) ? moment() : null
  // Some have a time of the future, or content that has left its name.
  const delay = Math.floor(Math.exp(random() * 14)) - choose(0, [0.02, 5_000_000])
  const mtimeMs = BigInt((sentAt ?? moment()) - delay)
  const mtimeNs = pick(0.02) ? -(2n ** 63n) : mtimeMs * 1_000_000n + BigInt(Math.floor(random() * 1e6))
  const removal = isSent ? choose(0, [0.1, 1], [0.15, 2], [0.15, 3]) : 0
  return [
    ...([Math.floor(random() * 1e7), state, isSent && sentAt !== null ? sentAt : moment(), sentAt] as const),
    ...([mtimeNs, state === 2 ? PARKED : null, pick(0.95) ? Buffer.alloc(32, 7) : null, removal] as const),
    ...([removal > 1 && pick(0.95) ? moment() : null, pick(0.2) ? moment() : null] as const),
    // Some have other times than the sent content, and some were sent again.
    ...([pick(0.3) ? 7n : null, sentAt !== null && pick(0.2) ? moment() : null] as const),
  ]
}

function addExpected(
  database: DatabaseSyncInstance,
  random: () => number,
  routes: number,
  from: number,
  to: number,
): void {
  const add = database.prepare('INSERT INTO expected VALUES (?, ?, ?, ?, ?, ?, NULL)')
  inTransaction(database, () => {
    for (let index = 0; index < routes; index += 1)
      for (let due = from - 2 * DAY_MS; due < to + 2 * DAY_MS; due += 6 * 3_600_000) {
        const arrivedAt = random() < 0.1 ? null : Math.floor(due + (random() - 0.8) * 3_600_000)
        add.run(`s${index}`, '*.dat', due - 3_600_000, due, `file-${due}.dat`, arrivedAt)
      }
  })
}

type Row = Record<
  | ('route' | 'size' | 'mtime_ns' | 'stored_ns' | 'state' | 'removal')
  | ('sent_at' | 'first_at' | 'removed_at' | 'proven_at'),
  bigint | null
> & { digest: Uint8Array | null }

/** True if the content of the row became durable, and has not left its name. */
const isCounted = ({ state, mtime_ns: mtime, stored_ns: stored, digest }: Row): boolean =>
  mtime !== -(2n ** 63n) && (state === 1n || (digest !== null && (stored ?? mtime) === mtime))

/** Counts the figures of a route row by row, without any of the report's queries. */
export function countRoute(database: DatabaseSyncInstance, route: number, from: number, to: number) {
  const statement = database.prepare('SELECT * FROM file WHERE route = ?')
  statement.setReadBigInts(true)
  const isIn = (at: bigint | null) => at !== null && at >= BigInt(from) && at < BigInt(to)
  const found = {
    durable: { files: 0, bytes: 0 },
    ...{ proven: 0, parked: 0 },
    deletedByHoldfast: { files: 0, bytes: 0 },
    deletedByOthers: { files: 0, bytes: 0 },
    waiting: { files: 0, bytes: 0 },
  }
  const delays: number[] = []
  const add = (sum: { files: number; bytes: number }, size: bigint | null) => {
    sum.files += 1
    sum.bytes += Number(size)
  }
  for (const row of statement.iterate(route) as Iterable<Row>) {
    const { size, mtime_ns: mtime, removal } = row
    const durableAt = row.first_at ?? row.sent_at
    if (row.state === 0n) add(found.waiting, size)
    if (row.state === 2n) found.parked += 1
    if (mtime === null || !isCounted(row)) continue
    if (isIn(row.proven_at)) found.proven += 1
    if (removal === 2n && isIn(row.removed_at)) add(found.deletedByHoldfast, size)
    if (removal === 3n && isIn(row.removed_at)) add(found.deletedByOthers, size)
    if (!isIn(durableAt) || durableAt === null) continue
    add(found.durable, size)
    const delay = Number(durableAt - mtime / 1_000_000n)
    if (row.digest !== null && delay >= 0) delays.push(delay)
  }
  return { ...found, delays: delays.sort((a, b) => a - b) }
}
