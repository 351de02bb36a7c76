import { closeSync, constants, lstatSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs'
import { linkOpenFile } from '../platform/libc.ts'
import { setTimes } from '../platform/native.ts'
import { READ_FILE } from '../platform/open-flags.ts'
import { errorCode } from '../platform/system-error.ts'
import { keyOf, moveToFreeSync } from './file-system.ts'
import { type StoreLayout, temporaryIn } from './layout.ts'
import type { Changes } from './manifest/changes.ts'
import { isFileRow } from './manifest/rows.ts'
import type { Handles } from './open-store.ts'
import { FileRefused, nameRefusal, type Outcome } from './outcome.ts'
import type { ToPlace } from './store-messages.ts'
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

/** Gives the file a name that nothing has; false: something has it. */
function give({ fd, temporary }: ToPlace, parent: TreeDirectory, name: string): boolean {
  const to = `${parent.path}/${name}`
  if (temporary !== null) return nameRefusal(() => moveToFreeSync(temporary, to))
  const code = linkOpenFile(fd ?? -1, parent.fd, name)
  if (code === null) return true
  if (code === 'EEXIST') return false
  return nameRefusal(() => throwIf(code))
}

/**
 * Gives files their names, for one round.
 * Placing never loses what was there, and never replaces it: other content under the same name becomes a version
 * first. Only what the manifest says is this very content gives way to the copy that has come now, whatever has become
 * of it on the disk.
 */
export class Placing {
  /** Directories whose entries have to become durable, as their names joined by "/"; '' is the root. */
  readonly toSync = new Set<string>()
  readonly #handles: Handles
  readonly #layout: StoreLayout
  readonly #changes: Changes
  readonly #version: string
  #count = 0

  /** @param version the beginning of the names of this round's versions. */
  constructor(handles: Handles, layout: StoreLayout, changes: Changes, version: string) {
    this.#handles = handles
    this.#layout = layout
    this.#changes = changes
    this.#version = version
  }

  /** @throws FileRefused, or what the system says: then the file has no name in its place. */
  place(file: ToPlace): Outcome {
    const { source, path, facts, digest, moved } = file
    const { manifest, tree, fileSystem } = this.#handles
    tree.trim()
    const row = manifest.sourceById(source)
    if (row === null) throw new FileRefused('failed', 'ENOENT')
    const key = keyOf(path, fileSystem)
    const way = [row.folder, row.directory, ...path.split('/')]
    if (file.fd !== null && file.isUntimed) setTimes(file.fd, facts.mtimeNs)
    const movedKey = moved === null ? null : keyOf(moved.path, fileSystem)
    const isRenamed = moved?.source === source && movedKey === key
    const outcome = file.fd === null ? this.#retime(file, way) : this.#placeFile(file, key, way, isRenamed)
    this.#changes.placed({ source, key, path, facts, digest })
    if (moved !== null && movedKey !== null && !isRenamed) this.#changes.moved(moved.source, movedKey)
    return outcome
  }

  /** The file is there with this content, and gets its new time. @throws FileRefused `unknown`: it has to come again. */
  #retime({ facts }: ToPlace, way: readonly string[]): Outcome {
    try {
      const parent = this.#handles.tree.enter(way.slice(0, -1))
      const fd = openSync(`${parent.path}/${way.at(-1)}`, READ_FILE | constants.O_RDWR)
      try {
        setTimes(fd, facts.mtimeNs)
      } finally {
        closeSync(fd)
      }
    } catch (error) {
      throw new FileRefused('unknown', errorCode(error) ?? String(error))
    }
    return SAME
  }

  /** `isRenamed`: the name that has this place is the file's own one of before, written otherwise. */
  #placeFile(file: ToPlace, key: string, way: readonly string[], isRenamed: boolean): Outcome {
    const { source, path, digest } = file
    const { manifest, tree, fileSystem } = this.#handles
    const changes = this.#changes
    const folds = fileSystem.foldsCase || fileSystem.foldsForm
    const above = way.slice(0, -1)
    const name = way.at(-1) ?? ''
    // Letters that are one by their keys may be two on the disk: the second must not have the first one's row.
    if (folds && !isRenamed) this.#requireSameName(source, key, path)
    const parent = tree.enter(above, this.#makingFor(source))
    this.toSync.add(above.join('/'))
    if (give(file, parent, name)) return MADE
    const stats = lstatSync(`${parent.path}/${name}`)
    if (stats.isSymbolicLink()) throw new FileRefused('name', 'symlink')
    if (stats.isDirectory()) {
      if (folds && changes.hasOtherBelow(source, key, path)) throw new FileRefused('name', 'folded')
      changes.replacedAll(source, key, this.#moveAway(way))
    } else {
      const row = isRenamed ? manifest.rows.find(source, key, '') : this.#requireSameName(source, key, path)
      if (row !== null && isFileRow(row) && row.digest.equals(digest)) {
        this.#renew(file, parent, name)
        return SAME
      }
      changes.replaced(source, key, this.#moveAway(way))
    }
    if (give(file, tree.enter(above), name)) return MADE
    throw new FileRefused('failed', 'EEXIST')
  }

  /** The place gets the copy that has come, in one step. */
  #renew({ fd, temporary }: ToPlace, parent: TreeDirectory, name: string): void {
    const from = temporary ?? temporaryIn(this.#layout.temporary)
    if (temporary === null) throwIf(linkOpenFile(fd ?? -1, parent.fd, from))
    try {
      renameSync(from, `${parent.path}/${name}`)
    } catch (error) {
      if (temporary === null) rmSync(from, { force: true })
      throw error
    }
  }

  /** Moves what is in a place to the versions; the version's name. */
  #moveAway(way: readonly string[]): string {
    const { tree, isLogged } = this.#handles
    // After a power failure the manifest has to know of a round that may have moved what was durable.
    if (this.#count === 0 && isLogged) syncLog(this.#layout)
    const name = `${this.#version}${this.#count}`
    this.#count += 1
    const versions = [...this.#layout.versions, ...way]
    const target = tree.enter(versions, {
      missing: (parent, made, above) => this.#make(parent, made, above),
      // Below the versions nothing is ever in the way but a version itself.
      inTheWay() {
        throw new FileRefused('failed', 'EEXIST')
      },
    })
    const parent = tree.enter(way.slice(0, -1))
    renameSync(`${parent.path}/${way.at(-1)}`, `${target.path}/${name}`)
    this.toSync.add(versions.join('/'))
    this.toSync.add(way.slice(0, -1).join('/'))
    tree.forget()
    return name
  }

  #make(parent: TreeDirectory, name: string, way: readonly string[]): void {
    nameRefusal(() => mkdirSync(`${parent.path}/${name}`, { mode: DIRECTORY_MODE }))
    this.toSync.add(way.slice(0, -1).join('/'))
  }

  #makingFor(source: number): Making {
    const { fileSystem } = this.#handles
    return {
      missing: (parent, name, way) => {
        this.#make(parent, name, way)
        // The sender's folder and the source's are not the sender's own.
        if (way.length > 2) this.#changes.made(source, keyOf(way.slice(2).join('/'), fileSystem))
      },
      /** A file is where a directory has to be. */
      inTheWay: (_parent, _name, way) => {
        const path = way.slice(2).join('/')
        if (path === '') throw new FileRefused('failed', 'ENOTDIR')
        const key = keyOf(path, fileSystem)
        this.#requireSameName(source, key, path)
        this.#changes.replaced(source, key, this.#moveAway(way))
      },
    }
  }

  /** Two names that differ are one place here: what came first keeps it, also within this round. */
  #requireSameName(source: number, key: string, path: string) {
    const row = this.#handles.manifest.rows.find(source, key, '')
    if (row !== null && 'path' in row && row.path !== path) throw new FileRefused('name', 'folded')
    return row
  }
}
