import { closeFd, openFd, setModeFd, statFd } from '../../files/fd.ts'
import { READ_FILE } from '../../files/open-flags.ts'
import { errorCode } from '../../files/system-error.ts'
import type { Facts } from '../reading/facts.ts'
import { factsOf, sameFile } from '../reading/facts.ts'

/** isocket's mark "this file is transferred" (chmod g+w). */
export const GROUP_WRITE = 0o020

/**
 * Sets the group-write mark if the file is still the one that was sent; `not-wanted`: it is another one
 * now, or gone. Must come after the ledger has recorded the file as sent.
 * @throws what the system says, EPERM if the file is another user's.
 */
export async function markGroupWrite(file: string, sent: Facts): Promise<'set' | 'not-wanted'> {
  let fd: number
  try {
    fd = await openFd(file, READ_FILE)
  } catch (thrown) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(errorCode(thrown) ?? '')) return 'not-wanted'
    throw thrown
  }
  try {
    const stats = await statFd(fd)
    if (!stats.isFile() || !sameFile(factsOf(stats), sent)) return 'not-wanted'
    const mode = Number(stats.mode & 0o7777n)
    if ((mode & GROUP_WRITE) === 0) await setModeFd(fd, mode | GROUP_WRITE)
    return 'set'
  } finally {
    await closeFd(fd)
  }
}
