import type { Dirent } from 'node:fs'
import { opendir } from 'node:fs/promises'
import path from 'node:path'
import { errorCode, isGone } from '../../files/system-error.ts'
import type { StoreLayout } from '../layout.ts'
import type { RowKey } from '../manifest/rows.ts'
import { versionsAt } from '../manifest/rows.ts'
import { besideFolders } from '../senders/lost-found.ts'

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
      else yield { kind: kindOf(entry), place: inside, isVersion }
    }
  } catch (thrown) {
    const code = errorCode(thrown)
    // Gone since it was listed, or there are no versions yet.
    if (isGone(code)) return
    if (code === null) throw thrown
    yield { kind: 'unreadable', code, place: [...place], isVersion }
  }
}

const kindOf = (entry: Dirent): 'file' | 'strange' => (entry.isFile() ? 'file' : 'strange')

/** The rows that may describe a file, the likeliest first. */
export function rowKeysOf({ place, isVersion }: Found): (RowKey & { depth: number })[] {
  // A version's place begins with .holdfast/versions.
  const [folder = '', ...parts] = isVersion ? place.slice(2) : place
  if (!isVersion) return [{ folder, path: parts.join('/'), version: '', depth: 0 }]
  return versionsAt(parts)
    .map((one) => ({ folder, ...one }))
    .reverse()
}
