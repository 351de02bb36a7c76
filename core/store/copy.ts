import { constants } from 'node:fs'
import { copyFile, unlink } from 'node:fs/promises'
import { ignoreError, warnUnlessCode } from '../dropped-errors.ts'
import { createSemaphore, type Semaphore, withPermit } from '../lib/async/semaphore.ts'
import { createHasher, type Hasher } from '../platform/digest.ts'
import {
  closeQuietly,
  openFd,
  READ_FILE,
  readFully,
  setModeFd,
  statFd,
  syncFd,
  WRITE_NEW_FILE,
  writeFully,
} from '../platform/fd.ts'
import { forgetCached } from '../platform/native.ts'
import { openBeneath } from '../platform/openat2.ts'
import { findDataRuns } from '../platform/sparse.ts'
import { errorCode } from '../platform/system-error.ts'
import type { Written } from './group-commit.ts'
import { temporaryIn } from './layout.ts'
import { checkPath, getPlaceName, type Offered, type StoredAt } from './offered.ts'
import { StorageError, type StoreResult, toStoreResult } from './outcome.ts'
import { reserveRoom, type StoreParts } from './parts.ts'
import type { ToldDirectory } from './store-messages.ts'

/** Copies at the same time. They read and write, and must leave disk bandwidth for arriving files. */
const COPIES_AT_ONCE = 8
/**
 * A copied file waits at most this long for others: those of a renamed tree are many, and each round writes
 * ten pages and is synced.
 */
const GATHER_MS = 100
const STEP_BYTES = 1024 * 1024
/** Bytes between two syncs: a single sync at the end of a very large file would look like a disk that hangs. */
const SYNC_BYTES = 64 * STEP_BYTES
/** Errors of copyFile if the file system cannot share blocks between two files (ioctl_ficlone(2)). */
const CANNOT_CLONE = new Set(['ENOTSUP', 'EOPNOTSUPP', 'ENOTTY', 'EINVAL', 'ENOSYS'])

/** A stored file and the content that it must have. */
export interface ToCopy {
  from: StoredAt
  digest: Uint8Array
  /** The source no longer has a file under the name that is copied from. */
  isMoved: boolean
  /** Metadata of the file's parent directories at the source. */
  directories?: readonly ToldDirectory[]
}

/** The content that a file must have. */
interface Wanted {
  size: number
  digest: Uint8Array
}

type Take = (bytes: Uint8Array, position: number) => Promise<void>

/** Copies, confirms and proves files that are stored already: reads them from the disk, and trusts no record. */
export class Copies {
  readonly #root: string
  readonly #parts: StoreParts
  readonly #turns = createSemaphore(COPIES_AT_ONCE)
  /** Number of copies that were asked for and are not made. */
  #coming = 0
  /** Copied files of the next round. */
  #made: (Written & { signal: AbortSignal; drop(): Promise<void> })[] = []
  #timer: NodeJS.Timeout | undefined
  #canClone = process.platform === 'linux'

  constructor(root: string, parts: StoreParts) {
    this.#root = root
    this.#parts = parts
  }

  /**
   * Stores a file whose content the same sender already has in the store: reads and copies it. The file is durable when
   * this resolves; `unknown`: there is no such content. If source and target are the same file, reads the content back
   * from the disk and records its new metadata. Stops after the signal. Never rejects.
   *
   * @param turns a permit is acquired from it first, and released once the content is copied: the files of one round
   * share its syncs and its rows.
   */
  async copy(file: Offered, copy: ToCopy, signal: AbortSignal, turns: Semaphore): Promise<StoreResult> {
    const { from } = copy
    let hasTurn = false
    let isComing = true
    this.#coming += 1
    const endTurn = () => {
      if (hasTurn) turns.release()
      hasTurn = false
      if (isComing) this.#coming -= 1
      isComing = false
      if (this.#coming === 0) this.#commit()
    }
    let leave: () => void = () => undefined
    try {
      const refused = checkPath(file.path)
      if (refused !== null) return refused
      // No content can be stored under an invalid name.
      if (checkPath(from.path) !== null) throw unknown('name')
      hasTurn = await turns.acquire()
      leave = await this.#parts.commitThread.use()
      const isItself = from.source.id === file.source.id && from.path === file.path
      return isItself
        ? await this.#confirm(file, copy, signal, endTurn)
        : await this.#copyOther(file, copy, signal, endTurn)
    } catch (thrown) {
      return toStoreResult(thrown)
    } finally {
      leave()
      endTurn()
    }
  }

  /**
   * Returns the digest of a nonce followed by the file's content on the disk. It can only be computed with the content.
   * @throws StorageError `unknown` if the stored file is missing or cannot be read; `aborted` after the signal
   */
  prove(of: StoredAt, size: number, nonce: Uint8Array, signal: AbortSignal): Promise<Buffer> {
    return this.#withStored(of, size, signal, async (fd) => {
      await this.#fromDisk(fd)
      const hash = createHasher()
      hash.update(nonce)
      return this.#readThrough(fd, size, signal, hash)
    })
  }

  /** Records new metadata of a file after its content was read back from the disk. */
  async #confirm(
    file: Offered,
    copy: ToCopy,
    signal: AbortSignal,
    endTurn: () => void,
  ): Promise<StoreResult> {
    const { from, digest, directories = [] } = copy
    const { size } = file.facts
    await this.#withStored(from, size, signal, async (fd) => {
      await this.#fromDisk(fd)
      await this.#requireContent(fd, { size, digest }, signal)
    })
    const unchanged = { fd: null, temporary: null, isUntimed: true, moved: null }
    return this.#addToRound({ ...file, ...unchanged, digest, directories }, signal, endTurn)
  }

  async #copyOther(
    file: Offered,
    copy: ToCopy,
    signal: AbortSignal,
    endTurn: () => void,
  ): Promise<StoreResult> {
    const { temporary, partials } = this.#parts
    const { from, digest, isMoved, directories = [] } = copy
    const { facts, source, path } = file
    const { size } = facts
    const room = await reserveRoom(this.#parts, file, size)
    const made = temporaryIn(temporary)
    try {
      const fd = await this.#make(from, { size, digest }, made, signal, room.written)
      const moved = isMoved ? { source: from.source.id, path: from.path } : null
      const written = { fd, temporary: made, digest, isUntimed: true, moved, directories }
      const result = await this.#addToRound({ ...file, ...written }, signal, endTurn)
      if (result.status === 'durable') partials.superseded(source.id, path)
      return result
    } catch (thrown) {
      await unlink(made).catch((error) =>
        warnUnlessCode(error, ['ENOENT'], 'the start removes a temporary file that stays'),
      )
      throw thrown
    } finally {
      room.leave()
    }
  }

  /**
   * Adds a file to the next round, which begins when no other copy is coming, at most GATHER_MS later.
   * @throws StorageError `aborted` if the signal comes before the round: the sender may have reconnected and sent newer
   * content.
   */
  #addToRound(file: Omit<Written, 'answer'>, signal: AbortSignal, endTurn: () => void): Promise<StoreResult> {
    return new Promise((answer, reject) => {
      const drop = async () => {
        if (file.fd !== null) await closeQuietly(file.fd)
        reject(new StorageError('aborted', ''))
      }
      this.#made.push({ ...file, answer, signal, drop })
      this.#timer ??= setTimeout(() => this.#commit(), GATHER_MS)
      endTurn()
    })
  }

  #commit(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const round: Written[] = []
    for (const { signal, drop, ...file } of this.#made.splice(0)) {
      if (signal.aborted) void drop()
      else round.push(file)
    }
    if (round.length > 0) this.#parts.groupCommit.add(round)
  }

  /**
   * Copies a stored file with the wanted content to a new file at `to`. Returns the new file's descriptor, open for
   * reading and writing and not synced; the caller closes it.
   * @param written gets the bytes that the copy takes on the disk; not called for a clone.
   * @throws StorageError `unknown` if the stored file is missing, cannot be read or has other content; `aborted` after
   * the signal; system errors of the new file
   */
  #make(from: StoredAt, wanted: Wanted, to: string, signal: AbortSignal, written: (bytes: number) => void) {
    return this.#withStored(from, wanted.size, signal, async (old) => {
      const isCloned = await this.#clone(old, to)
      const fd = isCloned
        ? await openFd(to, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0))
        : await openFd(to, (WRITE_NEW_FILE & ~constants.O_WRONLY) | constants.O_RDWR, 0o600)
      try {
        if (isCloned) {
          await setModeFd(fd, 0o600)
          // Checks the clone itself: the old file may change at any time.
          await this.#requireContent(fd, wanted, signal)
        } else await this.#requireContent(old, wanted, signal, writingTo(fd, wanted.size, written))
        return fd
      } catch (error) {
        await closeQuietly(fd)
        throw error
      }
    })
  }

  /** Creates a file that shares the old one's blocks. Returns false if the file was not created. */
  async #clone(old: number, to: string): Promise<boolean> {
    if (!this.#canClone) return false
    const flags = constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL
    try {
      await this.#parts.watch.during(() => copyFile(`/proc/self/fd/${old}`, to, flags))
      return true
    } catch (error) {
      if (CANNOT_CLONE.has(errorCode(error) ?? '')) this.#canClone = false
      return false
    }
  }

  /** @throws StorageError if the file has other content */
  async #requireContent(fd: number, { size, digest }: Wanted, signal: AbortSignal, take?: Take) {
    const found = await this.#readThrough(fd, size, signal, createHasher(), take)
    if (!found.equals(digest)) throw unknown('other content')
  }

  /**
   * Reads `fd` to its end, passes each piece to `take`, and returns the digest. The watch measures each step
   * separately, so that a long file does not look like a disk that hangs.
   */
  async #readThrough(fd: number, size: number, signal: AbortSignal, hash: Hasher, take?: Take) {
    const buffer = Buffer.allocUnsafe(Math.min(STEP_BYTES, size))
    for (let position = 0; position < size; ) {
      if (signal.aborted) throw new StorageError('aborted', '')
      const piece = buffer.subarray(0, Math.min(buffer.length, size - position))
      const length = await this.#parts.watch.during(() =>
        mapStoredErrors(() => readFully(fd, piece, position)),
      )
      if (length === 0) throw unknown('short')
      const bytes = piece.subarray(0, length)
      hash.update(bytes)
      if (take !== undefined) await this.#parts.watch.during(() => take(bytes, position))
      position += length
    }
    return hash.digest()
  }

  /** Waits for a permit, opens the file, and closes it after `work`. */
  #withStored<T>(at: StoredAt, size: number, signal: AbortSignal, work: (fd: number) => Promise<T>) {
    return withPermit(this.#turns, async () => {
      if (signal.aborted) throw new StorageError('aborted', '')
      const fd = await this.#parts.watch.during(() => mapStoredErrors(() => openStored(this.#root, at, size)))
      try {
        return await work(fd)
      } finally {
        await closeQuietly(fd)
      }
    })
  }

  /** Drops the file from the kernel's cache, so that the next read comes from the disk. */
  async #fromDisk(fd: number): Promise<void> {
    // Only Linux can, and Windows refuses to sync a file that is open for reading.
    if (process.platform !== 'linux') return
    await this.#parts.watch.during(() => mapStoredErrors(() => syncFd(fd)))
    await this.#parts.watch.during(() => forgetCached(fd))
  }
}

/** @param size of the whole file. @param written gets the number of bytes after each write. */
function writingTo(fd: number, size: number, written: (bytes: number) => void): Take {
  return async (bytes, position) => {
    const end = position + bytes.length
    for (const piece of findDataRuns(bytes, position)) await writeFully(fd, piece.bytes, piece.position)
    // The last byte is written even if it is zero: it sets the file's length.
    if (end === size) await writeFully(fd, bytes.subarray(-1), size - 1)
    written(bytes.length)
    if (end % SYNC_BYTES === 0) await syncFd(fd)
  }
}

async function openStored(root: string, at: StoredAt, size: number): Promise<number> {
  const fd = await openBeneath(root, getPlaceName(at), READ_FILE)
  const stats = await statFd(fd).catch(
    ignoreError('a file that cannot be looked at is no source of a copy', null),
  )
  if (stats?.isFile() && stats.size === BigInt(size)) return fd
  await closeQuietly(fd)
  throw unknown(stats?.isFile() ? 'other size' : 'not a file')
}

/** Maps every error of a stored file to `unknown`: the sender then sends the content again. */
async function mapStoredErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof StorageError ? error : unknown(errorCode(error) ?? String(error))
  }
}

const unknown = (detail: string) => new StorageError('unknown', detail)
