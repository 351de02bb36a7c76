import { createHasher, digestKindOf } from '../../files/digest.ts'
import { closeFd, openFd, readFully, setTimesFd, statFd, syncFd } from '../../files/fd.ts'
import { READ_FILE } from '../../files/open-flags.ts'

const READ_BYTES = 1024 * 1024

/** Whether the file holds exactly this content; if so its data are synced, and its time is set. */
export async function holds(
  file: string,
  written: { size: number; mtime: number; digest: Uint8Array },
): Promise<boolean> {
  const fd = await openFd(file, READ_FILE)
  try {
    const stats = await statFd(fd)
    if (!stats.isFile() || stats.size !== BigInt(written.size)) return false
    const hash = createHasher(digestKindOf(written.digest))
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, written.size + 1))
    for (let position = 0; position < written.size; ) {
      const bytes = await readFully(fd, buffer, position)
      if (bytes === 0) return false
      hash.update(buffer.subarray(0, bytes))
      position += bytes
    }
    if (!hash.digest().equals(written.digest)) return false
    await setTimesFd(fd, written.mtime, written.mtime)
    await syncFd(fd)
    return true
  } finally {
    await closeFd(fd)
  }
}
