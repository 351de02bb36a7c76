import { closeSync, constants, openSync } from 'node:fs'
import type { FileFacts } from '../../files/facts.ts'
import type { Tree } from '../../store/tree.ts'
import type { Dressing } from './dress.ts'

/** Gives directories that were made their own facts, when all their files have their names. */
export function createMadeDirectories(tree: Tree, dressing: Dressing) {
  interface OnTheWay {
    way: readonly string[]
    facts: FileFacts | null
  }
  /** On the way to the last file, the deepest last; and those that are complete. */
  const open: OnTheWay[] = []
  const complete: OnTheWay[] = []
  const made = new Set<string>()

  return {
    made: (way: readonly string[]) => void made.add(way.join('/')),
    /** The way to the file that comes now: files come in the order of their paths, so that others are complete. */
    follow(way: readonly string[], facts: readonly (FileFacts | null)[]) {
      const shared = open.findIndex((one, depth) => one.way.at(-1) !== way[depth])
      const kept = Math.min(shared === -1 ? open.length : shared, way.length)
      complete.push(...open.splice(kept).reverse())
      for (let depth = kept; depth < way.length; depth += 1)
        open.push({ way: way.slice(0, depth + 1), facts: facts[depth] ?? null })
    },
    /** Dresses those that are complete. @returns how many did not get all that they had. */
    dress() {
      let undressed = 0
      for (const { way, facts } of complete.splice(0)) {
        if (!made.delete(way.join('/')) || facts === null) continue
        const fd = openSync(tree.enter(way).path, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0))
        try {
          if (!dressing.dress(fd, facts)) undressed += 1
        } finally {
          closeSync(fd)
        }
      }
      return undressed
    },
  }
}
