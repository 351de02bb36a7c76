import type { Stats } from 'node:fs'
import { opendir } from 'node:fs/promises'
import path from 'node:path'
import { lstatOrNull } from '../../files/lstat-or-null.ts'
import { errorCode, isGone } from '../../files/system-error.ts'
import type { StoreLayout } from '../layout.ts'
import type { ManifestRow, Rows } from '../manifest/rows.ts'
import { versionsAt } from '../manifest/rows.ts'
import { besideFolders } from '../senders/lost-found.ts'
import { compareVersions, isVersionName, replacedAt } from '../versions/name.ts'
import type { Known } from './as-of.ts'
import { asOf } from './as-of.ts'
import { isLike } from './is-like.ts'

/** Which contents are wanted: what is in its place, what was at a time (ms since 1970), or every one there is. */
export type When = { was: 'now' } | { was: 'at'; time: number } | { was: 'any' }

/** One content in the store. */
export interface Content {
  /** Where it is, as components below the store's root. */
  place: string[]
  /** What it was sent as: sender's folder, source, path. */
  origin: string[]
  /** The version's name; empty for what is in its place. */
  version: string
  stats: Stats
  /** What the manifest knows of it. */
  row: ManifestRow | null
  /** False: which content was there at the time that is asked for cannot be known. */
  isSure: boolean
}

/** `strange`: it is neither a file nor a directory; no symbolic link is followed. */
export type Selected =
  | ({ is: 'file' } & Content)
  | { is: 'strange'; place: string[] }
  | { is: 'unreadable'; place: string[]; code: string }

export interface Selection {
  layout: StoreLayout
  rows: Rows | null
  when: When
  /** Milliseconds since 1970. */
  now: number
  /** Called with every content that is looked at: of a large tree none may be wanted. */
  looked: () => void
}

async function* entriesOf(directory: string) {
  try {
    yield* await opendir(directory)
  } catch (thrown) {
    if (!isGone(errorCode(thrown))) throw thrown
  }
}

/**
 * The contents that were sent as this origin or below it. No symbolic link in the store is followed: it is a problem
 * of its own.
 */
export async function* select(selection: Selection, origin: readonly string[]): AsyncGenerator<Selected> {
  const { root } = selection.layout
  for (let depth = 1; depth < origin.length; depth += 1) {
    const place = origin.slice(0, depth)
    if ((await lstatOrNull(path.join(root, ...place)))?.isSymbolicLink()) {
      yield { is: 'strange', place }
      return
    }
  }
  const spot = { place: [...origin], origin: [...origin], version: '', isSure: true }
  if (origin.length === 0) yield* selectInside(selection, spot)
  else yield* selectOne(selection, spot)
}

/**
 * Looks a content up once more, as the store and the manifest are now; null: it is not there any more. At a time it may
 * have become a version meanwhile.
 */
export async function selectAgain(selection: Selection, content: Content): Promise<Content | null> {
  const { layout, rows } = selection
  // A version stays as it is.
  if (content.version !== '') return { ...content, row: rows === null ? null : rowOf(rows, layout, content) }
  for await (const one of select(selection, content.origin))
    if (one.is === 'file' && one.origin.length === content.origin.length) return one
  return null
}

/** What counts as current: in its place, or in a directory that became a version, whose name `version` is then. */
type Spot = Pick<Content, 'place' | 'origin' | 'version' | 'isSure'>

async function* selectOne(selection: Selection, spot: Spot): AsyncGenerator<Selected> {
  const { layout, when } = selection
  const { origin } = spot
  try {
    const names = when.was === 'now' ? [] : await versionNames(layout, origin)
    const spots = names.map((version) => {
      return { ...spot, place: [...layout.versions, ...origin, version], version }
    })
    if (when.was === 'at') yield* selectThen(selection, when.time, [...spots, spot])
    else for (const one of [...spots, spot]) yield* selectContent(selection, one, true)
  } catch (thrown) {
    const code = errorCode(thrown)
    if (code === null) throw thrown
    yield { is: 'unreadable', place: spot.place, code }
  }
}

/** @param spots all contents of one origin, oldest first: the last one is what is in its place. */
async function* selectThen(
  selection: Selection,
  time: number,
  spots: readonly Spot[],
): AsyncGenerator<Selected> {
  const later = spots.filter(
    ({ version }, at) => at === spots.length - 1 || (replacedAt(version) ?? 0) > time,
  )
  const known: Known[] = []
  // Most files were not replaced since.
  if (later.length > 1) {
    for (const [at, spot] of later.entries())
      known.push(await knownOf(selection, spot, at === later.length - 1))
  }
  const { index, isSure } = later.length > 1 ? asOf(known, time, selection.now) : { index: 0, isSure: true }
  const spot = later[index]
  if (spot === undefined) return
  const existed = time >= selection.now || index > 0 || later.length < spots.length
  yield* selectContent(selection, { ...spot, isSure: spot.isSure && isSure }, existed)
}

async function knownOf({ layout, rows }: Selection, spot: Spot, isLast: boolean): Promise<Known> {
  const stats = await lstatOrNull(path.join(layout.root, ...spot.place))
  const row = rows === null ? null : rowOf(rows, layout, spot)
  const madeAt = stats === null ? null : stats.birthtimeMs > 0 ? stats.birthtimeMs : stats.ctimeMs
  return {
    replacedAt: isLast ? null : replacedAt(spot.version),
    // The manifest follows a receiver that runs: it may still tell of the content before.
    recordedAt: row !== null && stats !== null && isLike(stats, row) ? row.storedAt : null,
    madeAt,
  }
}

/** @param existed it replaced something before the time that is asked for, and so was there. */
async function* selectContent(selection: Selection, spot: Spot, existed: boolean): AsyncGenerator<Selected> {
  const { layout, when, rows } = selection
  const { place } = spot
  const stats = await lstatOrNull(path.join(layout.root, ...place))
  selection.looked()
  if (stats === null) return
  if (stats.isDirectory()) return yield* selectInside(selection, spot)
  if (!stats.isFile()) return yield { is: 'strange', place }
  const row = rows === null ? null : rowOf(rows, layout, spot)
  // A store that was copied to another disk has new times of birth, an adopted file a new time in the manifest.
  const born = stats.birthtimeMs > 0 ? stats.birthtimeMs : Number.POSITIVE_INFINITY
  const storedAt = Math.min(row?.storedAt ?? Number.POSITIVE_INFINITY, born)
  if (when.was === 'at' && !existed && storedAt > when.time) return
  yield { is: 'file', ...spot, stats, row }
}

async function* selectInside(selection: Selection, spot: Spot): AsyncGenerator<Selected> {
  const { layout, when } = selection
  const { place, origin } = spot
  const below = (name: string) => ({ ...spot, place: [...place, name], origin: [...origin, name] })
  const isBeside = place.length === 0 ? await besideFolders(layout) : () => false
  for await (const entry of entriesOf(path.join(layout.root, ...place))) {
    if (isBeside(entry)) continue
    const { name } = entry
    yield* selectOne(selection, below(name))
  }
  if (when.was === 'now') return
  // What is not in its place any more.
  for await (const entry of entriesOf(path.join(layout.root, ...layout.versions, ...origin))) {
    const isVersion = origin.length > 1 && isVersionName(entry.name)
    if (!entry.isDirectory() || isVersion) continue
    if ((await lstatOrNull(path.join(layout.root, ...place, entry.name))) !== null) continue
    yield* selectOne(selection, below(entry.name))
  }
}

/** Oldest first. */
async function versionNames(layout: StoreLayout, origin: readonly string[]): Promise<string[]> {
  if (origin.length < 2) return []
  const names: string[] = []
  for await (const { name } of entriesOf(path.join(layout.root, ...layout.versions, ...origin))) {
    if (isVersionName(name)) names.push(name)
  }
  return names.sort(compareVersions)
}

function rowOf(rows: Rows, layout: StoreLayout, { place, origin, version }: Spot): ManifestRow | null {
  const [folder = '', ...rest] = origin
  if (version === '') return rows.find(folder, rest.join('/'), '')
  const parts = place.slice(layout.versions.length + 1)
  const keys = versionsAt(parts).filter((one) => one.version === version)
  return keys.map((one) => rows.find(folder, one.path, version)).find((row) => row !== null) ?? null
}
