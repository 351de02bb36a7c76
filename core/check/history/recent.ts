import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { type Columns, countOf, emptyColumns, sampleOf, unpackColumns } from './packing.ts'
import type { Sample } from './points.ts'
import { prepared } from './statements.ts'
import { blockStart, TIERS } from './tiers.ts'

const { raw } = TIERS

/** The checks of closed blocks, still in columns: objects of all of them at once would take hundreds of megabytes. */
export interface Closed {
  /** The paths that have any. */
  paths: number[]
  samplesOf(path: number): Sample[]
  /** The batches that hold nothing else. */
  finished: number[]
}

/** `open` is the beginning of the block whose checks are still collected. */
export function collectClosed(database: DatabaseSyncInstance, open: number): Closed {
  const batches = prepared(database, 'SELECT id, checks FROM recent ORDER BY id').all() as {
    id: number
    checks: Uint8Array
  }[]
  const columns = emptyColumns(batches.reduce((sum, { checks }) => sum + countOf(checks), 0))
  const finished: number[] = []
  for (const { id, checks } of batches) {
    let isFinished = true
    unpackColumns(checks, (path, at, tag) => {
      const start = blockStart(raw, at)
      // The next block has begun, too, while this one waits for its last checks.
      if (start === open || start === open + raw.blockMs) {
        isFinished = false
        return
      }
      columns.paths[columns.count] = path
      columns.at[columns.count] = at
      columns.tags[columns.count] = tag
      columns.count += 1
    })
    if (isFinished) finished.push(id)
  }
  const { paths, placesOf } = byPath(columns)
  const samplesOf = (path: number) =>
    [...placesOf(path)].map((place) => sampleOf(columns.at[place] ?? 0, columns.tags[place] ?? 0))
  return { paths, samplesOf, finished }
}

/** Counting sort: where in the columns each path's checks are. */
function byPath({ count, paths }: Columns) {
  const ends = new Map<number, number>()
  for (let place = 0; place < count; place += 1) {
    const path = paths[place] ?? 0
    ends.set(path, (ends.get(path) ?? 0) + 1)
  }
  let sum = 0
  const starts = new Map<number, number>()
  for (const [path, many] of ends) {
    starts.set(path, sum)
    ends.set(path, sum)
    sum += many
  }
  const order = new Uint32Array(count)
  for (let place = 0; place < count; place += 1) {
    const path = paths[place] ?? 0
    const end = ends.get(path) ?? 0
    order[end] = place
    ends.set(path, end + 1)
  }
  return {
    paths: [...starts.keys()],
    placesOf: (path: number) => order.subarray(starts.get(path) ?? 0, ends.get(path) ?? 0),
  }
}

/** One path's checks in the batches that are not dealt with yet. */
export function readRecent(database: DatabaseSyncInstance, path: number, from: number, to: number): Sample[] {
  const samples: Sample[] = []
  const rows = prepared(database, 'SELECT checks FROM recent').iterate()
  for (const { checks } of rows as IterableIterator<{ checks: Uint8Array }>) {
    unpackColumns(checks, (one, at, tag) => {
      if (one === path && at >= from && at < to) samples.push(sampleOf(at, tag))
    })
  }
  return samples
}
