import { ignoreError } from '../../../dropped-errors.ts'
import { listPage } from './listing.ts'
import type { BucketPlace } from './requests.ts'

/** Of all directories together; then they are forgotten. */
const MOST_NAMES = 100_000

const directoryOf = (name: string): string => name.slice(0, name.lastIndexOf('/') + 1)

/**
 * Which names a bucket has. Nobody else writes to this computer's folder: each directory is asked for once.
 * @param isObject asks for one name.
 */
export function createNames(place: BucketPlace, isObject: (name: string) => Promise<boolean>) {
  /** Directories of which no object has the name. */
  const free = new Set<string>()
  /** What is directly in a directory; null: too much for one listing, so each name is asked for. */
  const listed = new Map<string, Promise<Set<string> | null>>()
  let count = 0

  const list = async (directory: string): Promise<Set<string> | null> => {
    const { objects, next } = await listPage(place, directory, null, false)
    return next === null ? new Set(objects.map(({ name }) => name)) : null
  }

  /** What is listed just now sees it by itself, or gets it then. */
  const change = (name: string, act: (names: Set<string>) => void): void => {
    const listing = listed.get(directoryOf(name))
    listing
      ?.then((names) => names !== null && act(names))
      .catch(ignoreError('the next question lists the directory again'))
  }

  return {
    /** No object has the name of a directory on the way to this one: elsewhere one of the two could not be. @throws StoreFault. */
    async isReachable(name: string): Promise<boolean> {
      for (let at = directoryOf(name); at !== ''; at = directoryOf(at.slice(0, -1))) {
        if (free.has(at)) continue
        if (await isObject(at.slice(0, -1))) return false
        if (free.size > MOST_NAMES) free.clear()
        free.add(at)
      }
      return true
    },
    /** @throws StoreFault. */
    async has(name: string): Promise<boolean> {
      const directory = directoryOf(name)
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
    /** There is an object of this name now. */
    add(name: string): void {
      count += 1
      free.delete(`${name}/`)
      change(name, (names) => names.add(name))
    },
    /** There is none any more. */
    remove: (name: string) => change(name, (names) => names.delete(name)),
  }
}
