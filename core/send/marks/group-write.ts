import { closeFd, setModeFd, statFd } from '../../platform/fd.ts'
import { READ_FILE } from '../../platform/open-flags.ts'
import { openBeneath } from '../../platform/openat2.ts'
import { type FileStat, sameContent, sameFile, toFileStat } from '../../platform/stat-facts.ts'
import { errorCode } from '../../platform/system-error.ts'
import type { SourceFile } from '../reading/read.ts'

/** isocket's mark "this file is transferred" (chmod g+w). */
export const GROUP_WRITE = 0o020

export type GroupWriteMark =
  /** The mark is set. `ctimeNs`: the new ctime, because chmod changes it. */
  | { kind: 'set'; ctimeNs: bigint }
  /** The inode has changed since the file was sent, now with these facts: the file has to be checked again. */
  | { kind: 'changed'; facts: FileStat }
  /** The file was replaced or is gone. */
  | { kind: 'not-wanted' }

/**
 * Sets the group-write mark if the file is still the one that was sent. Call it only after the ledger has recorded the
 * file as sent.
 * @throws the system error: EPERM if the file belongs to another user.
 */
export async function markGroupWrite({ root, path }: SourceFile, sent: FileStat): Promise<GroupWriteMark> {
  let fd: number
  try {
    fd = await openBeneath(root, path, READ_FILE)
  } catch (error) {
    const isGone = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(errorCode(error) ?? '')
    if (isGone) return { kind: 'not-wanted' }
    throw error
  }
  try {
    const stats = await statFd(fd)
    const facts = toFileStat(stats)
    if (!stats.isFile() || !sameContent(facts, sent)) return { kind: 'not-wanted' }
    if (!sameFile(facts, sent)) return { kind: 'changed', facts }
    const mode = Number(stats.mode & 0o7777n)
    if ((mode & GROUP_WRITE) === 0) await setModeFd(fd, mode | GROUP_WRITE)
    return { kind: 'set', ctimeNs: toFileStat(await statFd(fd)).ctimeNs }
  } finally {
    await closeFd(fd)
  }
}
