import { stat } from 'node:fs/promises'
import path from 'node:path'
import { storeLayout } from './layout.ts'

export const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  )

/**
 * Returns the store that a directory is, or is in; null: none. A new store has no manifest yet, but its receiver has
 * written its address.
 */
export async function findStoreAround(directory: string): Promise<string | null> {
  for (let at = directory; ; at = path.dirname(at)) {
    const { manifest, receiver } = storeLayout(at)
    if ((await isThere(manifest)) || (await isThere(receiver))) return at
    if (path.dirname(at) === at) return null
  }
}
