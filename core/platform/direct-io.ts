import { constants } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dropError } from '../dropped-errors.ts'
import { closeQuietly, openFd, writePieces } from './fd.ts'
import { native } from './native.ts'
import { errorCode } from './system-error.ts'

/** What begins and ends at a multiple of this, in memory and in the file, suits disks of 512 and of 4,096 byte sectors. */
export const DIRECT_ALIGNMENT = 4096

/** ext2, 3 and 4, and xfs (statfs(2), linux/magic.h): their direct I/O goes to the disk as it is, and is far travelled. */
const KNOWN = new Set([0xef53, 0x58465342])

/**
 * Opens a file once more, to be written past the kernel's cache (open(2), O_DIRECT). What nobody reads soon costs no
 * memory there, and no copy into it, which takes longer than all else that is done with it: 1 GiB in 0.5 s instead of 1
 * to 3, at a quarter of the processor's time. What it has written is with the disk; fsync(2) has it stay there. Null: not
 * on this system or file system. Never rejects.
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
     * Writes the pieces' front, as much of it as is aligned. @returns its bytes; the others are the caller's to write.
     * @throws what the system says.
     */
    async write(pieces: readonly Uint8Array[], position: number) {
      const front = isUsable ? alignedFront(pieces, position) : []
      if (front.length === 0) return 0
      try {
        await writePieces(fd, front, position)
      } catch (thrown) {
        // This disk wants larger sectors, or took a part and stopped in the middle of one. All of it is written anew.
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

/** Whether these bytes begin at a multiple of `alignment` in memory; false where nobody can tell. */
export function isAligned(bytes: Uint8Array, alignment: number): boolean {
  return native !== null && native.addressOf(bytes) % BigInt(alignment) === 0n
}

/**
 * The first place in a buffer, from `least` on, that is at a multiple of `alignment` in memory: at most `alignment` - 1
 * bytes later. `least` itself where nobody can tell.
 */
export function alignedPlace(buffer: ArrayBuffer, least: number, alignment: number): number {
  if (native === null || alignment === 1) return least
  const beyond = Number((native.addressOf(new Uint8Array(buffer)) + BigInt(least)) % BigInt(alignment))
  return beyond === 0 ? least : least + alignment - beyond
}
