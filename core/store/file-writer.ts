import { ftruncate } from 'node:fs'
import { promisify } from 'node:util'
import { createHasher } from '../platform/digest.ts'
import { openDirect } from '../platform/direct-io.ts'
import { behind, readFully, syncDataFd, writePieces } from '../platform/fd.ts'
import { dataIn, zeros } from '../platform/sparse.ts'

const truncateFd = promisify(ftruncate)

/** After so many bytes in the kernel's cache they are sent to the disk, so that the end has little left to wait for. */
const SYNC_EVERY_BYTES = 32 * 1024 * 1024
/** From this size on a file is written past the kernel's cache: one of 2 MiB is as fast through it, one of 8 is not. */
const DIRECT_LEAST_BYTES = 4 * 1024 * 1024
const READ_BYTES = 1024 * 1024

/** Bytes, or so many zeros. */
type Piece = Uint8Array | number
type Direct = Awaited<ReturnType<typeof openDirect>>

/**
 * @param fd stays the caller's.
 * @param size that the file will have.
 * @param isSparse it has holes: what is zeros is not written.
 */
export async function openAppending(fd: number, size: number, isSparse: boolean) {
  const direct = size < DIRECT_LEAST_BYTES || isSparse ? null : await openDirect(fd)
  return new Appending(fd, size, isSparse, direct)
}

/** A file that is written from where it ends, and hashed from its beginning. */
export class Appending {
  readonly #fd: number
  readonly #size: number
  readonly #isSparse: boolean
  readonly #direct: Direct
  readonly #hash = createHasher()
  #buffer: Buffer | null = null
  #position = 0
  /** Bytes in the kernel's cache that no sync has been asked for. */
  #cached = 0
  #syncing: Promise<void> | null = null
  /** Kept, as fsync(2) says only once that writing failed. */
  #failed: { reason: unknown } | null = null

  constructor(fd: number, size: number, isSparse: boolean, direct: Direct) {
    this.#fd = fd
    this.#size = size
    this.#isSparse = isSparse
    this.#direct = direct
  }

  /** How much of it is hashed, and written. */
  get position(): number {
    return this.#position
  }

  /**
   * Hashes the next bytes that are there already, some of them up to `end`.
   * @throws what the system says, or an error if the file ends before.
   */
  async takeIn(end: number): Promise<void> {
    this.#buffer ??= Buffer.allocUnsafeSlow(READ_BYTES)
    const bytes = this.#buffer.subarray(0, Math.min(READ_BYTES, end - this.#position))
    const length = await readFully(this.#fd, bytes, this.#position)
    if (length === 0) throw Object.assign(new Error('shorter than it was'), { code: 'EIO' })
    this.#hash.update(bytes.subarray(0, length))
    this.#position += length
  }

  /** The next bytes, or so many zeros. */
  async append(pieces: readonly Piece[]): Promise<void> {
    this.#buffer = null
    // The disk takes them while they are hashed.
    const writing = this.#isSparse
      ? this.#writeSparse(pieces, this.#position)
      : this.#write(
          pieces.flatMap((piece) => [...bytesOf(piece)]),
          this.#position,
        )
    for (const piece of pieces) {
      for (const bytes of bytesOf(piece)) this.#hash.update(bytes)
      this.#position += lengthOf(piece)
    }
    await writing
    if (this.#syncing !== null || this.#cached < SYNC_EVERY_BYTES) return
    this.#cached = 0
    this.#syncing = this.#sync()
  }

  /** No more comes; the digest of all. @throws what the disk has said of what was written. */
  async finish(): Promise<Buffer> {
    if (this.#isSparse) await truncateFd(this.#fd, this.#size)
    await this.close()
    if (this.#failed !== null) throw this.#failed.reason
    return this.#hash.digest()
  }

  /** No call on the file is out any more; it stays open. False: the disk has refused a part of what was written. */
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
        for (const { bytes, position } of dataIn(piece, at)) await this.#write([bytes], position)
      at += lengthOf(piece)
    }
  }
}

const lengthOf = (piece: Piece): number => (typeof piece === 'number' ? piece : piece.length)
const bytesOf = (piece: Piece): Iterable<Uint8Array> => (typeof piece === 'number' ? zeros(piece) : [piece])
