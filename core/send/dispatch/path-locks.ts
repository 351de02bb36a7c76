import type { Due } from '../../ledger/ledger.ts'

/**
 * Keeps a file from the line while another one is there whose path is a part of its own, or the reverse: what was a
 * file has become a directory, or what was a directory a file. Side by side, the receiver could take the older of
 * them for the newer.
 */
export interface PathLocks {
  /** False: another file is in the way. */
  lock(file: Due): boolean
  unlock(file: Due): void
}

interface Locked {
  files: Set<string>
  /** Every directory above them, and how many of them, and of these directories, are right in it. */
  above: Map<string, number>
}

/** null: there is none but the source's own. */
function directoryOf(path: string): string | null {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? null : path.slice(0, slash)
}

function isInTheWay({ files, above }: Locked, path: string): boolean {
  // Or two contents of one path: withdrawn while it was on the line, and offered again.
  if (files.has(path) || above.has(path)) return true
  // What is above a file that is locked is none itself.
  for (let at = directoryOf(path); at !== null && !above.has(at); at = directoryOf(at))
    if (files.has(at)) return true
  return false
}

export function createPathLocks(): PathLocks {
  const sources = new Map<string, Locked>()
  return {
    lock({ source, path }) {
      const locked = sources.get(source) ?? { files: new Set(), above: new Map() }
      if (isInTheWay(locked, path)) return false
      sources.set(source, locked)
      locked.files.add(path)
      for (let at = directoryOf(path); at !== null; at = directoryOf(at)) {
        const inside = locked.above.get(at) ?? 0
        locked.above.set(at, inside + 1)
        if (inside > 0) break
      }
      return true
    },
    unlock({ source, path }) {
      const locked = sources.get(source)
      if (!locked?.files.delete(path)) return
      for (let at = directoryOf(path); at !== null; at = directoryOf(at)) {
        const left = (locked.above.get(at) ?? 0) - 1
        if (left > 0) {
          locked.above.set(at, left)
          break
        }
        locked.above.delete(at)
      }
      if (locked.files.size === 0) sources.delete(source)
    },
  }
}
