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
}

/** `strange`: it is neither a file nor a directory; no symbolic link is followed. */
export type Selected =
  | ({ is: 'file' } & Content)
  | { is: 'strange'; place: string[] }
  | { is: 'unreadable'; place: string[]; code: string }

interface Selection {
  layout: StoreLayout
  rows: Rows | null
  when: When
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
  if (origin.length === 0) yield* selectInside(selection, [], [], '')
  else yield* selectOne(selection, [...origin], [...origin], '')
}

/**
 * @param place where that is which counts as current: in its place, or in a directory that became a version.
 * @param of the name of that version, or empty.
 */
async function* selectOne(
  selection: Selection,
  place: string[],
  origin: string[],
  of: string,
): AsyncGenerator<Selected> {
  const { layout, when } = selection
  try {
    const names = when.was === 'now' ? [] : await versionNames(layout, origin)
    const later = when.was === 'at' ? names.filter((name) => (replacedAt(name) ?? 0) > when.time) : names
    const wanted = when.was === 'at' ? later.slice(0, 1) : names
    const existed = when.was !== 'at' || later.length < names.length
    for (const version of wanted) {
      yield* selectContent(selection, [...layout.versions, ...origin, version], origin, version, existed)
    }
    if (when.was === 'at' && wanted.length > 0) return
    yield* selectContent(selection, place, origin, of, existed)
  } catch (thrown) {
    const code = errorCode(thrown)
    if (code === null) throw thrown
    yield { is: 'unreadable', place, code }
  }
}

/** @param existed it replaced something before the time that is asked for, and so was there. */
async function* selectContent(
  selection: Selection,
  place: string[],
  origin: string[],
  version: string,
  existed: boolean,
): AsyncGenerator<Selected> {
  const { layout, when, rows } = selection
  const stats = await lstatOrNull(path.join(layout.root, ...place))
  selection.looked()
  if (stats === null) return
  if (stats.isDirectory()) return yield* selectInside(selection, place, origin, version)
  if (!stats.isFile()) return yield { is: 'strange', place }
  const row = rows === null ? null : rowOf(rows, layout, place, origin, version)
  // A store that was copied to another disk has new times of birth, an adopted file a new time in the manifest.
  const born = stats.birthtimeMs > 0 ? stats.birthtimeMs : Number.POSITIVE_INFINITY
  const storedAt = Math.min(row?.storedAt ?? Number.POSITIVE_INFINITY, born)
  if (when.was === 'at' && !existed && storedAt > when.time) return
  yield { is: 'file', place, origin, version, stats, row }
}

async function* selectInside(
  selection: Selection,
  place: string[],
  origin: string[],
  of: string,
): AsyncGenerator<Selected> {
  const { layout, when } = selection
  const isBeside = place.length === 0 ? await besideFolders(layout) : () => false
  for await (const entry of entriesOf(path.join(layout.root, ...place))) {
    if (isBeside(entry)) continue
    const { name } = entry
    yield* selectOne(selection, [...place, name], [...origin, name], of)
  }
  if (when.was === 'now') return
  // What is not in its place any more.
  for await (const entry of entriesOf(path.join(layout.root, ...layout.versions, ...origin))) {
    const isVersion = origin.length > 1 && isVersionName(entry.name)
    if (!entry.isDirectory() || isVersion) continue
    if ((await lstatOrNull(path.join(layout.root, ...place, entry.name))) !== null) continue
    yield* selectOne(selection, [...place, entry.name], [...origin, entry.name], of)
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

function rowOf(
  rows: Rows,
  layout: StoreLayout,
  place: readonly string[],
  [folder = '', ...rest]: readonly string[],
  version: string,
): ManifestRow | null {
  if (version === '') return rows.find(folder, rest.join('/'), '')
  const parts = place.slice(layout.versions.length + 1)
  const keys = versionsAt(parts).filter((one) => one.version === version)
  return keys.map((one) => rows.find(folder, one.path, version)).find((row) => row !== null) ?? null
}
