import { ignoreError } from '../../../dropped-errors.ts'
import { listPage } from './listing.ts'
import type { BucketPlace } from './requests.ts'

/** Limit over all directories together; beyond it the cache is cleared. */
const MOST_NAMES = 100_000

const getDirectory = (name: string): string => name.slice(0, name.lastIndexOf('/') + 1)

/**
 * Caches which names a bucket has. Only this computer writes to its folder, so each directory is listed once.
 * @param isObject queries one name.
 */
export function createNames(place: BucketPlace, isObject: (name: string) => Promise<boolean>) {
  /** Directories whose name no object has. */
  const free = new Set<string>()
  /** The names directly in a directory; null: too many for one page, so each name is queried. */
  const listed = new Map<string, Promise<Set<string> | null>>()
  let count = 0

  const list = async (directory: string): Promise<Set<string> | null> => {
    const { objects, next } = await listPage(place, directory, null, false)
    return next === null ? new Set(objects.map(({ name }) => name)) : null
  }

  /** Applies a change to a directory's cached names; a listing in progress gets it when it ends. */
  const change = (name: string, act: (names: Set<string>) => void): void => {
    const listing = listed.get(getDirectory(name))
    listing
      ?.then((names) => names !== null && act(names))
      .catch(ignoreError('the next question lists the directory again'))
  }

  return {
    /** True if no object has the name of a directory above: other systems cannot have both. @throws StoreFault. */
    async isReachable(name: string): Promise<boolean> {
      for (let at = getDirectory(name); at !== ''; at = getDirectory(at.slice(0, -1))) {
        if (free.has(at)) continue
        if (await isObject(at.slice(0, -1))) return false
        if (free.size > MOST_NAMES) free.clear()
        free.add(at)
      }
      return true
    },
    /** @throws StoreFault. */
    async has(name: string): Promise<boolean> {
      const directory = getDirectory(name)
      if (count > MOST_NAMES || listed.size > MOST_NAMES) {
        listed.clear()
        count = 0
      }
      const listing = listed.get(directory) ?? list(directory)
      listed.set(directory, listing)
      listing.catch(() => listed.delete(directory))
      const names = await listing
      return names === null ? isObject(name) : names.has(name)
    },
    /** Records an object of this name. */
    add(name: string): void {
      count += 1
      free.delete(`${name}/`)
      change(name, (names) => names.add(name))
    },
    /** Records that the name is free. */
    remove: (name: string) => change(name, (names) => names.delete(name)),
  }
}
