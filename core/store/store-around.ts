import { stat } from 'node:fs/promises'
import path from 'node:path'
import { storeLayout } from './layout.ts'

export const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  )

/**
 * The store that a directory is, or is in; null: in none. A new one has no manifest yet, but its receiver has said where
 * it is.
 */
export async function storeAround(directory: string): Promise<string | null> {
  for (let at = directory; ; at = path.dirname(at)) {
    const { manifest, receiver } = storeLayout(at)
    if ((await isThere(manifest)) || (await isThere(receiver))) return at
    if (path.dirname(at) === at) return null
  }
}
