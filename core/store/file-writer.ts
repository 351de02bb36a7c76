import { closeSync, ftruncate, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { createHasher, DIGEST_BYTES, hasDigest } from '../platform/digest.ts'
import { openDirect } from '../platform/direct-io.ts'
import { behind, closeFailed, readFully, syncDataFd, WRITE_NEW_FILE, writePieces } from '../platform/fd.ts'
import { setTimes } from '../platform/native.ts'
import { findDataRuns, zeros } from '../platform/sparse.ts'
import { batchBuffers, freeNow } from '../protocol/frame-buffers.ts'
import { UNNAMED } from './file-system.ts'
import { type StoreResult, toStoreResult } from './outcome.ts'
import type { WriteJob, WriteResult } from './store-messages.ts'

/** Mode of all files of a store; the mode at the source is in the manifest. */
const FILE_MODE = 0o600
/** Bytes in the kernel's cache after which a sync starts, so that little is left to wait for at the end. */
const SYNC_EVERY_BYTES = 32 * 1024 * 1024
/** Size from which a file bypasses the kernel's cache: a file of 2 MiB is as fast through it, one of 8 MiB is not. */
const DIRECT_LEAST_BYTES = 4 * 1024 * 1024
const READ_BYTES = 1024 * 1024

const truncateFd = promisify(ftruncate)

/** Writes small files and leaves them open; the caller closes them. Blocks. */
export function writeFiles({ directory, names, files, bytes, digests }: WriteJob): WriteResult {
  let at = 0
  const written = files.map((file, index) => {
    const digest = digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES)
    const content = bytes.subarray(at, at + file.size)
    at += file.size
    return writeOne(directory, names?.[index] ?? null, file, content, digest)
  })
  if (batchBuffers.holds(bytes)) return { written, memory: bytes }
  freeNow(bytes)
  return { written, memory: null }
}

/** Writes a file. @returns its descriptor, or why it was not written; then the file is removed. */
function writeOne(
  directory: string,
  name: string | null,
  { mtimeNs, isSparse }: WriteJob['files'][number],
  bytes: Uint8Array,
  digest: Uint8Array,
): number | StoreResult {
  if (!hasDigest(digest, bytes)) return { status: 'digest', detail: '' }
  let fd = -1
  try {
    fd = name === null ? openSync(directory, UNNAMED, FILE_MODE) : openSync(name, WRITE_NEW_FILE, FILE_MODE)
    writeAt(fd, bytes, 0, isSparse)
    if (isSparse) ftruncateSync(fd, bytes.length)
    setTimes(fd, mtimeNs)
    return fd
  } catch (thrown) {
    if (fd >= 0) {
      closeQuietly(fd)
      // A partial file would keep a full disk full.
      if (name !== null) rmSync(name, { force: true })
    }
    return toStoreResult(thrown)
  }
}

/** Writes a part of a file. If it is sparse, skips zeros; the caller must set the file's length. */
export function writeAt(fd: number, bytes: Uint8Array, position: number, isSparse: boolean): void {
  for (const piece of isSparse ? findDataRuns(bytes, position) : [{ bytes, position }])
    for (let at = 0; at < piece.bytes.length; )
      at += writeSync(fd, piece.bytes, at, piece.bytes.length - at, piece.position + at)
}

export function closeQuietly(fd: number): void {
  try {
    closeSync(fd)
  } catch (error) {
    closeFailed(error)
  }
}

/** Bytes, or a number of zeros. */
type Piece = Uint8Array | number

type Direct = Awaited<ReturnType<typeof openDirect>>

/**
 * @param fd is closed by the caller.
 * @param size of the complete file.
 * @param isSparse the file has holes: zeros are not written.
 */
export async function openAppending(fd: number, size: number, isSparse: boolean) {
  const direct = size < DIRECT_LEAST_BYTES || isSparse ? null : await openDirect(fd)
  return new Appending(fd, size, isSparse, direct)
}

/** Appends to a file, and hashes all of it from the beginning. */
export class Appending {
  readonly #fd: number
  readonly #size: number
  readonly #isSparse: boolean
  readonly #direct: Direct
  readonly #hash = createHasher()
  #buffer: Buffer | null = null
  #position = 0
  /** Bytes in the kernel's cache for which no sync was started. */
  #cached = 0
  #syncing: Promise<void> | null = null
  /** The error of a sync; kept because fsync(2) reports a failed write only once. */
  #failed: { reason: unknown } | null = null

  constructor(fd: number, size: number, isSparse: boolean, direct: Direct) {
    this.#fd = fd
    this.#size = size
    this.#isSparse = isSparse
    this.#direct = direct
  }

  /** Bytes that are hashed and written. */
  get position(): number {
    return this.#position
  }

  /**
   * Hashes the next piece of bytes that are in the file already, at most up to `end`.
   * @throws system errors; EIO if the file ends before `end`
   */
  async takeIn(end: number): Promise<void> {
    this.#buffer ??= Buffer.allocUnsafeSlow(READ_BYTES)
    const bytes = this.#buffer.subarray(0, Math.min(READ_BYTES, end - this.#position))
    const length = await readFully(this.#fd, bytes, this.#position)
    if (length === 0) throw Object.assign(new Error('shorter than it was'), { code: 'EIO' })
    this.#hash.update(bytes.subarray(0, length))
    this.#position += length
  }

  /** Appends bytes, or a number of zeros. */
  async append(pieces: readonly Piece[]): Promise<void> {
    this.#buffer = null
    // The disk writes the pieces while they are hashed.
    const writing = this.#isSparse
      ? this.#writeSparse(pieces, this.#position)
      : this.#write(
          pieces.flatMap((piece) => [...toBytes(piece)]),
          this.#position,
        )
    for (const piece of pieces) {
      for (const bytes of toBytes(piece)) this.#hash.update(bytes)
      this.#position += getLength(piece)
    }
    await writing
    if (this.#syncing !== null || this.#cached < SYNC_EVERY_BYTES) return
    this.#cached = 0
    this.#syncing = this.#sync()
  }

  /** Ends the file and returns the digest of all of it. @throws errors of earlier writes */
  async finish(): Promise<Buffer> {
    if (this.#isSparse) await truncateFd(this.#fd, this.#size)
    await this.close()
    if (this.#failed !== null) throw this.#failed.reason
    return this.#hash.digest()
  }

  /** Waits for the pending calls on the file, and leaves it open. Returns false if a write failed. */
  async close(): Promise<boolean> {
    await this.#syncing
    await this.#direct?.close()
    return this.#failed === null
  }

  async #sync(): Promise<void> {
    try {
      await syncDataFd(this.#fd)
    } catch (reason) {
      this.#failed = { reason }
    }
    this.#syncing = null
  }

  async #write(pieces: readonly Uint8Array[], from: number): Promise<void> {
    const past = this.#direct === null ? 0 : await this.#direct.write(pieces, from)
    const rest = past === 0 ? pieces : behind(pieces, past)
    if (rest.length === 0) return
    await writePieces(this.#fd, rest, from + past)
    this.#cached += rest.reduce((sum, { length }) => sum + length, 0)
  }

  async #writeSparse(pieces: readonly Piece[], from: number): Promise<void> {
    let at = from
    for (const piece of pieces) {
      if (typeof piece !== 'number')
        for (const { bytes, position } of findDataRuns(piece, at)) await this.#write([bytes], position)
      at += getLength(piece)
    }
  }
}

const getLength = (piece: Piece): number => (typeof piece === 'number' ? piece : piece.length)

const toBytes = (piece: Piece): Iterable<Uint8Array> => (typeof piece === 'number' ? zeros(piece) : [piece])
