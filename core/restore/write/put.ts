import { closeSync, fsync, ftruncateSync, lstatSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { settled } from '../../dropped-errors.ts'
import { digestText } from '../../platform/digest.ts'
import type { FileFacts } from '../../platform/facts.ts'
import { errorCode } from '../../platform/system-error.ts'
import { FileRefused } from '../../store/outcome.ts'
import { type Making, Tree } from '../../store/tree.ts'
import { NotAFile, readDigest } from '../../store/verify/read-digest.ts'
import { writeAt } from '../../store/writing.ts'
import { createDirectories, dress } from './apply-metadata.ts'
import { PutBatch } from './batch.ts'
import { restoreStopped } from './destination.ts'
import type { Put } from './events.ts'
import { type Incoming, NotReadable, readAll } from './incoming.ts'
import { findDenied, openToRead } from './permissions.ts'

/** A file is synced every so many bytes: all of a large one at once would be a silence of minutes, as of a disk that hangs. */
const SYNC_EVERY_BYTES = 32 * 1024 * 1024

const syncFd = promisify(fsync)

/** What says that nothing else could be written, either. */
const ENDS = new Set(['ENOSPC', 'EDQUOT', 'EROFS'])

class InTheWay extends Error {}

/** @throws UserError where nothing else could be written, either. */
function failedPut(error: unknown, root: string, to: string): Put {
  const code = errorCode(error) ?? String(error)
  if (ENDS.has(code)) throw restoreStopped(root, error)
  const denied = findDenied(error, root, path.relative(root, to).split(path.sep))
  return { kind: 'failed', to, code, ...(denied === null ? {} : { denied }) }
}

/** Writes a content to a new file; what is written is synced while the next bytes come. @returns what was read. */
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
    // It is waited for below, or before the next one.
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

/** Brings contents to a destination: each whole or not at all. */
export class Putting {
  /** Files and directories that did not get all that they had. */
  undressed = 0
  readonly #root: string
  readonly #overwrite: boolean
  readonly #advance: (bytes: number) => void
  readonly #tree: Tree
  readonly #directories: ReturnType<typeof createDirectories>
  readonly #batch: PutBatch
  readonly #making: Making = {
    missing: (parent, name, way) => {
      // Nobody else is to see what is in it before it has its own mode.
      mkdirSync(`${parent.path}/${name}`, { mode: 0o700 })
      this.#directories.made(way)
    },
    inTheWay: () => {
      throw new InTheWay()
    },
  }

  /** @param root the destination, which is there. */
  constructor(root: string, overwrite: boolean, advance: (bytes: number) => void) {
    this.#root = root
    this.#overwrite = overwrite
    this.#advance = advance
    this.#tree = new Tree(root)
    this.#directories = createDirectories(root, this.#tree)
    this.#batch = new PutBatch(root, this.#tree, overwrite)
  }

  /**
   * @param place where it came from, as people are told.
   * @param names those of its place below the destination.
   * @param facts what the directories on the way are at the source; null: nobody knows.
   * @param later hears what became of it, if that is known only when others are done, too.
   * @returns what became of it; null: `later` hears it.
   * @throws UserError where nothing else could be written, either; NotReadable, as the content could not be read.
   */
  async put(
    file: Incoming,
    place: string,
    names: readonly string[],
    facts: readonly (FileFacts | null)[],
    later: (put: Put) => void,
  ): Promise<Put | null> {
    const way = names.slice(0, -1)
    const to = path.join(this.#root, ...names)
    this.#directories.follow(way, facts)
    this.#tree.trim()
    let put: Put | null
    try {
      put = await this.#putNow(file, place, way, to, later).catch((error: unknown) => {
        // A directory of this user's is closed even to this user. Nothing of the content was read yet.
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

  /** All that was put has its name, and is durable. */
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
    // In what was made for these files there is nothing else, and what comes all the same its name will find.
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
      if (!dress(made.fd, file.facts)) this.undressed += 1
    } catch (error) {
      this.#batch.discard(made)
      throw error
    }
    this.#batch.add(made, file.facts.size, later)
    return null
  }

  /**
   * What stands in the way of a file, or is it already; null: nothing, as far as it is known.
   * @param digest null: only reading it will tell.
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

  /** Whether a file that is there has this content. */
  async #hasContent(file: Incoming, digest: Uint8Array, target: string): Promise<boolean> {
    const fd = openToRead(target)
    try {
      const there = await readDigest(fd, () => this.#advance(0))
      if (!there.digest.equals(digest)) return false
      // What may not be replaced stays as it is, its mode too: somebody may have closed it to others.
      if (this.#overwrite && !dress(fd, file.facts)) this.undressed += 1
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
    this.undressed += this.#directories.dress()
  }
}
