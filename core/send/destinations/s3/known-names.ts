import { HeadObjectCommand } from '@aws-sdk/client-s3'
import type { StoreFault } from '../objects/object-store.ts'
import { eachObject } from './listing.ts'
import type { BucketPlace } from './requests.ts'
import { asked, keyOf } from './requests.ts'

/** Of all directories together; then they are forgotten. */
const MOST_NAMES = 100_000
/** A directory of more names is not listed to its end: each of its names is asked for. */
const MOST_IN_DIRECTORY = 10_000

/** Which names a store has, where it cannot be told to put an object only if there is none. */
export interface KnownNames {
  /** @throws StoreFault. */
  has(name: string): Promise<boolean>
  /** An object has the name of a directory on the way to it: elsewhere one of the two could not be. @throws StoreFault. */
  isBelowObject(name: string): Promise<boolean>
  add(name: string): void
  remove(name: string): void
}

/** A listing of a directory says of a thousand new files what is there; nobody else writes to this computer's folder. */
export function createKnownNames(place: BucketPlace): KnownNames {
  /** Directories of which no object has the name, nor those of the directories above them. */
  const free = new Set<string>()
  /** Null: too many to be known. */
  const directories = new Map<string, Promise<Set<string> | null>>()
  let count = 0

  const list = async (directory: string): Promise<Set<string> | null> => {
    const names = new Set<string>()
    for await (const { name } of eachObject(place, directory)) {
      if (names.size === MOST_IN_DIRECTORY) return null
      names.add(name)
    }
    count += names.size
    return names
  }

  const namesIn = (directory: string): Promise<Set<string> | null> => {
    const known = directories.get(directory)
    if (known !== undefined) return known
    if (count > MOST_NAMES || directories.size > MOST_NAMES) {
      directories.clear()
      count = 0
    }
    const names = list(directory)
    directories.set(directory, names)
    names.catch(() => directories.delete(directory))
    return names
  }

  const isThere = async (name: string): Promise<boolean> => {
    const { client, bucket } = place
    try {
      await asked(
        'HeadObject',
        client.send(new HeadObjectCommand({ Bucket: bucket, Key: keyOf(place, name) })),
      )
      return true
    } catch (thrown) {
      if ((thrown as StoreFault).kind === 'absent') return false
      throw thrown
    }
  }

  /** Of directories that are known; what is listed just now sees it, or not, by itself. */
  const change = (name: string, act: (names: Set<string>) => void): void => {
    void directories
      .get(directoryOf(name))
      ?.then((names) => names !== null && act(names))
      .catch(() => undefined)
  }

  return {
    async has(name) {
      const names = await namesIn(directoryOf(name))
      return names === null ? isThere(name) : names.has(name)
    },
    async isBelowObject(name) {
      const directory = directoryOf(name)
      if (free.has(directory)) return false
      for (let above = directory; above !== ''; above = directoryOf(above.slice(0, -1)))
        if (!free.has(above) && (await isThere(above.slice(0, -1)))) return true
      if (free.size > MOST_NAMES) free.clear()
      for (let above = directory; above !== ''; above = directoryOf(above.slice(0, -1))) free.add(above)
      return false
    },
    add(name) {
      count += 1
      free.delete(`${name}/`)
      change(name, (names) => names.add(name))
    },
    remove: (name) => change(name, (names) => names.delete(name)),
  }
}

/** With "/" at its end, or "". */
const directoryOf = (name: string): string => name.slice(0, name.lastIndexOf('/') + 1)
