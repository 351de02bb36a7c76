import type { Dirent } from 'node:fs'
import { opendir } from 'node:fs/promises'
import path from 'node:path'
import { errorCode, isGone } from '../../files/system-error.ts'
import type { StoreLayout } from '../layout.ts'
import { besideFolders } from '../senders/lost-found.ts'
import { isVersionName, versionNameAsGiven } from '../versions/name.ts'

/** Something in a store, below its root. */
export type Found = {
  place: string[]
  /** Whether it is in the tree of versions. */
  isVersion: boolean
} & ({ kind: 'file' } | { kind: 'strange' } | { kind: 'unreadable'; code: string })

/** All that is in the store but directories and what is nobody's folder, one after the other. Links are not followed. */
export async function* walkStore(layout: StoreLayout): AsyncGenerator<Found> {
  const isBeside = await besideFolders(layout)
  yield* walk(layout.root, [], false, isBeside)
  yield* walk(layout.root, layout.versions, true, isBeside)
}

async function* walk(
  root: string,
  place: readonly string[],
  isVersion: boolean,
  isBeside: (entry: Dirent) => boolean,
): AsyncGenerator<Found> {
  try {
    for await (const entry of await opendir(path.join(root, ...place))) {
      if (place.length === 0 && isBeside(entry)) continue
      const inside = [...place, entry.name]
      if (entry.isDirectory()) yield* walk(root, inside, isVersion, isBeside)
      else yield { kind: entry.isFile() ? 'file' : 'strange', place: inside, isVersion }
    }
  } catch (thrown) {
    const code = errorCode(thrown)
    // Gone since it was listed, or there are no versions yet.
    if (isGone(code)) return
    if (code === null) throw thrown
    yield { kind: 'unreadable', code, place: [...place], isVersion }
  }
}

/** The row that describes a content. */
export interface RowName {
  folder: string
  directory: string
  path: string
  version: string
  depth: number
}

/** The rows that may describe a file, the likeliest first; none: it is in no source's directory. */
export function rowsFor({ place, isVersion }: Pick<Found, 'place' | 'isVersion'>): RowName[] {
  // A version's place begins with .holdfast/versions.
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
