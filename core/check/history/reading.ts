import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { HistoryAnswer, HistoryPoint, HistoryQuestion } from '../messages.ts'
import { unpackPoints, unpackSamples } from './packing.ts'
import { inOrder, merge, mergeSpans, type Sample, summarise, summariseSpans } from './points.ts'
import { readRecent } from './recent.ts'
import { prepared } from './statements.ts'
import { blockStart, firstKey, startOf, TIERS, type Tier } from './tiers.ts'

const { raw, minute, hour } = TIERS

/** Spans are whole multiples of this, in milliseconds. */
const SHORTEST_SPAN_MS = 1_000

/** What is known of one path: single checks where they are wanted and still kept, summaries elsewhere. */
interface Known {
  samples: Sample[]
  points: HistoryPoint[]
  /** The longest time that one of the summaries stands for, in milliseconds. */
  coarsestMs: number
}

/** Answers with single checks if they are few enough, and with summaries of equal spans of time if not. */
export function answer(
  database: DatabaseSyncInstance,
  path: number,
  question: HistoryQuestion,
  now: number,
): HistoryAnswer {
  const { from, to, points: most } = question
  if (to <= from) return { points: [], spanMs: 0 }
  const stepMs = (to - from) / most
  const tier = stepMs < minute.spanMs ? raw : stepMs < hour.spanMs ? minute : hour
  const known = within(gather(database, path, tier, question, now), from, to)
  if (known.points.length === 0 && known.samples.length <= most) {
    return { points: known.samples.map((sample) => summarise(sample.at, [sample])), spanMs: 0 }
  }
  // Spans are counted from 1970, so one more than fits may be needed to cover the time.
  const wholeMs = Math.max(known.coarsestMs, tier.spanMs, SHORTEST_SPAN_MS)
  const spanMs = Math.ceil((to - from) / Math.max(1, most - 1) / wholeMs) * wholeMs
  const all = [...known.points, ...summariseSpans(known.samples, spanMs)]
  if (most === 1) return { points: [merge(from, all)], spanMs: to - from }
  return { points: mergeSpans(all, spanMs).sort((a, b) => a.at - b.at), spanMs }
}

function within({ samples, points, coarsestMs }: Known, from: number, to: number): Known {
  const isIn = ({ at }: { at: number }) => at >= from && at < to
  return { samples: samples.filter(isIn), points: points.filter(isIn), coarsestMs }
}

/**
 * Times that are older than a tier is kept come from the next coarser one; what is not summed up yet, from a finer
 * one. No check is told of twice.
 */
function gather(
  database: DatabaseSyncInstance,
  path: number,
  tier: Tier,
  { from, to }: HistoryQuestion,
  now: number,
): Known {
  const rawFrom = tier === raw ? begins(from, keptFrom(database, raw, now), raw.blockMs) : to
  const minuteFrom = tier === hour ? to : Math.min(begins(from, now - minute.keepMs, hour.spanMs), rawFrom)
  const due = dueHours(database)
  const hours = readPoints(database, hour, path, { from, to: minuteFrom }).filter(({ at }) => !due.has(at))
  const minutes = [...due].flatMap((start) => {
    const end = Math.min(start + hour.spanMs, minuteFrom)
    return readPoints(database, minute, path, { from: Math.max(start, from), to: end })
  })
  minutes.push(...readPoints(database, minute, path, { from: minuteFrom, to: rawFrom }))
  const samples = readRows(database, raw, path, { from: rawFrom, to }).flatMap(({ start, points }) =>
    unpackSamples(points, start),
  )
  const coarsestMs = hours.length > 0 ? hour.spanMs : minutes.length > 0 ? minute.spanMs : 0
  const recent = readRecent(database, path, from, to)
  const isSealed = (at: number) => findRow(database, raw, path, at) !== null
  const unsealed = tier === raw ? recent : recent.filter(({ at }) => !isSealed(at))
  return { samples: inOrder([...samples, ...unsealed]), points: [...hours, ...minutes], coarsestMs }
}

/** Where a tier takes over: at `from` if it is kept that long, else at the first whole span of the coarser one. */
function begins(from: number, keptFrom: number, spanMs: number): number {
  if (from >= keptFrom) return Math.floor(from / raw.blockMs) * raw.blockMs
  return Math.ceil(keptFrom / spanMs) * spanMs
}

/** Checks may have gone before their time, because the file is full. */
function keptFrom(database: DatabaseSyncInstance, tier: Tier, now: number): number {
  return Math.max(now - tier.keepMs, oldestStart(database, tier) ?? now)
}

function oldestStart(database: DatabaseSyncInstance, tier: Tier): number | null {
  const oldest = prepared(database, `SELECT min(key) AS key FROM ${tier.table}`).get() as {
    key: number | null
  }
  return oldest.key === null ? null : startOf(tier, oldest.key)
}

/** The hours that have checks which their summary does not count yet. */
function dueHours(database: DatabaseSyncInstance): Set<number> {
  const rows = prepared(database, 'SELECT hour FROM due').all() as { hour: number }[]
  return new Set(rows.map((row) => row.hour))
}

interface Times {
  from: number
  to: number
}

function readPoints(database: DatabaseSyncInstance, tier: Tier, path: number, times: Times): HistoryPoint[] {
  return readRows(database, tier, path, times)
    .flatMap(({ start, points }) => unpackPoints(points, start, tier.spanMs))
    .filter(({ at }) => at >= times.from && at < times.to)
}

function readRows(database: DatabaseSyncInstance, tier: Tier, path: number, { from, to }: Times) {
  const rows: { start: number; points: Uint8Array }[] = []
  const earliest = Math.max(from, oldestStart(database, tier) ?? to)
  for (let start = blockStart(tier, earliest); start < to; start += tier.blockMs) {
    const points = findRow(database, tier, path, start)
    if (points !== null) rows.push({ start, points })
  }
  return rows
}

function findRow(database: DatabaseSyncInstance, tier: Tier, path: number, at: number): Uint8Array | null {
  const find = prepared(database, `SELECT points FROM ${tier.table} WHERE key = ?`)
  return (find.get(firstKey(tier, at) + path) as { points: Uint8Array } | undefined)?.points ?? null
}
