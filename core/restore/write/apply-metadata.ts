import { closeSync, constants, fchmodSync, fchownSync, openSync } from 'node:fs'
import { dropError } from '../../dropped-errors.ts'
import type { FileMetadata } from '../../platform/facts.ts'
import { native, setTimes } from '../../platform/native.ts'
import type { Tree } from '../../store/tree.ts'
import { WidenedDirectories } from './permissions.ts'

const PERMISSIONS = 0o777
const STICKY = 0o1000
const SET_GROUP_ID = 0o2000

// Attributes are kept on Linux only.
const setAttribute = process.platform === 'linux' ? native?.setAttribute : undefined
// Only root may change owners. For other users, restored files belong to them.
const isRoot = process.getuid?.() === 0

/**
 * Mode bits that are restored (chmod(2)). Set-user-ID and set-group-ID are not restored for files, because they would
 * run a program as another user. In a directory, set-group-ID only gives new files the directory's group; only root
 * restores it. The sticky bit protects the files of a shared directory from its other users. On systems other than
 * Linux only root may set it on a file, where it has no effect.
 */
const FILE_BITS = process.platform === 'linux' ? PERMISSIONS | STICKY : PERMISSIONS
const DIRECTORY_BITS = PERMISSIONS | STICKY | (isRoot ? SET_GROUP_ID : 0)

/**
 * Applies the metadata that an open file or directory had at the source.
 * @returns false: its owner or an attribute could not be set.
 * @throws if its mode or time cannot be set.
 */
export function applyMetadata(
  fd: number,
  { mode, user, group, mtimeNs, more }: FileMetadata,
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
  // Setting attributes needs write permission on the file (xattr(7)), so the mode is set after them.
  else if (attributes.length > 0 && setAttribute !== undefined) fchmodSync(fd, 0o700)
  for (const [name, value] of attributes) if (setAttribute?.(fd, name, value) !== true) isWhole = false
  if (process.platform !== 'win32') fchmodSync(fd, mode & (what === 'file' ? FILE_BITS : DIRECTORY_BITS))
  setTimes(fd, mtimeNs)
  return isWhole
}

/**
 * Tracks the directories that files are restored to. Once all files of a directory have their names, a created
 * directory gets its own metadata, and a widened one its former mode.
 */
export function createDirectories(root: string, tree: Tree) {
  interface OnTheWay {
    way: readonly string[]
    facts: FileMetadata | null
  }
  /** Directories of the last file's path, deepest last; and directories whose files are complete. */
  const open: OnTheWay[] = []
  const complete: OnTheWay[] = []
  const made = new Set<string>()
  const widened = new WidenedDirectories(root, tree)

  return {
    /** Gives this user access to its own directories in a path. @returns false: there was nothing to change. */
    widen: (way: readonly string[]) => widened.widen(way),
    made: (way: readonly string[]) => void made.add(way.join('/')),
    isMade: (way: readonly string[]) => made.has(way.join('/')),
    /** Moves on to the path of the next file. Files come sorted by path, so directories left behind are complete. */
    follow(way: readonly string[], facts: readonly (FileMetadata | null)[]) {
      const shared = open.findIndex((one, depth) => one.way.at(-1) !== way[depth])
      const kept = Math.min(shared === -1 ? open.length : shared, way.length)
      complete.push(...open.splice(kept).reverse())
      for (let depth = kept; depth < way.length; depth += 1)
        open.push({ way: way.slice(0, depth + 1), facts: facts[depth] ?? null })
    },
    /** Applies metadata to complete directories, and resets modes. @returns how many did not get all of it. */
    applyToComplete() {
      let undressed = 0
      for (const { way, facts } of complete.splice(0)) {
        widened.setBack(way)
        if (!made.delete(way.join('/')) || facts === null) continue
        const fd = openSync(tree.enter(way).path, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0))
        try {
          if (!applyMetadata(fd, facts, 'directory')) undressed += 1
        } finally {
          closeSync(fd)
        }
      }
      return undressed
    },
  }
}
