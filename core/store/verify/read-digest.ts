import { deferAsync } from '../../defer.ts'
import { createHasher } from '../../platform/digest.ts'
import { closeFd, READ_FILE, readFd, statFd } from '../../platform/fd.ts'
import { forgetCached } from '../../platform/native.ts'
import { openBeneath } from '../../platform/openat2.ts'
import { errorCode, isGone } from '../../platform/system-error.ts'

const READ_BYTES = 1024 * 1024

/** The path is not a regular file. */
export class NotAFile extends Error {
  override readonly name = 'NotAFile'
}

/**
 * Reads an open file to its end.
 * @param take gets each piece in order; the buffer is reused after it returns.
 * @param from `disk`: drops the file from the kernel's cache first, which may be intact when the disk is not.
 * @throws NotAFile, system errors
 */
export async function readDigest(
  fd: number,
  take: (piece: Buffer) => void,
  from: 'disk' | 'anywhere' = 'anywhere',
) {
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
    take(piece)
    size += bytes
  }
  return { digest: hash.digest(), size, mtimeNs: stats.mtimeNs }
}

/** Why a file cannot be read. `strange`: it is not a regular file. `place`: its path below the store. */
type Unreadable = { place: string } & (
  | { kind: 'strange' }
  | { kind: 'missing' }
  | { kind: 'unreadable'; code: string }
)

/** Opens a file of a store and passes it to `read`. */
export async function withContent<T>(
  root: string,
  place: string,
  read: (fd: number) => Promise<T>,
): Promise<T | Unreadable> {
  try {
    const fd = await openBeneath(root, place, READ_FILE)
    await using _ = deferAsync(() => closeFd(fd))
    return await read(fd)
  } catch (error) {
    const code = errorCode(error)
    if (error instanceof NotAFile || code === 'ELOOP' || code === 'ENXIO') return { kind: 'strange', place }
    if (isGone(code)) return { kind: 'missing', place }
    if (code === null) throw error
    return { kind: 'unreadable', place, code }
  }
}
