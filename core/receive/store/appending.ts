import type { DigestKind } from '../../files/digest.ts'
import { createHasher } from '../../files/digest.ts'
import { readFully, syncDataFd, writePieces } from '../../files/fd.ts'

/** After so many bytes they are sent to the disk, so that the end has little left to wait for. */
const SYNC_EVERY_BYTES = 32 * 1024 * 1024
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
  /** Resolves when no call on the file is out; false: the disk has refused a part of what was written. */
  settled(): Promise<boolean>
}

/** @param fd is closed by whoever has opened it, after `settled`. */
export function openAppending(fd: number, digest: DigestKind): Appending {
  const hash = createHasher(digest)
  let buffer: Buffer | null = null
  let position = 0
  let synced = 0
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

  const settled = async () => {
    await syncing
    return failed === null
  }

  return {
    get position() {
      return position
    },
    settled,
    async takeIn(end) {
      buffer ??= Buffer.allocUnsafeSlow(READ_BYTES)
      const bytes = buffer.subarray(0, Math.min(READ_BYTES, end - position))
      const length = await readFully(fd, bytes, position)
      if (length === 0) throw Object.assign(new Error('shorter than it was'), { code: 'EIO' })
      hash.update(bytes.subarray(0, length))
      position += length
      synced = position
    },
    async append(pieces) {
      buffer = null
      // The disk takes them while they are hashed.
      const writing = writePieces(fd, pieces, position)
      for (const piece of pieces) {
        hash.update(piece)
        position += piece.length
      }
      await writing
      if (syncing !== null || position - synced < SYNC_EVERY_BYTES) return
      synced = position
      syncing = sync()
    },
    async digest() {
      await settled()
      if (failed !== null) throw failed.reason
      return hash.digest()
    },
  }
}
