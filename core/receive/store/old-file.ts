import { lstat } from 'node:fs/promises'
import path from 'node:path'
import { closeFd, openFd, statFd } from '../../files/fd.ts'
import { READ_FILE } from '../../files/open-flags.ts'
import { errorCode } from '../../files/system-error.ts'
import { FileRefused } from '../file-refused.ts'
import { holdBelow } from '../placement/held-directory.ts'
import type { Home } from '../placement/store-disk.ts'

export const unknown = (detail: string) => new FileRefused('unknown', detail)

/** Whatever is wrong with the old file, its content can still be sent anew. */
export async function ofOldFile<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    throw thrown instanceof FileRefused ? thrown : unknown(errorCode(thrown) ?? String(thrown))
  }
}

/**
 * Opens a regular file of this size that no symbolic link leads to; the caller closes it.
 * @throws FileRefused `unknown`, or what the system says.
 */
export async function openOld(
  root: string,
  home: Home,
  components: readonly string[],
  size: number,
): Promise<number> {
  await home.check()
  const directory = await holdBelow(root, components.slice(0, -1))
  try {
    return await openIn(directory.path, components.at(-1) ?? '', size)
  } finally {
    await directory.close()
  }
}

async function openIn(directory: string, name: string, size: number): Promise<number> {
  const file = path.join(directory, name)
  // O_NOFOLLOW is not known on every system.
  if (!(await lstat(file)).isFile()) throw unknown('not a file')
  const fd = await openFd(file, READ_FILE)
  const stats = await statFd(fd).catch(async (thrown: unknown) => {
    await closeFd(fd)
    throw thrown
  })
  if (stats.isFile() && stats.size === BigInt(size)) return fd
  await closeFd(fd)
  throw unknown('other size')
}
