import type { QueuedFile } from '../../ledger/ledger.ts'

/** Every directory that a path is in, but the source's own. */
function directoriesAbove(path: string): string[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
}

/**
 * Keeps a file from the line while another one is there whose path is a part of its own, or the reverse: what was a
 * file has become a directory, or what was a directory a file. Side by side, the receiver could take the older of
 * them for the newer.
 */
export function createPathLocks() {
  const files = new Set<string>()
  /** How many of the files are below a directory. */
  const below = new Map<string, number>()
  const placesOf = ({ source, path }: Pick<QueuedFile, 'source' | 'path'>) => {
    const keyOf = (one: string) => `${source}\0${one}`
    return { file: keyOf(path), above: directoriesAbove(path).map(keyOf) }
  }
  return {
    /** False: another file is in the way. */
    lock(due: QueuedFile): boolean {
      const { file, above } = placesOf(due)
      // Or two contents of one path: withdrawn while it was on the line, and offered again.
      if (files.has(file) || below.has(file) || above.some((one) => files.has(one))) return false
      files.add(file)
      for (const one of above) below.set(one, (below.get(one) ?? 0) + 1)
      return true
    },
    unlock(due: QueuedFile): void {
      const { file, above } = placesOf(due)
      if (!files.delete(file)) return
      for (const one of above) {
        const left = (below.get(one) ?? 0) - 1
        if (left > 0) below.set(one, left)
        else below.delete(one)
      }
    },
  }
}
