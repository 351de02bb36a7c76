import { createHasher } from '../../files/digest.ts'
import { readFd, statFd } from '../../files/fd.ts'
import { forgetCached } from '../../files/page-cache.ts'

const READ_BYTES = 1024 * 1024

export interface DigestRead {
  digest: Buffer
  size: number
  mtimeNs: bigint
}

/** What stands at a path is not a regular file. */
export class NotAFile extends Error {
  override readonly name = 'NotAFile'
}

/**
 * Reads a whole open file.
 * @param take gets each piece in order; the buffer is used again once it resolves.
 * @param from `disk`: what the kernel holds in memory is forgotten first, since it may be well where the disk is not.
 * @throws NotAFile, or what the system says.
 */
export async function readDigest(
  fd: number,
  take: (piece: Buffer, position: number) => Promise<void> | void,
  from: 'disk' | 'anywhere' = 'anywhere',
): Promise<DigestRead> {
  const stats = await statFd(fd)
  if (!stats.isFile()) throw new NotAFile('not a file')
  if (from === 'disk') await forgetCached(fd)
  const hash = createHasher()
  const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(READ_BYTES, Number(stats.size) + 1)))
  let size = 0
  for (;;) {
    const bytes = await readFd(fd, buffer, 0, size)
    if (bytes === 0) break
    const piece = buffer.subarray(0, bytes)
    hash.update(piece)
    await take(piece, size)
    size += bytes
  }
  return { digest: hash.digest(), size, mtimeNs: stats.mtimeNs }
}
