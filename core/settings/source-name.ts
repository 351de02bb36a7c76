import path from 'node:path'
import { folderOf, type Source } from './schema.ts'

/** Characters that the schema takes, and bytes of UTF-8 that a folder's name keeps. */
const LONGEST = 200

/** What a source is called if nobody says anything else: as its directory, which may have a longer name. */
export function sourceName(directory: string): string {
  return shortened(path.basename(directory) || 'root', (name) => name.length)
}

/** Two sources must not share a folder at the destination, whatever file system that is. */
export function uniqueName(name: string, sources: readonly Pick<Source, 'name'>[]): string {
  const taken = new Set(sources.map((one) => folderOf(one.name)))
  if (!taken.has(folderOf(name))) return name
  for (let count = 2; ; count += 1) {
    const suffix = `-${count}`
    // In bytes: the suffix must be what is left of a long name in its folder's, too.
    const bytesOf = (one: string) => Buffer.byteLength(one.normalize('NFC')) + suffix.length
    const candidate = `${shortened(name, bytesOf)}${suffix}`
    if (!taken.has(folderOf(candidate))) return candidate
  }
}

function shortened(name: string, sizeOf: (name: string) => number): string {
  const characters = [...name]
  while (characters.length > 1 && sizeOf(characters.join('')) > LONGEST) characters.pop()
  return characters.join('')
}
