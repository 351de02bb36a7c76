import type { HistoryPoint } from '../messages.ts'
import { type VerdictKind, verdictKinds } from '../verdict-kinds.ts'
import { ByteReader, ByteWriter } from './bytes.ts'
import type { Sample } from './points.ts'

/** Verdicts are stored by their number in `verdictKinds`; four bits hold it. */
const KINDS = 16
/** Delays are stored in whole microseconds. */
const PER_MS = 1_000

/** Verdict and delay in one number; what a delay's absence and a delay of nothing are stays different. */
export function tagOf(kind: VerdictKind, delayMs: number | null): number {
  const delay = delayMs === null ? 0 : Math.max(0, Math.round(delayMs * PER_MS)) + 1
  return verdictKinds.indexOf(kind) + KINDS * delay
}

export function sampleOf(at: number, tag: number): Sample {
  const delay = Math.floor(tag / KINDS)
  return { at, kind: kindOf(tag % KINDS), delayMs: delay === 0 ? null : (delay - 1) / PER_MS }
}

function kindOf(index: number): VerdictKind {
  return verdictKinds[index] ?? 'error'
}

/** One path's checks in a block of time that begins at `start`; they must be in order. */
export function packSamples(samples: readonly Sample[], start: number): Uint8Array {
  const bytes = new ByteWriter()
  let before = start
  for (const { at, kind, delayMs } of samples) {
    bytes.number(at - before)
    bytes.number(tagOf(kind, delayMs))
    before = at
  }
  return bytes.done()
}

export function unpackSamples(packed: Uint8Array, start: number): Sample[] {
  const bytes = new ByteReader(packed)
  const samples: Sample[] = []
  let at = start
  while (bytes.hasMore()) {
    at += bytes.number()
    samples.push(sampleOf(at, bytes.number()))
  }
  return samples
}

/** One path's summaries in a block of time that begins at `start`, one for each `spanMs` at most, in order. */
export function packPoints(points: readonly HistoryPoint[], start: number, spanMs: number): Uint8Array {
  const bytes = new ByteWriter()
  let before = start
  for (const { at, count, delays, kinds } of points) {
    bytes.number((at - before) / spanMs)
    before = at
    const isAllOk = kinds.ok === count
    bytes.number(count * 4 + (delays === null ? 0 : 2) + (isAllOk ? 1 : 0))
    if (!isAllOk) packKinds(bytes, kinds)
    if (delays !== null) packDelays(bytes, delays)
  }
  return bytes.done()
}

function packKinds(bytes: ByteWriter, kinds: HistoryPoint['kinds']): void {
  bytes.number(verdictKinds.reduce((mask, kind, index) => mask + (kinds[kind] ? 2 ** index : 0), 0))
  for (const kind of verdictKinds) {
    const count = kinds[kind]
    if (count) bytes.number(count)
  }
}

function packDelays(bytes: ByteWriter, delays: NonNullable<HistoryPoint['delays']>): void {
  let before = 0
  for (const delay of [delays.min, delays.median, delays.p99, delays.max]) {
    const whole = Math.round(delay * PER_MS)
    bytes.number(whole - before)
    before = whole
  }
}

export function unpackPoints(packed: Uint8Array, start: number, spanMs: number): HistoryPoint[] {
  const bytes = new ByteReader(packed)
  const points: HistoryPoint[] = []
  let at = start
  while (bytes.hasMore()) {
    at += bytes.number() * spanMs
    const head = bytes.number()
    const count = Math.floor(head / 4)
    const kinds = head % 2 === 1 ? { ok: count } : unpackKinds(bytes)
    const delays = head % 4 >= 2 ? unpackDelays(bytes) : null
    const gravest = verdictKinds.findLast((kind) => kinds[kind] !== undefined) ?? 'ok'
    points.push({ at, count, delays, gravest, kinds })
  }
  return points
}

function unpackKinds(bytes: ByteReader): HistoryPoint['kinds'] {
  const mask = bytes.number()
  const kinds: HistoryPoint['kinds'] = {}
  for (const [index, kind] of verdictKinds.entries()) {
    if (Math.floor(mask / 2 ** index) % 2 === 1) kinds[kind] = bytes.number()
  }
  return kinds
}

function unpackDelays(bytes: ByteReader): NonNullable<HistoryPoint['delays']> {
  const min = bytes.number()
  const median = min + bytes.number()
  const p99 = median + bytes.number()
  const max = p99 + bytes.number()
  return { min: min / PER_MS, median: median / PER_MS, p99: p99 / PER_MS, max: max / PER_MS }
}

/** Checks of many paths in the order in which they came; columns, as objects would cost more than the work. */
export interface Columns {
  count: number
  paths: Uint32Array
  at: Float64Array
  tags: Float64Array
}

export function emptyColumns(size: number): Columns {
  return { count: 0, paths: new Uint32Array(size), at: new Float64Array(size), tags: new Float64Array(size) }
}

export function packColumns({ count, paths, at, tags }: Columns): Uint8Array {
  const bytes = new ByteWriter()
  bytes.number(count)
  let path = 0
  let time = 0
  for (let index = 0; index < count; index += 1) {
    bytes.signed((paths[index] ?? 0) - path)
    bytes.signed((at[index] ?? 0) - time)
    bytes.number(tags[index] ?? 0)
    path = paths[index] ?? 0
    time = at[index] ?? 0
  }
  return bytes.done()
}

/** How many checks a packed batch holds. */
export function countOf(packed: Uint8Array): number {
  return new ByteReader(packed).number()
}

export function unpackColumns(
  packed: Uint8Array,
  each: (path: number, at: number, tag: number) => void,
): void {
  const bytes = new ByteReader(packed)
  const count = bytes.number()
  let path = 0
  let at = 0
  for (let index = 0; index < count; index += 1) {
    path += bytes.signed()
    at += bytes.signed()
    each(path, at, bytes.number())
  }
}
