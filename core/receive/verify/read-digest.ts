import type { DigestKind } from '../../files/digest.ts'
import { createHasher, digestText } from '../../files/digest.ts'
import { closeFd, openFd, readFd, statFd } from '../../files/fd.ts'
import { READ_FILE } from '../../files/open-flags.ts'
import { forgetCached } from '../../files/page-cache.ts'

const READ_BYTES = 1024 * 1024

export interface DigestRead {
  /** As text (digest.ts). */
  digest: string
  size: number
  /** Milliseconds since 1970. */
  mtimeMs: number
  mode: number
}

/** What stands at a path is not a regular file, or a symbolic link stands there. */
export class NotAFile extends Error {
  override readonly name = 'NotAFile'
}

/**
 * Reads a whole file, never through a symbolic link, and never waiting for the other end of a pipe.
 *
 * @param take gets each piece in order; the buffer is used again once it resolves.
 * @param from `disk`: what the kernel holds in memory is forgotten first, since it may be well where the disk is not.
 * @throws NotAFile, or what the system says.
 */
export async function readDigest(
  file: string,
  kind: DigestKind,
  take: (piece: Buffer, position: number) => Promise<void> | void,
  from: 'disk' | 'anywhere' = 'anywhere',
): Promise<DigestRead> {
  const fd = await openNoFollow(file)
  try {
    const stats = await statFd(fd)
    if (!stats.isFile()) throw new NotAFile(file)
    if (from === 'disk') await forgetCached(fd)
    const hash = createHasher(kind)
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    let size = 0
    for (;;) {
      const bytes = await readFd(fd, buffer, 0, size)
      if (bytes === 0) break
      const piece = buffer.subarray(0, bytes)
      hash.update(piece)
      await take(piece, size)
      size += bytes
    }
    const mtimeMs = Number(stats.mtimeNs) / 1e6
    return { digest: digestText(hash.digest()), size, mtimeMs, mode: Number(stats.mode) & 0o777 }
  } finally {
    await closeFd(fd)
  }
}

/** ELOOP is what open(2) says of a symbolic link with O_NOFOLLOW, ENXIO of a socket. */
async function openNoFollow(file: string): Promise<number> {
  try {
    return await openFd(file, READ_FILE)
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code
    if (code === 'ELOOP' || code === 'ENXIO') throw new NotAFile(file, { cause: thrown })
    throw thrown
  }
}
