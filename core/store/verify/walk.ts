import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { lstatOrNull } from '../../platform/lstat-or-null.ts'
import { errorCode, isGone } from '../../platform/system-error.ts'
import { LOST_AND_FOUND, OWN_DIRECTORY, type StoreLayout } from '../layout.ts'
import { isVersionName, versionNameAsGiven } from '../retention/name.ts'

/** An entry of a store, below its root. */
export type FoundEntry = {
  place: string[]
  /** True if it is in the tree of versions. */
  isVersion: boolean
} & ({ kind: 'file' } | { kind: 'strange' } | { kind: 'unreadable'; code: string })

/** Entries of a store's root that are no sender's folder: Holdfast's own directory, and that of the file system. */
const BESIDE_FOLDERS: ReadonlySet<string> = new Set([OWN_DIRECTORY, LOST_AND_FOUND])

/**
 * Yields all entries of the store except directories and `BESIDE_FOLDERS`; older versions last. Does not follow links.
 */
export async function* walkStore(layout: StoreLayout): AsyncGenerator<FoundEntry> {
  yield* walk(layout.root, [], false)
  yield* walk(layout.root, layout.versions, true)
}

async function* walk(root: string, place: readonly string[], isVersion: boolean): AsyncGenerator<FoundEntry> {
  try {
    // Lists names only: with types, an entry that vanishes would end the listing if the file system reports no types.
    for (const name of await readdir(path.join(root, ...place))) {
      if (place.length === 0 && BESIDE_FOLDERS.has(name)) continue
      const inside = [...place, name]
      const stats = await lstatOrNull(path.join(root, ...inside))
      if (stats?.isDirectory()) yield* walk(root, inside, isVersion)
      else yield { kind: stats?.isFile() === false ? 'strange' : 'file', place: inside, isVersion }
    }
  } catch (error) {
    const code = errorCode(error)
    // Removed since it was listed, or there are no versions yet.
    if (isGone(code)) return
    if (code === null) throw error
    yield { kind: 'unreadable', code, place: [...place], isVersion }
  }
}

/** Identifies the row of a file. */
export interface RowName {
  folder: string
  directory: string
  path: string
  version: string
  depth: number
}

/** Returns the rows that may describe a file, the likeliest first; empty: it is in no source's directory. */
export function rowsFor({ place, isVersion }: Pick<FoundEntry, 'place' | 'isVersion'>): RowName[] {
  // A version's path begins with .holdfast/versions.
  const [folder, directory, ...parts] = isVersion ? place.slice(2) : place
  if (folder === undefined || directory === undefined || parts.length === 0) return []
  if (!isVersion) return [{ folder, directory, path: parts.join('/'), version: '', depth: 0 }]
  const rows: RowName[] = []
  for (let depth = parts.length - 1; depth > 0; depth -= 1) {
    const version = versionNameAsGiven(parts[depth] ?? '')
    if (!isVersionName(version)) continue
    const rest = [...parts.slice(0, depth), ...parts.slice(depth + 1)]
    rows.push({ folder, directory, path: rest.join('/'), version, depth })
  }
  return rows
}
