import { closeSync, constants, lstatSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs'
import { linkOpenFile } from '../platform/libc.ts'
import { setTimes } from '../platform/native.ts'
import { READ_FILE } from '../platform/open-flags.ts'
import { errorCode } from '../platform/system-error.ts'
import { moveToFreeSync, toKey } from './file-system.ts'
import { type StoreLayout, temporaryIn } from './layout.ts'
import type { Changes } from './manifest/changes.ts'
import { isFileRow } from './manifest/rows.ts'
import type { Handles } from './open-store.ts'
import { FileRefused, nameRefusal, type Outcome } from './outcome.ts'
import type { ToPlace } from './store-messages.ts'
import { syncLog } from './syncing.ts'
import type { Making, TreeDirectory } from './tree.ts'

/** Directories of the store belong to the receiver; the mode at the source does not apply. */
const DIRECTORY_MODE = 0o700

function throwIf(code: string | null): never | false {
  if (code !== null) throw Object.assign(new Error(`${code}: linkat`), { code })
  return false
}

const MADE: Outcome = { status: 'durable', detail: '' }
const SAME: Outcome = { status: 'same', detail: '' }

/** Gives the file an unused name. Returns false if the name is in use. */
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
 * Existing content is never lost: other content under the same name becomes an older version first. A file is only
 * replaced if the manifest has the same digest for it. Its content on the disk, which may be damaged, is not checked.
 */
export class Placing {
  /** Directories whose entries must be synced, as their names joined by "/"; '' is the root. */
  readonly toSync = new Set<string>()
  readonly #handles: Handles
  readonly #layout: StoreLayout
  readonly #changes: Changes
  readonly #version: string
  #count = 0

  /** @param version prefix of the names of this round's versions. */
  constructor(handles: Handles, layout: StoreLayout, changes: Changes, version: string) {
    this.#handles = handles
    this.#layout = layout
    this.#changes = changes
    this.#version = version
  }

  /** Names one file and records it. @throws FileRefused or system errors: then the file is not in its place. */
  place(file: ToPlace): Outcome {
    const { source, path, facts, digest, moved } = file
    const { manifest, tree, fileSystem } = this.#handles
    tree.trim()
    const row = manifest.sourceById(source)
    if (row === null) throw new FileRefused('failed', 'ENOENT')
    const key = toKey(path, fileSystem)
    const way = [row.folder, row.directory, ...path.split('/')]
    if (file.fd !== null && file.isUntimed) setTimes(file.fd, facts.mtimeNs)
    const movedKey = moved === null ? null : toKey(moved.path, fileSystem)
    const isRenamed = moved?.source === source && movedKey === key
    const outcome = file.fd === null ? this.#retime(file, way) : this.#placeFile(file, key, way, isRenamed)
    this.#changes.placed({ source, key, path, facts, digest })
    if (moved !== null && movedKey !== null && !isRenamed) this.#changes.moved(moved.source, movedKey)
    return outcome
  }

  /** Sets the new time of a file that is stored already. @throws FileRefused `unknown`: it must be sent again */
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

  /** @param isRenamed the place has the file's previous name, spelled differently (case or Unicode form). */
  #placeFile(file: ToPlace, key: string, way: readonly string[], isRenamed: boolean): Outcome {
    const { source, path, digest } = file
    const { manifest, tree, fileSystem } = this.#handles
    const changes = this.#changes
    const folds = fileSystem.foldsCase || fileSystem.foldsForm
    const above = way.slice(0, -1)
    const name = way.at(-1) ?? ''
    // Names with the same key may still be two files on the disk: the second must not take over the first one's row.
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

  /** Replaces the existing file with the new copy atomically. */
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

  /** Moves a file or directory to the older versions. Returns the version's name. */
  #moveAway(way: readonly string[]): string {
    const { tree, isLogged } = this.#handles
    // After a power failure the manifest must list the open round, as it may have moved durable files.
    if (this.#count === 0 && isLogged) syncLog(this.#layout)
    const name = `${this.#version}${this.#count}`
    this.#count += 1
    const versions = [...this.#layout.versions, ...way]
    const target = tree.enter(versions, {
      missing: (parent, made, above) => this.#make(parent, made, above),
      // Only a version itself can be in the way in the directory of versions.
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
        // The sender's folder and the source's directory get no row: they are not part of the sender's tree.
        if (way.length > 2) this.#changes.made(source, toKey(way.slice(2).join('/'), fileSystem))
      },
      /** A file is in the place of a directory. */
      inTheWay: (_parent, _name, way) => {
        const path = way.slice(2).join('/')
        if (path === '') throw new FileRefused('failed', 'ENOTDIR')
        const key = toKey(path, fileSystem)
        this.#requireSameName(source, key, path)
        this.#changes.replaced(source, key, this.#moveAway(way))
      },
    }
  }

  /**
   * Returns the row of a key. If two different names have the same key, the first one keeps it, also within this round.
   * @throws FileRefused `name` if the row has a different path
   */
  #requireSameName(source: number, key: string, path: string) {
    const row = this.#handles.manifest.rows.find(source, key, '')
    if (row !== null && 'path' in row && row.path !== path) throw new FileRefused('name', 'folded')
    return row
  }
}
