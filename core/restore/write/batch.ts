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

/** Files that are made durable together, and then get their names: so many, or so many bytes. */
const BATCH_FILES = 512
const BATCH_BYTES = 64 * 1024 * 1024

/** A file on its way. */
interface Unnamed {
  fd: number
  way: readonly string[]
  /** Its name beside its own one; null: it has none yet. */
  temporary: string | null
  name: string
  /** It is on another file system than the destination itself: a sync of that one does not reach it. */
  isElsewhere: boolean
}

interface Written extends Unnamed {
  done(put: Put): void
}

/** Of all batches of this process. */
const temporaries = new Set<string>()

/** Removes what an end in the middle would leave, and sets modes back; for a process that is about to end. */
export function removeUnfinished(): void {
  for (const file of temporaries) rmSync(file, { force: true })
  setBackModes()
}

const RUN = randomBytes(3).toString('hex')
let count = 0

/** As core/filter/names.ts knows it: such a file is never sent. */
function temporaryName(): string {
  count += 1
  return `.holdfast-restore-${RUN}${count.toString(16).padStart(6, '0').slice(-6)}`
}

/** What the destination's file system can do, found out in a directory that nobody else has. */
function triedOf(root: string): FileSystem {
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

/** Gives a file that has no name one that nothing has; false: something has it. */
function link(fd: number, directory: TreeDirectory, name: string): boolean {
  const code = linkOpenFile(fd, directory.fd, name)
  if (code !== null && code !== 'EEXIST') throw failedCall('linkat', code)
  return code === null
}

/** Group commit at the destination of a restore: contents are durable before they get their names. */
export class PutBatch {
  readonly #root: string
  readonly #tree: Tree
  readonly #overwrite: boolean
  readonly #fileSystem: FileSystem
  /** Older than all that is written: no error of a sync escapes it. */
  readonly #base: number
  readonly #device: number
  #last = { way: '', isElsewhere: false }
  #written: Written[] = []
  #bytes = 0

  constructor(root: string, tree: Tree, overwrite: boolean) {
    this.#root = root
    this.#tree = tree
    this.#overwrite = overwrite
    this.#fileSystem = triedOf(root)
    this.#base = openSync(root, constants.O_RDONLY)
    this.#device = fstatSync(this.#base).dev
  }

  get isFull(): boolean {
    return this.#written.length >= BATCH_FILES || this.#bytes >= BATCH_BYTES
  }

  /** What has this name is called otherwise: the file system takes the two for one. */
  isFolded(directory: string, name: string): boolean {
    const { foldsCase, foldsForm } = this.#fileSystem
    return (foldsCase || foldsForm) && !readdirSync(directory).includes(name)
  }

  /** A new file for a name in a directory. */
  make(way: readonly string[], directory: TreeDirectory, name: string): Unnamed {
    const opened = this.#openNew(directory.path, way)
    return { ...opened, way, name, isElsewhere: this.#isElsewhere(directory, way) }
  }

  discard({ fd, way, temporary }: Unnamed): void {
    closeSync(fd)
    if (temporary === null) return
    rmSync(`${this.#tree.enter(way).path}/${temporary}`, { force: true })
    temporaries.delete(this.#pathOf(way, temporary))
  }

  /** It is written. `done` hears what became of it, when the batch is named. */
  add(file: Unnamed, size: number, done: (put: Put) => void): void {
    this.#written.push({ ...file, done })
    this.#bytes += size
  }

  /**
   * Makes all durable that was written, and gives it its names.
   * @param failed what to tell of a file that cannot get its name.
   * @throws what the disk says.
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
        put = failed(thrown, this.#pathOf(file.way, file.name))
      }
      closeSync(file.fd)
      if (file.temporary !== null) temporaries.delete(this.#pathOf(file.way, file.temporary))
      file.done(put)
    }
    const ways = new Map(alone.map(({ way }) => [way.join('/'), way]))
    for (const way of ways.values()) this.#tree.sync(way)
  }

  close(): void {
    if (this.#fileSystem.syncsWhole) syncWhole(this.#base)
    closeSync(this.#base)
  }

  #pathOf(way: readonly string[], name: string): string {
    return path.join(this.#root, ...way, name)
  }

  /** Without a name where that can be: so it is in the directory once, and not written, linked and removed. */
  #openNew(directory: string, way: readonly string[]): Pick<Unnamed, 'fd' | 'temporary'> {
    if (this.#fileSystem.hasUnnamed) {
      try {
        return { fd: openSync(directory, UNNAMED, 0o600), temporary: null }
      } catch (error) {
        // Another file system may be mounted there.
        dropError(error, 'the file is made with a name; a broken disk fails there too')
      }
    }
    const temporary = temporaryName()
    const fd = openSync(`${directory}/${temporary}`, WRITE_NEW_FILE, 0o600)
    temporaries.add(this.#pathOf(way, temporary))
    return { fd, temporary }
  }

  /** Something may be mounted within the destination. Files come in the order of their paths. */
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
    const to = this.#pathOf(way, name)
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
