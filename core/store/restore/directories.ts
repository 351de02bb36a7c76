import { closeSync, constants, openSync } from 'node:fs'
import type { FileFacts } from '../../files/facts.ts'
import type { Rows } from '../manifest/rows.ts'
import type { Tree } from '../tree.ts'
import type { Dressing } from './dress.ts'
import type { Selected } from './select.ts'

/** Directories whose facts are remembered; beyond it they are asked for anew. */
const MOST_DIRECTORIES = 10_000

/** What the directories on the way to a file are at the source, in the order of the way; null: nobody knows. */
export function createDirectoryFacts(rows: Rows) {
  const known = new Map<string, FileFacts | null>()
  const find = (source: number, directory: string): FileFacts | null => {
    const name = `${source} ${directory}`
    const found = known.get(name)
    if (found !== undefined) return found
    if (known.size >= MOST_DIRECTORIES) known.clear()
    const facts = rows.directory(source, directory)?.facts ?? null
    known.set(name, facts)
    return facts
  }
  return {
    above({ source, row }: Selected, to: readonly string[]): (FileFacts | null)[] {
      const parts = row.key.split('/')
      const beyond = to.length - parts.length
      return to.slice(0, -1).map((_, index) => {
        // The sender's folder is nothing at the source; the source's own directory is.
        const depth = index - beyond + 1
        return depth < 0 ? null : find(source.id, parts.slice(0, depth).join('/'))
      })
    },
  }
}

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
