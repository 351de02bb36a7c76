import { createHasher, digestKindOf } from '../../files/digest.ts'
import { closeFd, readFully, statFd, syncFd } from '../../files/fd.ts'
import { createSemaphore, withPermit } from '../../pacing/semaphore.ts'
import type { CallWatch } from '../placement/call-watch.ts'
import type { Seen } from '../placement/same-content.ts'
import { READ_WHEN_PLACED_BYTES } from '../placement/same-content.ts'
import type { Home } from '../placement/store-disk.ts'
import type { Wanted } from './copies.ts'
import { openOld } from './old-file.ts'

/**
 * The file in this place, if it holds the wanted content, and durably. Null: it does not, that cannot be told, it is
 * `over` before that is known, or the file is small enough to be compared when it is put in its place. Never rejects.
 */
export type FindSame = (
  components: readonly string[],
  wanted: Wanted,
  isOver: () => boolean,
) => Promise<Seen | null>

/** Reads of all comparisons at a time. Who asks first is served first: a sender that replaces many holds nobody up. */
const READS_AT_ONCE = 4
const READ_BYTES = 1024 * 1024

/**
 * Large files are compared before they are put in their places, each read a call of its own: all others wait for
 * the round that does that, and what takes minutes there would look like a disk that hangs.
 */
export function openFindSame(root: string, home: Home, watch: CallWatch): FindSame {
  const turns = createSemaphore(READS_AT_ONCE)
  const idle: Buffer[] = []

  const hashNext = (fd: number, hash: ReturnType<typeof createHasher>, position: number): Promise<number> =>
    withPermit(turns, async () => {
      const buffer = idle.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES)
      try {
        const length = await watch.during(() => readFully(fd, buffer, position))
        hash.update(buffer.subarray(0, length))
        return length
      } finally {
        idle.push(buffer)
      }
    })

  const compare = async (fd: number, { size, digest }: Wanted, isOver: () => boolean) => {
    const hash = createHasher(digestKindOf(digest))
    for (let position = 0; position < size; ) {
      if (isOver()) return null
      const length = await hashNext(fd, hash, position)
      if (length === 0) return null
      position += length
    }
    if (!hash.digest().equals(digest)) return null
    await watch.during(() => syncFd(fd))
    return watch.during(() => statFd(fd))
  }

  return async (components, wanted, isOver) => {
    if (wanted.size <= READ_WHEN_PLACED_BYTES) return null
    try {
      const fd = await watch.during(() => openOld(root, home, components, wanted.size))
      try {
        return await compare(fd, wanted, isOver)
      } finally {
        await closeFd(fd)
      }
    } catch {
      // A version more is kept than would be needed.
      return null
    }
  }
}
