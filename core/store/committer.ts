import {
  closeSync,
  constants,
  fsync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
} from 'node:fs'
import { promisify } from 'node:util'
import { dropError } from '../dropped-errors.ts'
import type { CallHandlers } from '../lib/workers/thread.ts'
import { READ_FILE } from '../platform/fd.ts'
import { hasNoHardLinks } from '../platform/files.ts'
import { retryInUseSync } from '../platform/in-use.ts'
import { linkOpenFile, syncWhole } from '../platform/libc.ts'
import { replaceSync, setTimes } from '../platform/native.ts'
import { errorCode, errorText } from '../platform/system-error.ts'
import { moveToFreeSync, toKey } from './file-system.ts'
import { closeQuietly } from './file-writer.ts'
import { type StoreLayout, temporaryIn } from './layout.ts'
import type { Changes } from './manifest/manifest.ts'
import { isFileRow } from './manifest/rows.ts'
import { type Handles, StoreHandles } from './open-store.ts'
import { diskCode, nameRefusal, StorageError, type StoreResult, toStoreResult } from './outcome.ts'
import { pruneSome } from './prune.ts'
import { recoverRound } from './recovering.ts'
import type { CommitCalls, Remembered, Round, RoundResult, ToPlace } from './store-messages.ts'
import type { Making, TreeDirectory } from './tree.ts'

/** Files that are synced at the same time, in libuv's thread pool. */
const SYNCS_AT_ONCE = 64
/**
 * Numbers of files and bytes from which the whole file system is synced at once. That also writes recent data of other
 * programs, which costs more than syncing a few files one by one.
 */
const SYNC_WHOLE_FILES = 16
const SYNC_WHOLE_BYTES = 4 * 1024 * 1024
/** Directories of the store belong to the receiver; the mode at the source does not apply. */
const DIRECTORY_MODE = 0o700
const MADE: StoreResult = { status: 'durable', detail: '' }
const SAME: StoreResult = { status: 'same', detail: '' }

const syncFd = promisify(fsync)

/**
 * Opens the commit thread's end of a store: makes all changes to file names and to the manifest, one job at a time, with
 * blocking calls. Commits rounds, and removes expired older versions.
 */
export function openCommitter(layout: StoreLayout, remembered: Remembered | null) {
  const handles = new StoreHandles(layout, remembered)
  const calls: CallHandlers<CommitCalls> = {
    wake: answering(() => {
      handles.use()
      return null
    }),
    look: answering(() => handles.look()),
    round: (job) => commitRound(handles, layout, job),
    source: answering(({ folder, directory }) => handles.use().manifest.getSourceId(folder, directory)),
    wanted: answering(({ folder, after, limit }) => {
      const { manifest } = handles.use()
      return manifest.wanted(folder, after, limit).flatMap(({ source, key }) => {
        const directory = manifest.sourceById(source)?.directory
        const row = manifest.rows.find(source, key, '')
        const path = row !== null && 'path' in row ? row.path : key
        return directory === undefined ? [] : [{ directory, path }]
      })
    }),
    wantSince: answering(({ folder, position }) => {
      handles.use().manifest.wantSince(folder, position)
      return null
    }),
    pin: answering(({ source, path }) => {
      const { manifest, fileSystem, isLogged } = handles.use()
      const isThere = manifest.pin(source, toKey(path, fileSystem))
      if (isThere && isLogged) syncLog(layout)
      return isThere
    }),
    prune: answering((from) => pruneSome(from, { layout, ...handles.use() })),
    rest: answering(() => {
      handles.rest()
      return handles.remembered
    }),
  }
  return { calls, close: () => handles.rest() }
}

/** Copies the disk's error code to a plain error, so that it survives the transfer to the other thread. */
function answering<I, O>(work: (input: I) => O): (input: I) => O {
  return (input) => {
    try {
      return work(input)
    } catch (error) {
      const code = error instanceof StorageError ? error.detail : diskCode(error)
      throw Object.assign(new Error(errorText(error)), code === null ? {} : { code })
    }
  }
}

/**
 * Commits a round: recovers an interrupted one, syncs the contents, names the files and writes their rows, and syncs
 * these. Contents are durable before they get names.
 */
async function commitRound(handles: StoreHandles, layout: StoreLayout, job: Round): Promise<RoundResult> {
  const { files } = job
  const results: StoreResult[] = []
  try {
    const store = handles.use()
    const { manifest, tree } = store
    const left = manifest.openRound()
    if (left !== null) recoverRound(left, { layout, ...store })
    const unnamed = files.filter(({ fd }) => fd !== null)
    const isWhole = isSyncedWhole(store, unnamed)
    const failed = await syncContents(store.root, unnamed, isWhole)
    const { position, totals, toSync } = placeAll(store, layout, job, failed, results)
    syncNames(store, layout, toSync, isWhole)
    tree.forget()
    return { results, failure: null, position, totals: [...totals] }
  } catch (error) {
    // The whole round fails: no file in it is reported as durable.
    const failure = toStoreResult(error)
    results.splice(0, results.length, ...files.map(() => failure))
    return { results, failure, position: 0, totals: [] }
  } finally {
    closeAll(files, results)
  }
}

/** True if the whole file system is synced for these files, instead of each file and directory. */
function isSyncedWhole({ fileSystem }: Handles, open: readonly ToPlace[]): boolean {
  const bytes = open.reduce((sum, { facts }) => sum + facts.size, 0)
  return fileSystem.syncsWhole && (open.length >= SYNC_WHOLE_FILES || bytes >= SYNC_WHOLE_BYTES)
}

/**
 * Makes the contents of files durable.
 * @returns the files that are not durable, with the reason.
 * @throws the disk's write error if it cannot be assigned to a file
 */
async function syncContents(root: number, open: readonly ToPlace[], isWhole: boolean) {
  const failed = new Map<ToPlace, StoreResult>()
  if (isWhole) {
    syncWhole(root)
    return failed
  }
  const syncOne = async (file: ToPlace): Promise<void> => {
    try {
      await syncFd(file.fd ?? -1)
    } catch (error) {
      failed.set(file, toStoreResult(error))
    }
  }
  for (let at = 0; at < open.length; at += SYNCS_AT_ONCE)
    await Promise.all(open.slice(at, at + SYNCS_AT_ONCE).map(syncOne))
  return failed
}

/** Names the files and writes their rows, in one transaction of the manifest. */
function placeAll(
  now: Handles,
  layout: StoreLayout,
  { files, directories, sessions }: Round,
  failed: ReadonlyMap<ToPlace, StoreResult>,
  results: StoreResult[],
) {
  const { manifest, fileSystem } = now
  const undo: (() => void)[] = []
  let toSync: ReadonlySet<string> = new Set()
  const write = (changes: Changes, version: string) => {
    const placing = new Placing(now, layout, changes, version, undo)
    for (const file of files) {
      try {
        results.push(failed.get(file) ?? placing.place(file))
      } catch (error) {
        results.push(toStoreResult(error))
      }
    }
    for (const { source, path, facts } of directories) changes.told(source, toKey(path, fileSystem), facts)
    toSync = placing.toSync
  }
  const named = files.filter(({ fd }) => fd !== null)
  try {
    return { ...manifest.round(named, new Map(sessions), write), toSync }
  } catch (error) {
    // Until the rows can be written again, on a full disk, the names have to be those of the rows.
    try {
      for (const step of undo.reverse()) step()
    } catch (failure) {
      dropError(failure, 'the next round, or the next opening of the store, recovers this one')
    }
    throw error
  }
}

/**
 * Gives files their names, for one round.
 * Existing content is never lost: other content under the same name becomes an older version first. A file is only
 * replaced if the manifest has the same digest for it. Its content on the disk, which may be damaged, is not checked.
 */
class Placing {
  /** Directories whose entries must be synced, as their names joined by "/"; '' is the root. */
  readonly toSync = new Set<string>()
  readonly #handles: Handles
  readonly #layout: StoreLayout
  readonly #changes: Changes
  readonly #version: string
  readonly #undo: (() => void)[]
  #count = 0

  /** @param version prefix of the names of this round's versions. @param undo gets what takes each name back. */
  constructor(
    handles: Handles,
    layout: StoreLayout,
    changes: Changes,
    version: string,
    undo: (() => void)[],
  ) {
    this.#handles = handles
    this.#layout = layout
    this.#changes = changes
    this.#version = version
    this.#undo = undo
  }

  /** Names one file and records it. @throws StorageError or system errors: then the file is not in its place. */
  place(file: ToPlace): StoreResult {
    const { source, path, facts, digest, moved } = file
    const { manifest, tree, fileSystem } = this.#handles
    tree.trim()
    const row = manifest.sourceById(source)
    if (row === null) throw new StorageError('failed', 'ENOENT')
    const key = toKey(path, fileSystem)
    const way = [row.folder, row.directory, ...path.split('/')]
    if (file.fd !== null && file.isUntimed) setTimes(file.fd, facts.mtimeNs)
    const movedKey = moved === null ? null : toKey(moved.path, fileSystem)
    const isRenamed = moved?.source === source && movedKey === key
    const result = file.fd === null ? this.#retime(file, way) : this.#placeFile(file, key, way, isRenamed)
    this.#changes.placed({ source, key, path, facts, digest })
    if (moved !== null && movedKey !== null && !isRenamed) this.#changes.moved(moved.source, movedKey)
    return result
  }

  /** Sets the new time of a file that is stored already. @throws StorageError `unknown`: it must be sent again */
  #retime({ facts }: ToPlace, way: readonly string[]): StoreResult {
    try {
      const parent = this.#handles.tree.enter(way.slice(0, -1))
      const fd = openSync(`${parent.path}/${way.at(-1)}`, READ_FILE | constants.O_RDWR)
      try {
        setTimes(fd, facts.mtimeNs)
      } finally {
        closeSync(fd)
      }
    } catch (error) {
      throw new StorageError('unknown', errorCode(error) ?? String(error))
    }
    return SAME
  }

  /** @param isRenamed the place has the file's previous name, spelled differently (case or Unicode form). */
  #placeFile(file: ToPlace, key: string, way: readonly string[], isRenamed: boolean): StoreResult {
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
    const give = (to: TreeDirectory) => {
      const isNamed = giveName(file, to, name)
      if (isNamed) this.#undo.push(() => unlinkSync(`${tree.enter(above).path}/${name}`))
      return isNamed
    }
    if (give(parent)) return MADE
    const stats = lstatSync(`${parent.path}/${name}`)
    if (stats.isSymbolicLink()) throw new StorageError('name', 'symlink')
    if (stats.isDirectory()) {
      if (folds && changes.hasOtherBelow(source, key, path)) throw new StorageError('name', 'folded')
      changes.replacedAll(source, key, this.#moveAway(way))
    } else {
      const row = isRenamed ? manifest.rows.find(source, key, '') : this.#requireSameName(source, key, path)
      if (row !== null && isFileRow(row) && row.digest.equals(digest)) {
        this.#renew(file, parent, name)
        return SAME
      }
      const version = isRenamed ? null : this.#exchange(file, way)
      changes.replaced(source, key, version ?? this.#moveAway(way))
      if (version !== null) return MADE
    }
    if (give(tree.enter(above))) return MADE
    throw new StorageError('failed', 'EEXIST')
  }

  /**
   * Replaces a file that becomes an older version: it has both names until the new one has its own, so that its name is
   * never without a file. Returns the version's name; null: the file system has no second names.
   */
  #exchange(file: ToPlace, way: readonly string[]): string | null {
    const { tree } = this.#handles
    let version: string
    try {
      version = this.#toVersion(way, linkSync)
    } catch (error) {
      if (hasNoHardLinks(error)) return null
      throw error
    }
    try {
      this.#renew(file, tree.enter(way.slice(0, -1)), way.at(-1) ?? '')
    } catch (error) {
      // The file has its own name still.
      this.#undo.pop()
      rmSync(this.#pathOf([...this.#layout.versions, ...way, version]))
      throw error
    }
    return version
  }

  /** Replaces the existing file with the new copy atomically. */
  #renew({ fd, temporary }: ToPlace, parent: TreeDirectory, name: string): void {
    const from = temporary ?? temporaryIn(this.#layout.temporary)
    if (temporary === null) throwIf(linkOpenFile(fd ?? -1, parent.fd, from))
    try {
      replaceSync(from, `${parent.path}/${name}`)
    } catch (error) {
      if (temporary === null) rmSync(from, { force: true })
      throw error
    }
  }

  /** Moves a file or directory to the older versions. Returns the version's name. */
  #moveAway(way: readonly string[]): string {
    const name = this.#toVersion(way, (from, to) => retryInUseSync(() => renameSync(from, to)))
    this.#handles.tree.forget()
    return name
  }

  /** @param give gives a file or directory the path of a version. */
  #toVersion(way: readonly string[], give: (from: string, to: string) => void): string {
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
        throw new StorageError('failed', 'EEXIST')
      },
    })
    const parent = tree.enter(way.slice(0, -1))
    give(`${parent.path}/${way.at(-1)}`, `${target.path}/${name}`)
    this.#undo.push(() => renameSync(this.#pathOf([...versions, name]), this.#pathOf(way)))
    this.toSync.add(versions.join('/'))
    this.toSync.add(way.slice(0, -1).join('/'))
    return name
  }

  #pathOf(way: readonly string[]): string {
    return `${this.#handles.tree.enter(way.slice(0, -1)).path}/${way.at(-1)}`
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
        if (path === '') throw new StorageError('failed', 'ENOTDIR')
        const key = toKey(path, fileSystem)
        this.#requireSameName(source, key, path)
        this.#changes.replaced(source, key, this.#moveAway(way))
      },
    }
  }

  /**
   * Returns the row of a key. If two different names have the same key, the first one keeps it, also within this round.
   * @throws StorageError `name` if the row has a different path
   */
  #requireSameName(source: number, key: string, path: string) {
    const row = this.#handles.manifest.rows.find(source, key, '')
    if (row !== null && 'path' in row && row.path !== path) throw new StorageError('name', 'folded')
    return row
  }
}

/** Gives the file an unused name. Returns false if the name is in use. */
function giveName({ fd, temporary }: ToPlace, parent: TreeDirectory, name: string): boolean {
  const to = `${parent.path}/${name}`
  if (temporary !== null) return nameRefusal(() => moveToFreeSync(temporary, to))
  const code = linkOpenFile(fd ?? -1, parent.fd, name)
  if (code === null) return true
  if (code === 'EEXIST') return false
  return nameRefusal(() => throwIf(code))
}

function throwIf(code: string | null): never | false {
  if (code !== null) throw Object.assign(new Error(`${code}: linkat`), { code })
  return false
}

/**
 * Makes names durable, together with the rows of the manifest.
 * @param directories with changed entries, as names joined by "/"; '' is the root.
 * @throws the disk's write errors
 */
function syncNames(
  { root, tree, isLogged }: Handles,
  layout: StoreLayout,
  directories: ReadonlySet<string>,
  isWhole: boolean,
) {
  if (isWhole) return syncWhole(root)
  // Older versions come first: a power failure may not leave a new content its name, and the older one none.
  const isOlder = (directory: string) => directory.split('/', 1)[0] === layout.versions[0]
  for (const directory of [...directories].sort((a, b) => Number(isOlder(b)) - Number(isOlder(a)))) {
    try {
      tree.sync(directory === '' ? [] : directory.split('/'))
    } catch (error) {
      // The directory was replaced by a symbolic link after its files were named: it cannot be synced.
      if (!(error instanceof StorageError)) throw error
    }
  }
  if (isLogged) syncLog(layout)
}

/** Syncs the manifest's write-ahead log, so that its commits are durable. Windows syncs only what is open for writing. */
function syncLog({ manifest }: StoreLayout): void {
  const fd = openSync(`${manifest}-wal`, constants.O_RDWR)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function closeAll(files: readonly ToPlace[], results: readonly StoreResult[]): void {
  for (const [index, { fd, temporary }] of files.entries()) {
    if (fd !== null) closeQuietly(fd)
    const status = results[index]?.status
    if (temporary === null || status === 'durable' || status === 'same') continue
    try {
      rmSync(temporary, { force: true })
    } catch (error) {
      dropError(error, 'the next opening of the store removes what is left')
    }
  }
}
