import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import path from 'node:path'
import { dropError } from '../../dropped-errors.ts'
import { failed as failedCall, linkOpenFile, syncWhole } from '../../platform/libc.ts'
import { WRITE_NEW_FILE } from '../../platform/open-flags.ts'
import {
  type FileSystem,
  moveToFreeSync,
  tryFileSystem,
  UNKNOWN_FILE_SYSTEM,
  UNNAMED,
} from '../../store/file-system.ts'
import type { Tree, TreeDirectory } from '../../store/tree.ts'
import type { Put } from './events.ts'
import { setBackModes } from './permissions.ts'

/** Limits of a batch: its files are synced together before they get their names. */
const BATCH_FILES = 512
const BATCH_BYTES = 64 * 1024 * 1024

/** A file that has not got its final name yet. */
interface Unnamed {
  fd: number
  way: readonly string[]
  /** Its temporary name in the directory; null: it has none. */
  temporary: string | null
  name: string
  /** True if it is on another file system than the target directory, so a sync of that one does not cover it. */
  isElsewhere: boolean
}

interface Written extends Unnamed {
  done(put: Put): void
}

/** Temporary files of all batches of this process. */
const temporaries = new Set<string>()

/** Removes temporary files and resets modes, for a process that is about to end. */
export function removeUnfinished(): void {
  for (const file of temporaries) rmSync(file, { force: true })
  setBackModes()
}

const RUN = randomBytes(3).toString('hex')
let count = 0

/** Returns a temporary name that core/filter/names.ts recognizes, so that such files are never sent. */
function temporaryName(): string {
  count += 1
  return `.holdfast-restore-${RUN}${count.toString(16).padStart(6, '0').slice(-6)}`
}

/** Tests the abilities of the target's file system in a private directory. */
function probeFileSystem(root: string): FileSystem {
  const directory = `${root}/${temporaryName()}`
  try {
    mkdirSync(directory, { mode: 0o700 })
    return tryFileSystem(directory)
  } catch (error) {
    return dropError(error, 'the file system is treated as an unknown one', UNKNOWN_FILE_SYSTEM)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Links an unnamed file to a free name; false: the name is taken. */
function link(fd: number, directory: TreeDirectory, name: string): boolean {
  const code = linkOpenFile(fd, directory.fd, name)
  if (code !== null && code !== 'EEXIST') throw failedCall('linkat', code)
  return code === null
}

/** Group commit at the target of a restore: contents are durable before they get their names. */
export class PutBatch {
  readonly #root: string
  readonly #tree: Tree
  readonly #overwrite: boolean
  readonly #fileSystem: FileSystem
  /** Opened before anything is written, so that it sees every sync error. */
  readonly #base: number
  readonly #device: number
  #last = { way: '', isElsewhere: false }
  #written: Written[] = []
  #bytes = 0

  constructor(root: string, tree: Tree, overwrite: boolean) {
    this.#root = root
    this.#tree = tree
    this.#overwrite = overwrite
    this.#fileSystem = probeFileSystem(root)
    this.#base = openSync(root, constants.O_RDONLY)
    this.#device = fstatSync(this.#base).dev
  }

  get isFull(): boolean {
    return this.#written.length >= BATCH_FILES || this.#bytes >= BATCH_BYTES
  }

  /** True if the name exists only under another spelling: the file system folds case or Unicode form. */
  isFolded(directory: string, name: string): boolean {
    const { foldsCase, foldsForm } = this.#fileSystem
    return (foldsCase || foldsForm) && !readdirSync(directory).includes(name)
  }

  /** Creates a new file for a name in a directory. */
  make(way: readonly string[], directory: TreeDirectory, name: string): Unnamed {
    const opened = this.#openNew(directory.path, way)
    return { ...opened, way, name, isElsewhere: this.#isElsewhere(directory, way) }
  }

  discard({ fd, way, temporary }: Unnamed): void {
    closeSync(fd)
    if (temporary === null) return
    rmSync(`${this.#tree.enter(way).path}/${temporary}`, { force: true })
    temporaries.delete(this.#buildPath(way, temporary))
  }

  /** Adds a written file. `done` receives its result when the batch is named. */
  add(file: Unnamed, size: number, done: (put: Put) => void): void {
    this.#written.push({ ...file, done })
    this.#bytes += size
  }

  /**
   * Syncs all written files, and gives them their names.
   * @param failed returns the result for a file that cannot get its name.
   * @throws the error of the sync.
   */
  flush(onSync: () => void, failed: (thrown: unknown, to: string) => Put): void {
    const ready = this.#written
    this.#written = []
    this.#bytes = 0
    const alone = ready.filter((file) => file.isElsewhere || !this.#fileSystem.syncsWhole)
    if (ready.length > 0) {
      if (alone.length < ready.length) syncWhole(this.#base)
      for (const { fd } of alone) fsyncSync(fd)
      onSync()
    }
    for (const file of ready) {
      let put: Put
      try {
        put = this.#name(file)
      } catch (thrown) {
        put = failed(thrown, this.#buildPath(file.way, file.name))
      }
      closeSync(file.fd)
      if (file.temporary !== null) temporaries.delete(this.#buildPath(file.way, file.temporary))
      file.done(put)
    }
    const ways = new Map(alone.map(({ way }) => [way.join('/'), way]))
    for (const way of ways.values()) this.#tree.sync(way)
  }

  close(): void {
    if (this.#fileSystem.syncsWhole) syncWhole(this.#base)
    closeSync(this.#base)
  }

  #buildPath(way: readonly string[], name: string): string {
    return path.join(this.#root, ...way, name)
  }

  /** Opens an unnamed file if possible: this saves writing and removing a second directory entry. */
  #openNew(directory: string, way: readonly string[]): Pick<Unnamed, 'fd' | 'temporary'> {
    if (this.#fileSystem.hasUnnamed) {
      try {
        return { fd: openSync(directory, UNNAMED, 0o600), temporary: null }
      } catch (error) {
        // A different file system may be mounted there.
        dropError(error, 'the file is made with a name; a broken disk fails there too')
      }
    }
    const temporary = temporaryName()
    const fd = openSync(`${directory}/${temporary}`, WRITE_NEW_FILE, 0o600)
    temporaries.add(this.#buildPath(way, temporary))
    return { fd, temporary }
  }

  /** True if another file system is mounted here. Caches the last directory, because files come sorted by path. */
  #isElsewhere(directory: TreeDirectory, way: readonly string[]): boolean {
    const at = way.join('/')
    if (at !== this.#last.way)
      this.#last = { way: at, isElsewhere: lstatSync(`${directory.path}/.`).dev !== this.#device }
    return this.#last.isElsewhere
  }

  #name({ fd, way, temporary, name }: Unnamed): Put {
    this.#tree.trim()
    const directory = this.#tree.enter(way)
    const [from, there] = [`${directory.path}/${temporary}`, `${directory.path}/${name}`]
    const to = this.#buildPath(way, name)
    const isFree = temporary === null ? link(fd, directory, name) : moveToFreeSync(from, there)
    if (isFree) return { kind: 'restored', to }
    const isOther = this.isFolded(directory.path, name)
    if (isOther || !this.#overwrite) {
      if (temporary !== null) rmSync(from)
      return { kind: isOther ? 'folded' : 'exists', to }
    }
    const replacing = temporary ?? temporaryName()
    if (temporary === null) link(fd, directory, replacing)
    renameSync(`${directory.path}/${replacing}`, there)
    return { kind: 'restored', to }
  }
}
