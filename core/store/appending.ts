import { ftruncate } from 'node:fs'
import { promisify } from 'node:util'
import { createHasher } from '../files/digest.ts'
import { openDirect } from '../files/direct-io.ts'
import { behind, readFully, syncDataFd, writePieces } from '../files/fd.ts'
import { dataIn, zeros } from '../files/holes.ts'

const truncateFd = promisify(ftruncate)

/** After so many bytes in the kernel's cache they are sent to the disk, so that the end has little left to wait for. */
const SYNC_EVERY_BYTES = 32 * 1024 * 1024
/** From this size on a file is written past the kernel's cache: one of 2 MiB is as fast through it, one of 8 is not. */
const DIRECT_LEAST_BYTES = 4 * 1024 * 1024
const READ_BYTES = 1024 * 1024

/** A file that is written from where it ends, and hashed from its beginning. */
export type Appending = Awaited<ReturnType<typeof openAppending>>

/**
 * @param fd stays the caller's.
 * @param size that the file will have.
 * @param isSparse it has holes: what is zeros is not written.
 */
export async function openAppending(fd: number, size: number, isSparse: boolean) {
  const direct = size < DIRECT_LEAST_BYTES || isSparse ? null : await openDirect(fd)
  const hash = createHasher()
  let buffer: Buffer | null = null
  let position = 0
  /** Bytes in the kernel's cache that no sync has been asked for. */
  let cached = 0
  let syncing: Promise<void> | null = null
  /** Kept, as fsync(2) says only once that writing failed. */
  let failed: { reason: unknown } | null = null

  const sync = async (): Promise<void> => {
    try {
      await syncDataFd(fd)
    } catch (reason) {
      failed = { reason }
    }
    syncing = null
  }

  const write = async (pieces: readonly Uint8Array[], from: number): Promise<void> => {
    const past = direct === null ? 0 : await direct.write(pieces, from)
    const rest = past === 0 ? pieces : behind(pieces, past)
    if (rest.length === 0) return
    await writePieces(fd, rest, from + past)
    cached += rest.reduce((sum, { length }) => sum + length, 0)
  }

  const writeSparse = async (pieces: readonly (Uint8Array | number)[], from: number): Promise<void> => {
    let at = from
    for (const piece of pieces) {
      if (typeof piece === 'number') at += piece
      else {
        for (const { bytes, position: where } of dataIn(piece, at)) await write([bytes], where)
        at += piece.length
      }
    }
  }

  const close = async () => {
    await syncing
    await direct?.close()
    return failed === null
  }

  return {
    /** How much of it is hashed, and written. */
    get position() {
      return position
    },
    /** No call on the file is out any more; it stays open. False: the disk has refused a part of what was written. */
    close,
    /**
     * Hashes the next bytes that are there already, some of them up to `end`.
     * @throws what the system says, or an error if the file ends before.
     */
    async takeIn(end: number) {
      buffer ??= Buffer.allocUnsafeSlow(READ_BYTES)
      const bytes = buffer.subarray(0, Math.min(READ_BYTES, end - position))
      const length = await readFully(fd, bytes, position)
      if (length === 0) throw Object.assign(new Error('shorter than it was'), { code: 'EIO' })
      hash.update(bytes.subarray(0, length))
      position += length
    },
    /** The next bytes, or so many zeros. */
    async append(pieces: readonly (Uint8Array | number)[]) {
      buffer = null
      // The disk takes them while they are hashed.
      const writing = isSparse
        ? writeSparse(pieces, position)
        : write(
            pieces.flatMap((piece) => (typeof piece === 'number' ? [...zeros(piece)] : [piece])),
            position,
          )
      for (const piece of pieces) {
        for (const bytes of typeof piece === 'number' ? zeros(piece) : [piece]) hash.update(bytes)
        position += typeof piece === 'number' ? piece : piece.length
      }
      await writing
      if (syncing !== null || cached < SYNC_EVERY_BYTES) return
      cached = 0
      syncing = sync()
    },
    /** No more comes; the digest of all. @throws what the disk has said of what was written. */
    async finish() {
      if (isSparse) await truncateFd(fd, size)
      await close()
      if (failed !== null) throw failed.reason
      return hash.digest()
    },
  }
}
