import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
} from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { NotReadable } from '../../backends/errors.ts'
import { type Incoming, readAll } from '../../backends/library.ts'
import { defer } from '../../defer.ts'
import { dropError, settled, warnUnlessCode } from '../../dropped-errors.ts'
import { formatDay } from '../../lib/i18n/formats.ts'
import type { WordKey } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { digestText } from '../../platform/digest.ts'
import { WRITE_NEW_FILE } from '../../platform/fd.ts'
import type { FileMetadata } from '../../platform/file-metadata.ts'
import { makeDirectories } from '../../platform/files.ts'
import { failed as failedCall, linkOpenFile, syncWhole } from '../../platform/libc.ts'
import { replaceSync } from '../../platform/native.ts'
import { errorCode, isGone } from '../../platform/system-error.ts'
import {
  type FileSystem,
  moveToFreeSync,
  tryFileSystem,
  UNKNOWN_FILE_SYSTEM,
  UNNAMED,
} from '../../store/file-system.ts'
import { writeAt } from '../../store/file-writer.ts'
import { StorageError } from '../../store/outcome.ts'
import { type Making, Tree, type TreeDirectory } from '../../store/tree.ts'
import { NotAFile, readDigest } from '../../store/verify/read-digest.ts'
import type { Conflict } from '../restore-messages.ts'
import type { RestoreResult } from './events.ts'
import {
  applyMetadata,
  describeDenied,
  findDenied,
  openToRead,
  setBackModes,
  TargetDirectories,
} from './metadata.ts'

// Writes restored files. Each content goes to a new file without a name, or with a temporary one, and is digested on
// the way. It gets the metadata of the source and joins a batch. The files of a batch are synced together, and then get
// their names: after a power failure a name never shows an incomplete file.

/** Syncs a file after this many bytes: one sync of a large file could take minutes, and look like a hanging disk. */
const SYNC_EVERY_BYTES = 32 * 1024 * 1024

/** Limits of a batch: its files are synced together before they get their names. */
const BATCH_FILES = 512
const BATCH_BYTES = 64 * 1024 * 1024

/** Errors after which no other file can be written either. */
const ENDS = new Set(['ENOSPC', 'EDQUOT', 'EROFS'])

/** Errors with a message of their own, because the remedy differs (errno(3)). */
const STOPPED: Readonly<Record<string, WordKey>> = {
  ENOSPC: 'store.restoreFull',
  EDQUOT: 'store.restoreFull',
  EROFS: 'store.restoreReadOnly',
  ENOTDIR: 'store.restoreNoDirectory',
  EACCES: 'store.restoreForbidden',
  EPERM: 'store.restoreForbidden',
}

const syncFd = promisify(fsync)

class InTheWay extends Error {}

/** True if there is nothing at a path. */
export const isFree = (file: string): boolean => {
  try {
    return lstatSync(file, { throwIfNoEntry: false }) === undefined
  } catch (error) {
    return dropError(error, 'writing the file fails too, with a message', true)
  }
}

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
  done(result: RestoreResult): void
}

/** Temporary files of all batches of this process. */
const temporaries = new Set<string>()

const RUN = randomBytes(3).toString('hex')
let count = 0

/**
 * Opens a target directory for writing; creates it and its missing parents.
 * @param store the directory that is restored from, which must not contain the target; null: not on this computer.
 * @param advance is called with the number of bytes written since its last call.
 * @throws UserError with the reason why nothing can be written to it.
 */
export async function openTarget(
  root: string,
  store: string | null,
  conflict: Conflict,
  advance: (bytes: number) => void,
): Promise<TargetWriter> {
  if (store !== null) await requireOutside(root, store)
  try {
    const isNew = isFree(root)
    await makeDirectories(root)
    if (!(await stat(root)).isDirectory())
      throw Object.assign(new Error(`no directory: ${root}`), { code: 'ENOTDIR' })
    return new TargetWriter(root, isNew, conflict, advance)
  } catch (error) {
    throw restoreStopped(root, error)
  }
}

/** @throws UserError if a target is inside the store, or cannot be read. */
async function requireOutside(destination: string, store: string): Promise<void> {
  const inside = await isInside(destination, store).catch((error: unknown) => {
    throw restoreStopped(destination, error)
  })
  if (inside) throw new UserError('store.restoreInside', { path: destination })
}

/** True if a path is a directory or inside it, regardless of symbolic links and spelling. */
async function isInside(file: string, directory: string): Promise<boolean> {
  const wanted = await stat(directory, { bigint: true })
  let at = await nearestReal(file)
  for (;;) {
    const { dev, ino } = await stat(at, { bigint: true })
    if (dev === wanted.dev && ino === wanted.ino) return true
    const above = path.dirname(at)
    if (above === at) return false
    at = above
  }
}

/** Resolves symbolic links in a path; if it does not exist, those of its nearest existing parent. */
async function nearestReal(file: string): Promise<string> {
  try {
    return await realpath(file)
  } catch (error) {
    const above = path.dirname(file)
    if (above === file || !isGone(errorCode(error))) throw error
    return nearestReal(above)
  }
}

/** Writes contents to a target directory, each completely or not at all. */
export class TargetWriter {
  /** Number of files and directories whose metadata could not be applied completely. */
  undressed = 0
  readonly #root: string
  readonly #isNew: boolean
  readonly #conflict: Conflict
  readonly #advance: (bytes: number) => void
  readonly #tree: Tree
  readonly #directories: TargetDirectories
  readonly #batch: Batch
  readonly #making: Making = {
    missing: (parent, name, way) => {
      // Private until its own mode is applied, so that no other user can read its files.
      mkdirSync(`${parent.path}/${name}`, { mode: 0o700 })
      this.#directories.created(way)
    },
    inTheWay: () => {
      throw new InTheWay()
    },
  }

  /**
   * @param root the target directory; it exists.
   * @param isNew it was created for this restore.
   */
  constructor(root: string, isNew: boolean, conflict: Conflict, advance: (bytes: number) => void) {
    this.#root = root
    this.#isNew = isNew
    this.#conflict = conflict
    this.#advance = advance
    this.#tree = new Tree(root)
    this.#directories = new TargetDirectories(root, this.#tree)
    this.#batch = new Batch(root, this.#tree, conflict === 'replace', () => advance(0))
  }

  /**
   * Writes one content.
   * @param place its origin, for display.
   * @param names the components of its path below the target directory.
   * @param facts metadata of the directories in this path at the source; null: unknown.
   * @param later receives the result, if it is known only once the batch is done.
   * @returns the result; null: `later` receives it.
   * @throws UserError if no other file could be read or written either; NotReadable if the content could not be read.
   */
  async write(
    file: Incoming,
    place: string,
    names: readonly string[],
    facts: readonly (FileMetadata | null)[],
    later: (result: RestoreResult) => void,
  ): Promise<RestoreResult | null> {
    const way = names.slice(0, -1)
    const to = path.join(this.#root, ...names)
    this.#directories.follow(way, facts)
    this.#tree.trim()
    let result: RestoreResult | null
    try {
      result = await this.#writeNow(file, place, way, to, later).catch((error: unknown) => {
        // This user's own directory may lack permissions. The content has not been read yet, so a retry is possible.
        if (errorCode(error) !== 'EACCES' || !this.#directories.widen(way)) throw error
        return this.#writeNow(file, place, way, to, later)
      })
    } catch (error) {
      // A UserError: the connection is lost, and every other content with it.
      if (error instanceof NotReadable || error instanceof UserError) throw error
      const isInTheWay = [InTheWay, StorageError, NotAFile].some((one) => error instanceof one)
      result = isInTheWay ? { kind: 'inTheWay', to } : toFailure(error, this.#root, to)
    }
    if (this.#batch.isFull) this.#flush()
    return result
  }

  /**
   * Completes all files: they are durable and have their names.
   * @param facts metadata for the target directory, if it was created; null: none.
   */
  end(facts: FileMetadata | null): void {
    this.#directories.follow([], [])
    this.#flush()
    if (this.#isNew && facts !== null) this.#applyToRoot(facts)
    this.#batch.close()
    this.#tree.close()
  }

  async #writeNow(
    file: Incoming,
    place: string,
    way: readonly string[],
    to: string,
    later: (result: RestoreResult) => void,
  ): Promise<RestoreResult | null> {
    const enter = () => this.#tree.enter(way, this.#making)
    const checkExisting = (digest: Uint8Array | null) => this.#checkExisting(file, digest, enter().path, to)
    const staysBeside = (result: RestoreResult) => result.kind === 'exists' && this.#conflict === 'keepBoth'
    enter()
    // A directory created by this restore is empty. If a file appears anyway, naming detects it.
    const existing = this.#directories.isCreated(way) ? null : await checkExisting(file.digest)
    if (existing !== null && !staysBeside(existing)) return existing
    const made = this.#batch.create(way, enter(), path.basename(to))
    let isBeside = existing !== null
    try {
      const { digest, size } = await writeContent(file, made.fd, this.#advance)
      let result: RestoreResult | null = null
      if (size !== file.facts.size || !digest.equals(file.digest ?? digest)) {
        const expected = file.digest === null ? '' : digestText(file.digest)
        result = { kind: 'damaged', place, expected, found: digestText(digest) }
      } else if (file.digest === null && !this.#directories.isCreated(way))
        result = await checkExisting(digest)
      if (result !== null && staysBeside(result)) isBeside = true
      else if (result !== null) {
        this.#batch.discard(made)
        return result
      }
      if (!applyMetadata(made.fd, file.facts)) this.undressed += 1
    } catch (error) {
      this.#batch.discard(made)
      throw error
    }
    const name = isBeside ? findNameBeside(enter().path, made.name, new Date()) : made.name
    const done = (result: RestoreResult) =>
      later(isBeside && result.kind === 'restored' ? { ...result, isBeside } : result)
    this.#batch.add({ ...made, name }, file.facts.size, done)
    return null
  }

  /**
   * Checks for an existing file at the target. Returns the result if writing is unnecessary or impossible, else null.
   * @param digest null: known only after the content is read.
   */
  async #checkExisting(
    file: Incoming,
    digest: Uint8Array | null,
    directory: string,
    to: string,
  ): Promise<RestoreResult | null> {
    const name = path.basename(to)
    const target = `${directory}/${name}`
    const there = lstatSync(target, { throwIfNoEntry: false })
    if (there === undefined) return null
    if (!there.isFile()) return { kind: 'inTheWay', to }
    if (this.#batch.isFolded(directory, name)) return { kind: 'folded', to }
    if (there.size === file.facts.size) {
      if (digest === null) return null
      if (await this.#hasContent(file, digest, target)) return { kind: 'same', to }
    }
    return this.#conflict === 'replace' ? null : { kind: 'exists', to }
  }

  /** True if the existing file has this content. Applies the metadata if files may be overwritten. */
  async #hasContent(file: Incoming, digest: Uint8Array, target: string): Promise<boolean> {
    const fd = openToRead(target)
    using _ = defer(() => closeSync(fd))
    const there = await readDigest(fd, () => this.#advance(0))
    if (!there.digest.equals(digest)) return false
    // Without `replace` the mode stays unchanged too: somebody may have restricted access on purpose.
    if (this.#conflict === 'replace' && !applyMetadata(fd, file.facts)) this.undressed += 1
    return true
  }

  #applyToRoot(facts: FileMetadata): void {
    const fd = openSync(this.#root, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0))
    using _ = defer(() => closeSync(fd))
    if (!applyMetadata(fd, facts, 'directory')) this.undressed += 1
  }

  #flush(): void {
    this.#batch.flush()
    this.undressed += this.#directories.applyToComplete()
  }
}

/** Limit of a file name on most file systems, in bytes. */
const LONGEST_NAME = 255

/**
 * Returns a free name beside an existing file: "notes (restored 2026-11-26 14.05).txt". A number follows if it is taken.
 * @param now in local time.
 */
function findNameBeside(directory: string, name: string, now: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const { name: stem, ext } = path.parse(name)
  for (let number = 1; ; number += 1) {
    const suffix = ` (restored ${formatDay(now)} ${two(now.getHours())}.${two(now.getMinutes())}${number === 1 ? '' : ` ${number}`})${ext}`
    let short = stem
    while (short !== '' && Buffer.byteLength(short + suffix) > LONGEST_NAME)
      short = [...short].slice(0, -1).join('')
    if (isFree(`${directory}/${short}${suffix}`)) return short + suffix
  }
}

/** Writes a content to a new file, and syncs while more is received. @returns the digest and size of the content. */
async function writeContent(
  file: Incoming,
  to: number,
  advance: (bytes: number) => void,
): Promise<{ digest: Buffer; size: number }> {
  let unsynced = 0
  let syncing: Promise<void> = Promise.resolve()
  const isSparse = file.facts.more?.sparse === true
  const syncNow = async () => {
    await syncing
    unsynced = 0
    syncing = syncFd(to)
    // Awaited below, or before the next sync.
    void settled(syncing)
  }
  try {
    const read = await readAll(file, (piece, position) => {
      writeAt(to, piece, position, isSparse)
      unsynced += piece.length
      advance(piece.length)
      return unsynced >= SYNC_EVERY_BYTES ? syncNow() : undefined
    })
    if (isSparse) ftruncateSync(to, read.size)
    return read
  } finally {
    await syncing
  }
}

/** Group commit at the target of a restore: contents are durable before they get their names. */
class Batch {
  readonly #root: string
  readonly #tree: Tree
  readonly #overwrite: boolean
  readonly #synced: () => void
  readonly #fileSystem: FileSystem
  /** Opened before anything is written, so that it sees every sync error. */
  readonly #base: number
  readonly #device: number
  #last = { way: '', isElsewhere: false }
  #written: Written[] = []
  #bytes = 0

  /** @param synced is called after each sync. */
  constructor(root: string, tree: Tree, overwrite: boolean, synced: () => void) {
    this.#root = root
    this.#tree = tree
    this.#overwrite = overwrite
    this.#synced = synced
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
  create(way: readonly string[], directory: TreeDirectory, name: string): Unnamed {
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
  add(file: Unnamed, size: number, done: (result: RestoreResult) => void): void {
    this.#written.push({ ...file, done })
    this.#bytes += size
  }

  /** Syncs all written files, and gives them their names. @throws the error of the sync. */
  flush(): void {
    const ready = this.#written
    this.#written = []
    this.#bytes = 0
    const alone = ready.filter((file) => file.isElsewhere || !this.#fileSystem.syncsWhole)
    if (ready.length > 0) {
      if (alone.length < ready.length) syncWhole(this.#base)
      for (const { fd } of alone) fsyncSync(fd)
      this.#synced()
    }
    for (const file of ready) {
      let result: RestoreResult
      try {
        result = this.#name(file)
      } catch (thrown) {
        result = toFailure(thrown, this.#root, this.#buildPath(file.way, file.name))
      }
      closeSync(file.fd)
      if (file.temporary !== null) temporaries.delete(this.#buildPath(file.way, file.temporary))
      file.done(result)
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

  #name({ fd, way, temporary, name }: Unnamed): RestoreResult {
    this.#tree.trim()
    const directory = this.#tree.enter(way)
    const [from, there] = [`${directory.path}/${temporary}`, `${directory.path}/${name}`]
    const to = this.#buildPath(way, name)
    const isNamed = temporary === null ? link(fd, directory, name) : moveToFreeSync(from, there)
    if (isNamed) return { kind: 'restored', to }
    const isOther = this.isFolded(directory.path, name)
    if (isOther || !this.#overwrite) {
      if (temporary !== null) rmSync(from)
      return { kind: isOther ? 'folded' : 'exists', to }
    }
    const replacing = temporary ?? temporaryName()
    if (temporary === null) link(fd, directory, replacing)
    try {
      replaceSync(`${directory.path}/${replacing}`, there)
    } catch (error) {
      rmSync(`${directory.path}/${replacing}`, { force: true })
      throw error
    }
    return { kind: 'restored', to }
  }
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

/** Returns a temporary name that core/filter/names.ts recognizes, so that such files are never sent. */
export function temporaryName(): string {
  count += 1
  return `.holdfast-restore-${RUN}${count.toString(16).padStart(6, '0').slice(-6)}`
}

/** Removes temporary files and resets modes, for a process that is about to end. */
export function removeUnfinished(): void {
  for (const file of temporaries) removeTemporary(file)
  setBackModes()
}

/** Removes a closed temporary file; if that fails, `removeUnfinished` tries it again. */
export function removeTemporary(file: string): void {
  temporaries.add(file)
  try {
    rmSync(file, { force: true })
    temporaries.delete(file)
  } catch (error) {
    warnUnlessCode(error, [], `the temporary file ${file} of a restore stays, and can be removed after it`)
  }
}

/** @throws UserError if no other file could be written either. */
function toFailure(error: unknown, root: string, to: string): RestoreResult {
  const code = errorCode(error) ?? String(error)
  if (ENDS.has(code)) throw restoreStopped(root, error)
  const denied = findDenied(error, root, path.relative(root, to).split(path.sep))
  return { kind: 'failed', to, code, ...(denied === null ? {} : { denied }) }
}

/** Returns the error for a target that cannot be written to, with reason and remedy. */
export function restoreStopped(destination: string, error: unknown): UserError {
  const reason = errorCode(error) ?? String(error)
  const { root } = path.parse(destination)
  const denied = findDenied(error, root, path.relative(root, destination).split(path.sep))
  if (denied !== null) {
    const { key, params } = describeDenied(destination, denied)
    return new UserError(key, params, { cause: error })
  }
  const params = { path: destination, reason }
  return new UserError(STOPPED[reason] ?? 'store.restoreStopped', params, { cause: error })
}
