import { closeSync, constants, fchmodSync, fchownSync, openSync } from 'node:fs'
import type { FileFacts } from '../../files/facts.ts'
import { native, setTimes } from '../../files/native.ts'
import type { Tree } from '../../store/tree.ts'

/** What a file or a directory may be given: no bit that would make a program run as somebody else (chmod(2)). */
const MODE_BITS = 0o777

// Elsewhere than on Linux there are none that are kept.
const setAttribute = process.platform === 'linux' ? native?.setAttribute : undefined
// Only root may give files away; for everybody else all is as if they had made them.
const isRoot = process.getuid?.() === 0

/**
 * Gives an open file or directory what it had at the source.
 * @returns false: its owner, or an attribute, could not be set.
 * @throws where mode or time cannot be.
 */
export function dress(fd: number, { mode, user, group, mtimeNs, more }: FileFacts): boolean {
  let isWhole = true
  if (isRoot) {
    try {
      fchownSync(fd, user, group)
    } catch {
      isWhole = false
    }
  }
  if (process.platform !== 'win32') fchmodSync(fd, mode & MODE_BITS)
  for (const [name, value] of Object.entries(more?.attributes ?? {}))
    if (setAttribute?.(fd, name, value) !== true) isWhole = false
  setTimes(fd, mtimeNs)
  return isWhole
}

/** Gives directories that were made their own facts, when all their files have their names. */
export function createMadeDirectories(tree: Tree) {
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
    isMade: (way: readonly string[]) => made.has(way.join('/')),
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
          if (!dress(fd, facts)) undressed += 1
        } finally {
          closeSync(fd)
        }
      }
      return undressed
    },
  }
}
