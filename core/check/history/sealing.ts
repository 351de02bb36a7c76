import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../../sqlite.ts'
import { packPoints, packSamples, unpackPoints, unpackSamples } from './packing.ts'
import { grouped, inOrder, type Sample, summarise, summariseSpans } from './points.ts'
import { collectClosed } from './recent.ts'
import { prepared } from './statements.ts'
import { blockStart, firstKey, GRACE_MS, TIERS } from './tiers.ts'

/** Paths that one transaction deals with: it lasts some milliseconds. */
const PATHS_AT_ONCE = 250

const { raw, minute, hour } = TIERS

interface Blob {
  points: Uint8Array
}

/** The block of time whose checks are still collected at `now`. */
export function openBlock(now: number): number {
  return blockStart(raw, now - GRACE_MS)
}

/**
 * Moves the checks of closed blocks from `recent` to each path's rows. Each step is one transaction; what is
 * interrupted is done anew, as a check that is there twice counts once.
 */
export function* sealBlocks(database: DatabaseSyncInstance, now: number): Generator<void> {
  const { paths, samplesOf, finished } = collectClosed(database, openBlock(now))
  for (const part of parts(paths)) {
    inTransaction(database, () => {
      for (const path of part) sealPath(database, path, samplesOf(path))
    })
    yield
  }
  const drop = prepared(database, 'DELETE FROM recent WHERE id = ?')
  inTransaction(database, () => {
    for (const id of finished) drop.run(id)
  })
  yield
}

function sealPath(database: DatabaseSyncInstance, path: number, samples: readonly Sample[]): void {
  const find = prepared(database, 'SELECT points FROM raw WHERE key = ?')
  for (const [start, news] of grouped(samples, raw.blockMs)) {
    const key = firstKey(raw, start) + path
    const before = find.get(key) as Blob | undefined
    const all = inOrder([...(before === undefined ? [] : unpackSamples(before.points, start)), ...news])
    const minutes = packPoints(summariseSpans(all, minute.spanMs), start, minute.spanMs)
    prepared(database, 'INSERT OR REPLACE INTO raw VALUES (?, ?)').run(key, packSamples(all, start))
    prepared(database, 'INSERT OR REPLACE INTO minute VALUES (?, ?)').run(key, minutes)
    prepared(database, 'INSERT OR IGNORE INTO due VALUES (?)').run(start - (start % hour.spanMs))
  }
}

/** Summarises the hours that are over and have new checks. Each step is one transaction. */
export function* sumHours(database: DatabaseSyncInstance, now: number): Generator<void> {
  const due = database
    .prepare('SELECT hour FROM due WHERE hour + ? <= ? ORDER BY hour')
    .all(hour.spanMs, openBlock(now)) as { hour: number }[]
  const done = database.prepare('DELETE FROM due WHERE hour = ?')
  for (const { hour: start } of due) {
    const ids = database.prepare('SELECT id FROM path ORDER BY id').all() as { id: number }[]
    for (const part of parts(ids)) {
      inTransaction(database, () => {
        for (const { id } of part) sumHour(database, id, start)
      })
      yield
    }
    done.run(start)
  }
}

function sumHour(database: DatabaseSyncInstance, path: number, start: number): void {
  const samples: Sample[] = []
  const find = prepared(database, 'SELECT points FROM raw WHERE key = ?')
  for (let block = start; block < start + hour.spanMs; block += raw.blockMs) {
    const row = find.get(firstKey(raw, block) + path) as Blob | undefined
    if (row !== undefined) samples.push(...unpackSamples(row.points, block))
  }
  if (samples.length === 0) return
  const day = blockStart(hour, start)
  const key = firstKey(hour, start) + path
  const row = prepared(database, 'SELECT points FROM hour WHERE key = ?').get(key) as Blob | undefined
  const before = row === undefined ? [] : unpackPoints(row.points, day, hour.spanMs)
  const known = before.find(({ at }) => at === start)
  // What came late for an hour whose checks are gone already must not replace their summary.
  if (known !== undefined && known.count > samples.length) return
  const points = [...before.filter(({ at }) => at !== start), summarise(start, samples)]
  const packed = packPoints(
    points.sort((a, b) => a.at - b.at),
    day,
    hour.spanMs,
  )
  prepared(database, 'INSERT OR REPLACE INTO hour VALUES (?, ?)').run(key, packed)
}

function* parts<T>(all: readonly T[]): Generator<T[]> {
  for (let from = 0; from < all.length; from += PATHS_AT_ONCE) yield all.slice(from, from + PATHS_AT_ONCE)
}
