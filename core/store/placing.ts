import { lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { linkOpenFile } from '../files/libc.ts'
import { setTimes } from '../files/native.ts'
import { keyOf, moveToFreeSync } from './file-system.ts'
import type { Handles } from './handles.ts'
import type { StoreLayout } from './layout.ts'
import { temporaryIn } from './layout.ts'
import type { Changes } from './manifest/changes.ts'
import { isFileRow } from './manifest/rows.ts'
import type { ToPlace } from './messages.ts'
import type { Outcome } from './outcome.ts'
import { FileRefused, nameRefusal } from './outcome.ts'
import { syncLog } from './syncing.ts'
import type { Making, TreeDirectory } from './tree.ts'

/** Directories of the store are the receiver's own, whatever those at the source are. */
const DIRECTORY_MODE = 0o700

function throwIf(code: string | null): never | false {
  if (code !== null) throw Object.assign(new Error(`${code}: linkat`), { code })
  return false
}

const MADE: Outcome = { status: 'durable', detail: '' }
const SAME: Outcome = { status: 'same', detail: '' }

/**
 * Gives files their names, for one round.
 * Placing never loses what was there, and never replaces it: other content under the same name becomes a version
 * first. Only what the manifest says is this very content gives way to the copy that has come now, whatever has become
 * of it on the disk.
 *
 * @param version the beginning of the names of this round's versions.
 */
export function openPlacing(
  { manifest, tree, fileSystem, isLogged }: Handles,
  layout: StoreLayout,
  changes: Changes,
  version: string,
) {
  const { versions } = layout
  const folds = fileSystem.foldsCase || fileSystem.foldsForm
  const toSync = new Set<string>()
  let count = 0

  const make = (parent: TreeDirectory, name: string, way: readonly string[]) => {
    nameRefusal(() => mkdirSync(`${parent.path}/${name}`, { mode: DIRECTORY_MODE }))
    toSync.add(way.slice(0, -1).join('/'))
  }

  /** Below the versions nothing is ever in the way but a version itself. */
  const versionMaking: Making = {
    missing: make,
    inTheWay() {
      throw new FileRefused('failed', 'EEXIST')
    },
  }

  /** Moves what is in a place to the versions; the version's name. */
  const moveAway = (way: readonly string[]): string => {
    // After a power failure the manifest has to know of a round that may have moved what was durable.
    if (count === 0 && isLogged) syncLog(layout)
    const name = `${version}${count}`
    count += 1
    const target = tree.enter([...versions, ...way], versionMaking)
    const parent = tree.enter(way.slice(0, -1))
    renameSync(`${parent.path}/${way.at(-1)}`, `${target.path}/${name}`)
    toSync.add([...versions, ...way].join('/'))
    toSync.add(way.slice(0, -1).join('/'))
    tree.forget()
    return name
  }

  const makingFor = (source: number): Making => ({
    missing(parent, name, way) {
      make(parent, name, way)
      // The sender's folder and the source's are not the sender's own.
      if (way.length > 2) changes.made(source, keyOf(way.slice(2).join('/'), fileSystem))
    },
    /** A file is where a directory has to be. */
    inTheWay(_parent, _name, way) {
      const path = way.slice(2).join('/')
      if (path === '') throw new FileRefused('failed', 'ENOTDIR')
      const key = keyOf(path, fileSystem)
      requireSameName(source, key, path)
      changes.replaced(source, key, moveAway(way))
    },
  })

  /** Two names that differ are one place here: what came first keeps it. */
  const requireSameName = (source: number, key: string, path: string) => {
    const row = manifest.rows.find(source, key, '')
    if (row !== null && 'path' in row && row.path !== path) throw new FileRefused('name', 'folded')
    return row
  }

  const requireSameDirectory = (source: number, key: string, path: string) => {
    if (changes.hasOtherBelow(source, key, path)) throw new FileRefused('name', 'folded')
  }

  /** Gives the file a name that nothing has; false: something has it. */
  const give = ({ fd, temporary }: ToPlace, parent: TreeDirectory, name: string): boolean => {
    const to = `${parent.path}/${name}`
    if (temporary !== null) return nameRefusal(() => moveToFreeSync(temporary, to))
    const code = linkOpenFile(fd ?? -1, parent.fd, name)
    if (code === null) return true
    if (code === 'EEXIST') return false
    return nameRefusal(() => throwIf(code))
  }

  /** The place gets the copy that has come, in one step. */
  const renew = ({ fd, temporary }: ToPlace, parent: TreeDirectory, name: string) => {
    const from = temporary ?? temporaryIn(layout.temporary)
    if (temporary === null) throwIf(linkOpenFile(fd ?? -1, parent.fd, from))
    try {
      renameSync(from, `${parent.path}/${name}`)
    } catch (thrown) {
      if (temporary === null) rmSync(from, { force: true })
      throw thrown
    }
  }

  /** `isRenamed`: the name that has this place is the file's own one of before, written otherwise. */
  const placeFile = (file: ToPlace, key: string, way: readonly string[], isRenamed: boolean): Outcome => {
    const { source, path, digest } = file
    const above = way.slice(0, -1)
    const name = way.at(-1) ?? ''
    // Letters that are one by their keys may be two on the disk: the second must not have the first one's row.
    if (folds && !isRenamed) requireSameName(source, key, path)
    const parent = tree.enter(above, makingFor(source))
    toSync.add(above.join('/'))
    if (give(file, parent, name)) return MADE
    const stats = lstatSync(`${parent.path}/${name}`)
    if (stats.isSymbolicLink()) throw new FileRefused('name', 'symlink')
    if (stats.isDirectory()) {
      if (folds) requireSameDirectory(source, key, path)
      changes.replacedAll(source, key, moveAway(way))
    } else {
      const row = isRenamed ? manifest.rows.find(source, key, '') : requireSameName(source, key, path)
      if (row !== null && isFileRow(row) && row.digest.equals(digest)) {
        renew(file, parent, name)
        return SAME
      }
      changes.replaced(source, key, moveAway(way))
    }
    if (give(file, tree.enter(above), name)) return MADE
    throw new FileRefused('failed', 'EEXIST')
  }

  return {
    /** Directories whose entries have to become durable, as their names joined by "/"; '' is the root. */
    toSync,
    /** @throws FileRefused, or what the system says: then the file has no name in its place. */
    place(file: ToPlace) {
      const { source, path, facts, digest, moved } = file
      tree.trim()
      const row = manifest.sourceById(source)
      if (row === null) throw new FileRefused('failed', 'ENOENT')
      const key = keyOf(path, fileSystem)
      const way = [row.folder, row.directory, ...path.split('/')]
      if (file.fd !== null && file.isUntimed) setTimes(file.fd, facts.mtimeNs)
      const movedKey = moved === null ? null : keyOf(moved.path, fileSystem)
      const isRenamed = moved?.source === source && movedKey === key
      const outcome = file.fd === null ? SAME : placeFile(file, key, way, isRenamed)
      changes.placed({ source, key, path, facts, digest })
      if (moved !== null && movedKey !== null && !isRenamed) changes.moved(moved.source, movedKey)
      return outcome
    },
  }
}
