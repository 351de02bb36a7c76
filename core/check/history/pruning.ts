import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { firstKey, keyOf, TIERS } from './tiers.ts'

const { raw, minute, hour } = TIERS

/** Rows that one transaction removes. */
const ROWS_AT_ONCE = 2_000

/** Removes what is older than it is kept, then the oldest while the file is larger than `mostBytes`. */
export function* prune(database: DatabaseSyncInstance, now: number, mostBytes: number): Generator<void> {
  for (const tier of Object.values(TIERS)) {
    yield* removeBefore(database, tier.table, firstKey(tier, now - tier.keepMs))
  }
  while (usedBytes(database) > mostBytes) {
    const oldest = oldestBlock(database)
    if (oldest === null) return
    yield* removeBefore(database, oldest.table, oldest.before)
  }
}

/** Single checks go first, as their summaries stay; but never those of the last hour. */
function oldestBlock(database: DatabaseSyncInstance): { table: string; before: number } | null {
  for (const tier of [raw, minute, hour]) {
    const { first, last } = database
      .prepare(`SELECT min(key) AS first, max(key) AS last FROM ${tier.table}`)
      .get() as { first: number | null; last: number | null }
    if (first === null || last === null) continue
    const before = (Math.floor(first / keyOf(1, 0)) + 1) * keyOf(1, 0)
    if (before < last - keyOf(hour.spanMs / raw.blockMs, 0)) return { table: tier.table, before }
  }
  return null
}

function* removeBefore(database: DatabaseSyncInstance, table: string, key: number): Generator<void> {
  const some = database.prepare(
    `DELETE FROM ${table} WHERE key IN (SELECT key FROM ${table} WHERE key < ? ORDER BY key LIMIT ?)`,
  )
  while (Number(some.run(key, ROWS_AT_ONCE).changes) > 0) yield
}

/** The bytes in use: pages that were freed are written to again before the file grows. */
export function usedBytes(database: DatabaseSyncInstance): number {
  const pragma = (name: string) =>
    Object.values(database.prepare(`PRAGMA ${name}`).get() as Record<string, number>)[0] ?? 0
  return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size')
}
