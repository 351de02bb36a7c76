import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { onTestFinished } from 'vitest'
import type { VerdictKind } from '../../../core/check/checker-messages.ts'
import { HistoryStore } from '../../../core/check/history/history-store.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { temporaryDirectory } from '../temporary.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
/** Midnight, so that hours and days begin with it. */
export const START = 1_699_920_000_000

export interface Given {
  id?: string
  at: number
  kind?: VerdictKind
  delayMs?: number | null
}

export function open(file = path.join(temporaryDirectory('history'), 'history.db'), mostBytes?: number) {
  const told: Message[] = []
  const store = new HistoryStore(file, (notice) => told.push(notice), mostBytes)
  onTestFinished(() => {
    try {
      store.close()
    } catch {
      // The test has closed it.
    }
  })
  return { file, store, told }
}

/** Writes checks at the time of the last one. */
export function write(store: HistoryStore, given: readonly Given[], now = given.at(-1)?.at ?? 0): void {
  const checks = given.map(({ id = 'a', at, kind = 'ok', delayMs = 1 }) => ({ id, at, kind, delayMs }))
  store.write(checks, now)
}

/** As many writes as it takes to sum up what the tests write. */
export function sumUp(store: HistoryStore, now: number): void {
  for (let step = 0; step < 250; step += 1) store.write([], now)
}

/** How many checks, minutes and hours are kept. */
export function rowsIn(file: string): number[] {
  const database = new DatabaseSync(file)
  const count = (sql: string) => (database.prepare(sql).get() as { n: number }).n
  const counts = [
    count('SELECT count(*) AS n FROM checks'),
    count('SELECT count(DISTINCT span) AS n FROM minutes'),
    count('SELECT count(DISTINCT span) AS n FROM hours'),
  ]
  database.close()
  return counts
}

/** A check every ten seconds, with a delay that rises by a microsecond each time. */
export function everyTenSeconds(from: number, to: number, id = 'a'): Given[] {
  const given: Given[] = []
  for (let at = from; at < to; at += 10_000) given.push({ id, at, delayMs: given.length / 1_000 })
  return given
}

export const ask = (store: HistoryStore, from: number, to: number, points: number, id = 'a') =>
  store.ask({ id, from, to, points })

export const total = (points: readonly { count: number }[]) =>
  points.reduce((sum, { count }) => sum + count, 0)
