import type { Due } from '../../ledger/ledger.ts'

/** So many files wait for others at a time, over all sources; more are found again in the ledger. */
const MOST_WAITING = 4096

/**
 * Keeps a file from the wire while another one is there whose path is a part of its own, or the reverse: what was a
 * file has become a directory, or what was a directory a file. Side by side, the receiver could take the older of
 * them for the newer.
 */
export interface Clashes {
  /** `go`: those that may go beside all that are held; they are held now. `waits`: others, until one is released. */
  hold(files: readonly Due[]): { go: Due[]; waits: Due[] }
  /** It is over; the ids of those that have waited in its source, and may be taken again. */
  release(file: Due): readonly number[]
}

interface Held {
  files: Set<string>
  /** Every directory above them, and how many of them, and of these directories, are right in it. */
  above: Map<string, number>
  waiting: number[]
}

/** null: there is none but the source's own. */
function directoryOf(path: string): string | null {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? null : path.slice(0, slash)
}

function clashes({ files, above }: Held, path: string): boolean {
  // Or two contents of one path: withdrawn while it was on the wire, and offered again.
  if (files.has(path) || above.has(path)) return true
  // What is above a file that is held is none itself.
  for (let at = directoryOf(path); at !== null && !above.has(at); at = directoryOf(at))
    if (files.has(at)) return true
  return false
}

export function createClashes(): Clashes {
  const sources = new Map<string, Held>()
  let waiting = 0

  const heldOf = (source: string): Held => {
    const held = sources.get(source) ?? { files: new Set(), above: new Map(), waiting: [] }
    sources.set(source, held)
    return held
  }

  const add = ({ files, above }: Held, path: string): void => {
    files.add(path)
    for (let at = directoryOf(path); at !== null; at = directoryOf(at)) {
      const inside = above.get(at) ?? 0
      above.set(at, inside + 1)
      if (inside > 0) return
    }
  }

  const remove = ({ files, above }: Held, path: string): void => {
    if (!files.delete(path)) return
    for (let at = directoryOf(path); at !== null; at = directoryOf(at)) {
      const left = (above.get(at) ?? 0) - 1
      if (left > 0) {
        above.set(at, left)
        return
      }
      above.delete(at)
    }
  }

  return {
    hold(files) {
      const go: Due[] = []
      const waits: Due[] = []
      for (const due of files) {
        const held = heldOf(due.source)
        if (!clashes(held, due.path)) {
          add(held, due.path)
          go.push(due)
        } else if (waiting < MOST_WAITING) {
          held.waiting.push(due.id)
          waiting += 1
          waits.push(due)
        }
      }
      return { go, waits }
    },
    release({ source, path }) {
      const held = heldOf(source)
      remove(held, path)
      if (held.files.size === 0) sources.delete(source)
      const freed = held.waiting
      held.waiting = []
      waiting -= freed.length
      return freed
    },
  }
}
