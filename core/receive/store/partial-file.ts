import { constants } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { closeFd, openFd, statFd } from '../../files/fd.ts'
import { errorCode } from '../../files/system-error.ts'

const FLAGS = constants.O_RDWR | (constants.O_NOFOLLOW ?? 0)

/**
 * What is there, if it is a regular file that is not too long; else a new, empty file. The caller closes it.
 *
 * @param makeFolder makes the directory that it is in, which may be missing.
 */
export async function openPartialFile(
  file: string,
  size: number,
  makeFolder: () => Promise<void>,
): Promise<{ fd: number; offset: number }> {
  const old = await openFd(file, FLAGS).catch(() => null)
  if (old !== null) {
    const stats = await statFd(old).catch(() => null)
    if (stats?.isFile() && stats.size <= size) return { fd: old, offset: Number(stats.size) }
    await closeFd(old).catch(() => undefined)
  }
  await unlink(file).catch(() => undefined)
  const create = () => openFd(file, FLAGS | constants.O_CREAT | constants.O_EXCL, 0o600)
  const fd = await create().catch(async (thrown: unknown) => {
    if (errorCode(thrown) !== 'ENOENT') throw thrown
    await makeFolder()
    return create()
  })
  return { fd, offset: 0 }
}
