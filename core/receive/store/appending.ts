import type { DigestKind } from '../../files/digest.ts'
import { createHasher } from '../../files/digest.ts'
import { openDirect } from '../../files/direct-io.ts'
import { behind, closeFd, readFully, syncDataFd, writePieces } from '../../files/fd.ts'

/** After so many bytes in the kernel's cache they are sent to the disk, so that the end has little left to wait for. */
const SYNC_EVERY_BYTES = 32 * 1024 * 1024
/** From this size on a file is written past the kernel's cache: one of 2 MiB is as fast through it, one of 8 is not. */
const DIRECT_LEAST_BYTES = 4 * 1024 * 1024
const READ_BYTES = 1024 * 1024

/** A file that is written from where it ends, and hashed from its beginning. */
export interface Appending {
  /** How much of it is hashed, and written. */
  readonly position: number
  /**
   * Hashes the next bytes that are there already, some of them up to `end`.
   * @throws what the system says, or an error if the file ends before.
   */
  takeIn(end: number): Promise<void>
  append(pieces: readonly Uint8Array[]): Promise<void>
  /** Of all. @throws what the disk has said of syncing. */
  digest(): Promise<Buffer>
  /** Closes the file when no call on it is out. False: the disk has refused a part of what was written. */
  close(): Promise<boolean>
}

/**
 * @param fd is its from now on.
 * @param size that the file will have.
 */
export async function openAppending(fd: number, size: number, digest: DigestKind): Promise<Appending> {
  const direct = size < DIRECT_LEAST_BYTES ? null : await openDirect(fd)
  const hash = createHasher(digest)
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

  const close = async () => {
    await syncing
    await direct?.close()
    // What it says of what was written the syncs have said before.
    await closeFd(fd).catch(() => undefined)
    return failed === null
  }

  return {
    get position() {
      return position
    },
    close,
    async takeIn(end) {
      buffer ??= Buffer.allocUnsafeSlow(READ_BYTES)
      const bytes = buffer.subarray(0, Math.min(READ_BYTES, end - position))
      const length = await readFully(fd, bytes, position)
      if (length === 0) throw Object.assign(new Error('shorter than it was'), { code: 'EIO' })
      hash.update(bytes.subarray(0, length))
      position += length
    },
    async append(pieces) {
      buffer = null
      // The disk takes them while they are hashed.
      const writing = write(pieces, position)
      for (const piece of pieces) {
        hash.update(piece)
        position += piece.length
      }
      await writing
      if (syncing !== null || cached < SYNC_EVERY_BYTES) return
      cached = 0
      syncing = sync()
    },
    async digest() {
      await syncing
      if (failed !== null) throw failed.reason
      return hash.digest()
    },
  }
}
