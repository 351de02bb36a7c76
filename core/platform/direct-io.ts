import { constants } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dropError } from '../dropped-errors.ts'
import { closeQuietly, openFd, writePieces } from './fd.ts'
import { native } from './native.ts'
import { errorCode } from './system-error.ts'

/** Alignment in memory and in the file that suits disks with 512 and with 4,096 byte sectors. */
export const DIRECT_ALIGNMENT = 4096

/** ext2, 3 and 4, and xfs (statfs(2), linux/magic.h): their direct I/O bypasses the cache, and is widely used. */
const KNOWN = new Set([0xef53, 0x58465342])

/**
 * Opens a file a second time, for writing past the kernel's cache (open(2), O_DIRECT). Data that is not read again soon
 * then needs no cache memory, and is not copied into it. The copy takes longer than all other work: 1 GiB is written in
 * 0.5 s instead of 1 to 3, with a quarter of the processor time. Written data has reached the disk; fsync(2) makes it
 * durable. Returns null if this system or file system does not support it. Never rejects.
 */
export async function openDirect(fd: number) {
  if (process.platform !== 'linux' || native === null) return null
  const place = `/proc/self/fd/${fd}`
  try {
    if (!KNOWN.has((await statfs(place)).type)) return null
    return directFile(await openFd(place, constants.O_WRONLY | constants.O_DIRECT))
  } catch (error) {
    return dropError(error, 'without direct writes the page cache is used', null)
  }
}

function directFile(fd: number) {
  let isUsable = true
  let closing: Promise<void> | null = null
  return {
    /**
     * Writes the aligned front of the pieces. @returns its length in bytes; the caller writes the rest.
     * @throws the system error.
     */
    async write(pieces: readonly Uint8Array[], position: number) {
      const front = isUsable ? alignedFront(pieces, position) : []
      if (front.length === 0) return 0
      try {
        await writePieces(fd, front, position)
      } catch (thrown) {
        // The disk needs larger sectors, or a partial write ended inside a sector. The caller rewrites everything.
        if (errorCode(thrown) !== 'EINVAL') throw thrown
        isUsable = false
        return 0
      }
      return front.reduce((sum, { length }) => sum + length, 0)
    },
    close() {
      closing ??= closeQuietly(fd)
      return closing
    },
  }
}

function alignedFront(pieces: readonly Uint8Array[], position: number): Uint8Array[] {
  const front: Uint8Array[] = []
  if (position % DIRECT_ALIGNMENT !== 0) return front
  for (const piece of pieces) {
    const bytes = piece.length - (piece.length % DIRECT_ALIGNMENT)
    if (bytes === 0 || !isAligned(piece, DIRECT_ALIGNMENT)) break
    front.push(piece.subarray(0, bytes))
    if (bytes < piece.length) break
  }
  return front
}

/** True if these bytes begin at a multiple of `alignment` in memory; false if unknown. */
export function isAligned(bytes: Uint8Array, alignment: number): boolean {
  return native !== null && native.getAddress(bytes) % BigInt(alignment) === 0n
}

/**
 * Returns the first offset in a buffer, from `least` on, that is at a multiple of `alignment` in memory: at most
 * `alignment` - 1 bytes later. Returns `least` itself if addresses are unknown.
 */
export function alignedPlace(buffer: ArrayBuffer, least: number, alignment: number): number {
  if (native === null || alignment === 1) return least
  const beyond = Number((native.getAddress(new Uint8Array(buffer)) + BigInt(least)) % BigInt(alignment))
  return beyond === 0 ? least : least + alignment - beyond
}
