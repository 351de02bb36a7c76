import type { QueuedFile } from '../../ledger/ledger.ts'

/** Returns every directory above a path, without the source's own. */
function directoriesAbove(path: string): string[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
}

/**
 * Prevents sending two files at the same time if the path of one is a parent of the other's. Both exist if a file
 * became a directory, or a directory a file; the receiver could then mistake the older one for the newer.
 */
export function createPathLocks() {
  const files = new Set<string>()
  /** The number of locked files below each directory. */
  const below = new Map<string, number>()
  const getPlaces = ({ source, path }: Pick<QueuedFile, 'source' | 'path'>) => {
    const toKey = (one: string) => `${source}\0${one}`
    return { file: toKey(path), above: directoriesAbove(path).map(toKey) }
  }
  return {
    /** Returns false if another file is in the way. */
    lock(due: QueuedFile): boolean {
      const { file, above } = getPlaces(due)
      // The same path can be locked already: its row was withdrawn during the transfer, and offered again.
      if (files.has(file) || below.has(file) || above.some((one) => files.has(one))) return false
      files.add(file)
      for (const one of above) below.set(one, (below.get(one) ?? 0) + 1)
      return true
    },
    unlock(due: QueuedFile): void {
      const { file, above } = getPlaces(due)
      if (!files.delete(file)) return
      for (const one of above) {
        const left = (below.get(one) ?? 0) - 1
        if (left > 0) below.set(one, left)
        else below.delete(one)
      }
    },
  }
}
