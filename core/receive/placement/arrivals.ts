import type { FileFacts } from '../file-facts.ts'

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
  /** By their numbers, in the order in which they came. */
  connections: Set<number>
  latest: Map<number, number>
  before: Map<number, number>
}

/**
 * 53 bits of what the place is called (cyrb53), as names may have thousands of characters. Should two places of a
 * sender ever have the same, the later of their arrivals counts for both: a file too many is sent again.
 */
function keyOf(components: readonly string[]): number {
  let one = 0xdeadbeef
  let two = 0x41c6ce57
  const take = (code: number) => {
    one = Math.imul(one ^ code, 0x9e3779b1)
    two = Math.imul(two ^ code, 0x5f356495)
  }
  for (const component of components) {
    for (let at = 0; at < component.length; at += 1) take(component.charCodeAt(at))
    take(0x2f)
  }
  const low = Math.imul(one ^ (one >>> 16), 0x85ebca6b) ^ Math.imul(two ^ (two >>> 13), 0xc2b2ae35)
  const high = Math.imul(two ^ (two >>> 16), 0x85ebca6b) ^ Math.imul(one ^ (one >>> 13), 0xc2b2ae35)
  return (high & 0x1fffff) * 2 ** 32 + (low >>> 0)
}

export function createArrivals(): Arrivals {
  const folders = new Map<string, Folder>()
  let count = 0
  let entered = 0
  const folderOf = ({ components: [folder = ''], arrival }: Arrived): Folder | null =>
    (arrival === undefined ? null : folders.get(folder)) ?? null

  return {
    enter(folder) {
      const mine = folders.get(folder) ?? { connections: new Set(), latest: new Map(), before: new Map() }
      folders.set(folder, mine)
      entered += 1
      const me = entered
      mine.connections.add(me)
      return {
        next() {
          count += 1
          return count
        },
        leave() {
          if (!mine.connections.delete(me)) return
          // What came over this one is newer than what an older one still has on its way.
          const [oldest = me] = mine.connections
          if (oldest < me || mine.connections.size > 1) return
          mine.latest.clear()
          mine.before.clear()
          if (mine.connections.size === 0) folders.delete(folder)
        },
      }
    },

    isOutdated(file) {
      const folder = folderOf(file)
      if (folder === null || folder.latest.size + folder.before.size === 0) return false
      const { arrival = 0 } = file
      const place = keyOf(file.components)
      return (folder.latest.get(place) ?? folder.before.get(place) ?? arrival) > arrival
    },

    placed(file) {
      const folder = folderOf(file)
      // What one connection alone brings comes in its order.
      if (folder === null || folder.connections.size < 2) return
      const place = keyOf(file.components)
      const last = folder.latest.get(place) ?? folder.before.get(place) ?? 0
      folder.latest.set(place, Math.max(last, file.arrival ?? 0))
      if (folder.latest.size < REMEMBERED) return
      folder.before = folder.latest
      folder.latest = new Map()
    },
  }
}
