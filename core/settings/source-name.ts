import path from 'node:path'
import { type Source, toFolderKey } from './schema.ts'

/** Limit in characters for the schema, and in bytes of UTF-8 for a folder's name. */
const LONGEST = 200

/** Returns the default name of a source: its directory's name, shortened if necessary. */
export function sourceName(directory: string): string {
  return shortened(path.basename(directory) || 'root', (name) => name.length)
}

/** Makes a name unique, so that no two sources share a folder at the destination, on any file system. */
export function uniqueName(name: string, sources: readonly Pick<Source, 'name'>[]): string {
  const taken = new Set(sources.map((one) => toFolderKey(one.name)))
  if (!taken.has(toFolderKey(name))) return name
  for (let count = 2; ; count += 1) {
    const suffix = `-${count}`
    // Counted in bytes, so that the suffix is not cut off in the folder's name either.
    const countBytes = (one: string) => Buffer.byteLength(one.normalize('NFC')) + suffix.length
    const candidate = `${shortened(name, countBytes)}${suffix}`
    if (!taken.has(toFolderKey(candidate))) return candidate
  }
}

function shortened(name: string, measure: (name: string) => number): string {
  const characters = [...name]
  while (characters.length > 1 && measure(characters.join('')) > LONGEST) characters.pop()
  return characters.join('')
}
