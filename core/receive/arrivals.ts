import type { FileFacts } from './file-facts.ts'

/**
 * In which order contents came. A sender that connects anew may send a file again whose older content, from the
 * connection that was lost, still waits for the disk here: the newer one stays, whichever of them is durable first.
 */
export interface Arrivals {
  /** A connection of this sender begins. */
  enter(folder: string): Arriving
  /** Whether a content that came later than this one is in its place already. */
  isOutdated(file: Arrived): boolean
  /** The content is in its place. */
  placed(file: Arrived): void
}

/** What comes over one connection. */
export interface Arriving {
  /** The number of what comes now. */
  next(): number
  /** It is closed, and nothing that came over it is on its way any more. */
  leave(): void
}

/** A content and its place, as components below the store's root. */
export interface Arrived {
  components: readonly string[]
  /** Left out: it is never outdated. */
  arrival?: FileFacts['arrival']
}

/**
 * Places of one sender that are remembered at least: more than what its connections can have on their way. Two maps in
 * turns, of which the older one is forgotten as a whole.
 */
const REMEMBERED = 65_536

interface Folder {
  connections: number
  latest: Map<string, number>
  before: Map<string, number>
}

export function createArrivals(): Arrivals {
  const folders = new Map<string, Folder>()
  let count = 0
  /** Of a sender that has one connection alone nothing is kept: what it sends comes in its order. */
  const sharedFolderOf = ([folder = '']: readonly string[]): Folder | null => {
    const found = folders.get(folder)
    return found !== undefined && found.connections > 1 ? found : null
  }

  return {
    enter(folder) {
      const mine = folders.get(folder) ?? { connections: 0, latest: new Map(), before: new Map() }
      folders.set(folder, mine)
      mine.connections += 1
      let isOver = false
      return {
        next() {
          count += 1
          return count
        },
        leave() {
          if (isOver) return
          isOver = true
          mine.connections -= 1
          if (mine.connections > 1) return
          mine.latest.clear()
          mine.before.clear()
          if (mine.connections === 0) folders.delete(folder)
        },
      }
    },

    isOutdated({ components, arrival }) {
      const folder = arrival === undefined ? null : sharedFolderOf(components)
      if (folder === null || arrival === undefined) return false
      const place = components.join('/')
      return (folder.latest.get(place) ?? folder.before.get(place) ?? arrival) > arrival
    },

    placed({ components, arrival }) {
      const folder = arrival === undefined ? null : sharedFolderOf(components)
      if (folder === null || arrival === undefined) return
      folder.latest.set(components.join('/'), arrival)
      if (folder.latest.size < REMEMBERED) return
      folder.before = folder.latest
      folder.latest = new Map()
    },
  }
}
