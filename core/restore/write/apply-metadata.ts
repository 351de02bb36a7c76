import { closeSync, constants, fchmodSync, fchownSync, openSync } from 'node:fs'
import { dropError } from '../../dropped-errors.ts'
import type { FileFacts } from '../../platform/facts.ts'
import { native, setTimes } from '../../platform/native.ts'
import type { Tree } from '../../store/tree.ts'
import { WidenedDirectories } from './permissions.ts'

const PERMISSIONS = 0o777
const STICKY = 0o1000
const SET_GROUP_ID = 0o2000

// Elsewhere than on Linux there are none that are kept.
const setAttribute = process.platform === 'linux' ? native?.setAttribute : undefined
// Only root may give files away; for everybody else all is as if they had made them.
const isRoot = process.getuid?.() === 0

/**
 * Bits of a mode that are restored (chmod(2)). Files get none that would make a program run as somebody else. In a
 * directory such a bit runs nothing: set-group-ID gives new files the directory's group, which only root restores. Sticky
 * is what keeps the users of a shared directory from each other's files. Elsewhere than on Linux only root may give it to
 * a file, where it means nothing.
 */
const FILE_BITS = process.platform === 'linux' ? PERMISSIONS | STICKY : PERMISSIONS
const DIRECTORY_BITS = PERMISSIONS | STICKY | (isRoot ? SET_GROUP_ID : 0)

/**
 * Gives an open file or directory what it had at the source.
 * @returns false: its owner, or an attribute, could not be set.
 * @throws where mode or time cannot be.
 */
export function dress(
  fd: number,
  { mode, user, group, mtimeNs, more }: FileFacts,
  what: 'file' | 'directory' = 'file',
): boolean {
  let isWhole = true
  const attributes = Object.entries(more?.attributes ?? {})
  if (isRoot) {
    try {
      fchownSync(fd, user, group)
    } catch (error) {
      isWhole = dropError(error, 'a restored file is reported as without its owner', false)
    }
  }
  // Only somebody who may write a file may set its attributes (xattr(7)), so the mode comes after them.
  else if (attributes.length > 0 && setAttribute !== undefined) fchmodSync(fd, 0o700)
  for (const [name, value] of attributes) if (setAttribute?.(fd, name, value) !== true) isWhole = false
  if (process.platform !== 'win32') fchmodSync(fd, mode & (what === 'file' ? FILE_BITS : DIRECTORY_BITS))
  setTimes(fd, mtimeNs)
  return isWhole
}

/**
 * Directories that files are put into. When all their files have their names, those that were made get their own facts,
 * and those that were widened their former mode.
 */
export function createDirectories(root: string, tree: Tree) {
  interface OnTheWay {
    way: readonly string[]
    facts: FileFacts | null
  }
  /** On the way to the last file, the deepest last; and those that are complete. */
  const open: OnTheWay[] = []
  const complete: OnTheWay[] = []
  const made = new Set<string>()
  const widened = new WidenedDirectories(root, tree)

  return {
    /** Lets this user work in the directories on a way that are this user's. @returns false: nothing was to do. */
    widen: (way: readonly string[]) => widened.widen(way),
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
    /** Dresses those that are complete, and sets modes back. @returns how many did not get all that they had. */
    dress() {
      let undressed = 0
      for (const { way, facts } of complete.splice(0)) {
        widened.setBack(way)
        if (!made.delete(way.join('/')) || facts === null) continue
        const fd = openSync(tree.enter(way).path, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0))
        try {
          if (!dress(fd, facts, 'directory')) undressed += 1
        } finally {
          closeSync(fd)
        }
      }
      return undressed
    },
  }
}
