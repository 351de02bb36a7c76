import { closeSync, fsync, ftruncateSync, lstatSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { settled } from '../../dropped-errors.ts'
import { digestText } from '../../platform/digest.ts'
import type { FileMetadata } from '../../platform/facts.ts'
import { errorCode } from '../../platform/system-error.ts'
import { FileRefused } from '../../store/outcome.ts'
import { type Making, Tree } from '../../store/tree.ts'
import { NotAFile, readDigest } from '../../store/verify/read-digest.ts'
import { writeAt } from '../../store/writing.ts'
import { applyMetadata, createDirectories } from './apply-metadata.ts'
import { PutBatch } from './batch.ts'
import { restoreStopped } from './destination.ts'
import type { Put } from './events.ts'
import { type Incoming, NotReadable, readAll } from './incoming.ts'
import { findDenied, openToRead } from './permissions.ts'

/** Syncs a file after this many bytes: one sync of a large file could take minutes, and look like a hanging disk. */
const SYNC_EVERY_BYTES = 32 * 1024 * 1024

const syncFd = promisify(fsync)

/** Errors after which no other file can be written either. */
const ENDS = new Set(['ENOSPC', 'EDQUOT', 'EROFS'])

class InTheWay extends Error {}

/** @throws UserError if no other file could be written either. */
function failedPut(error: unknown, root: string, to: string): Put {
  const code = errorCode(error) ?? String(error)
  if (ENDS.has(code)) throw restoreStopped(root, error)
  const denied = findDenied(error, root, path.relative(root, to).split(path.sep))
  return { kind: 'failed', to, code, ...(denied === null ? {} : { denied }) }
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

/** Writes contents to a target directory, each completely or not at all. */
export class Putting {
  /** Number of files and directories whose metadata could not be applied completely. */
  undressed = 0
  readonly #root: string
  readonly #overwrite: boolean
  readonly #advance: (bytes: number) => void
  readonly #tree: Tree
  readonly #directories: ReturnType<typeof createDirectories>
  readonly #batch: PutBatch
  readonly #making: Making = {
    missing: (parent, name, way) => {
      // Private until its own mode is applied, so that no other user can read its files.
      mkdirSync(`${parent.path}/${name}`, { mode: 0o700 })
      this.#directories.made(way)
    },
    inTheWay: () => {
      throw new InTheWay()
    },
  }

  /** @param root the target directory; it exists. */
  constructor(root: string, overwrite: boolean, advance: (bytes: number) => void) {
    this.#root = root
    this.#overwrite = overwrite
    this.#advance = advance
    this.#tree = new Tree(root)
    this.#directories = createDirectories(root, this.#tree)
    this.#batch = new PutBatch(root, this.#tree, overwrite)
  }

  /**
   * Writes one content.
   * @param place its origin, for display.
   * @param names the components of its path below the target directory.
   * @param facts metadata of the directories in this path at the source; null: unknown.
   * @param later receives the result, if it is known only once the batch is done.
   * @returns the result; null: `later` receives it.
   * @throws UserError if no other file could be written either; NotReadable if the content could not be read.
   */
  async put(
    file: Incoming,
    place: string,
    names: readonly string[],
    facts: readonly (FileMetadata | null)[],
    later: (put: Put) => void,
  ): Promise<Put | null> {
    const way = names.slice(0, -1)
    const to = path.join(this.#root, ...names)
    this.#directories.follow(way, facts)
    this.#tree.trim()
    let put: Put | null
    try {
      put = await this.#putNow(file, place, way, to, later).catch((error: unknown) => {
        // This user's own directory may lack permissions. The content has not been read yet, so a retry is possible.
        if (errorCode(error) !== 'EACCES' || !this.#directories.widen(way)) throw error
        return this.#putNow(file, place, way, to, later)
      })
    } catch (error) {
      if (error instanceof NotReadable) throw error
      const isInTheWay = [InTheWay, FileRefused, NotAFile].some((one) => error instanceof one)
      put = isInTheWay ? { kind: 'inTheWay', to } : failedPut(error, this.#root, to)
    }
    if (this.#batch.isFull) this.#flush()
    return put
  }

  /** Completes all files: they are durable and have their names. */
  end(): void {
    this.#directories.follow([], [])
    this.#flush()
    this.#batch.close()
    this.#tree.close()
  }

  async #putNow(
    file: Incoming,
    place: string,
    way: readonly string[],
    to: string,
    later: (put: Put) => void,
  ): Promise<Put | null> {
    const enter = () => this.#tree.enter(way, this.#making)
    const look = (digest: Uint8Array | null) => this.#judge(file, digest, enter().path, to)
    enter()
    // A directory created by this restore is empty. If a file appears anyway, naming detects it.
    const judged = this.#directories.isMade(way) ? null : await look(file.digest)
    if (judged !== null) return judged
    const made = this.#batch.make(way, enter(), path.basename(to))
    try {
      const { digest, size } = await writeContent(file, made.fd, this.#advance)
      let put: Put | null = null
      if (size !== file.facts.size || !digest.equals(file.digest ?? digest)) {
        const expected = file.digest === null ? '' : digestText(file.digest)
        put = { kind: 'damaged', place, expected, found: digestText(digest) }
      } else if (file.digest === null && !this.#directories.isMade(way)) put = await look(digest)
      if (put !== null) {
        this.#batch.discard(made)
        return put
      }
      if (!applyMetadata(made.fd, file.facts)) this.undressed += 1
    } catch (error) {
      this.#batch.discard(made)
      throw error
    }
    this.#batch.add(made, file.facts.size, later)
    return null
  }

  /**
   * Checks for an existing file at the target. Returns the result if writing is unnecessary or impossible, else null.
   * @param digest null: known only after the content is read.
   */
  async #judge(
    file: Incoming,
    digest: Uint8Array | null,
    directory: string,
    to: string,
  ): Promise<Put | null> {
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
    return this.#overwrite ? null : { kind: 'exists', to }
  }

  /** True if the existing file has this content. Applies the metadata if files may be overwritten. */
  async #hasContent(file: Incoming, digest: Uint8Array, target: string): Promise<boolean> {
    const fd = openToRead(target)
    try {
      const there = await readDigest(fd, () => this.#advance(0))
      if (!there.digest.equals(digest)) return false
      // Without `overwrite` the mode stays unchanged too: somebody may have restricted access on purpose.
      if (this.#overwrite && !applyMetadata(fd, file.facts)) this.undressed += 1
      return true
    } finally {
      closeSync(fd)
    }
  }

  #flush(): void {
    this.#batch.flush(
      () => this.#advance(0),
      (error, to) => failedPut(error, this.#root, to),
    )
    this.undressed += this.#directories.applyToComplete()
  }
}
