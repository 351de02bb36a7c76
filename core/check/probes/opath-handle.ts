import fs, { readFileSync, type Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { closeFd, openFd } from '../../platform/fd.ts'
import { mountIdOfStats } from '../../platform/mounts/mountinfo.ts'

const fstat = promisify(fs.fstat)
/** open(2)'s O_PATH, which Node does not name: finds a file without opening it. */
const O_PATH = 0o10000000

/** A path that was found once, so that all that follows happens on the very mount that was looked at. */
export interface Anchor {
  /** A path to the same file, whatever is unmounted or renamed meanwhile. */
  path: string
  stats: Stats
  /** The id of its mount in mountinfo; null where the system does not tell. */
  mountId: number | null
  release(): Promise<void>
}

/**
 * Finds a path without opening it: with O_PATH no FIFO blocks and no device is touched. /proc/self/fd then leads
 * to the same file without asking its name again: nothing is written to a directory under an unmounted disk.
 *
 * @param flags more of open(2)'s flags, where there is O_PATH.
 */
export async function anchorPath(path: string, flags = 0): Promise<Anchor> {
  if (process.platform !== 'linux') {
    const stats = await stat(path)
    return {
      path,
      stats,
      mountId: mountIdOfStats(stats),
      release: () => Promise.resolve(),
    }
  }
  const descriptor = await openFd(path, O_PATH | flags)
  try {
    return {
      path: `/proc/self/fd/${descriptor}`,
      stats: await fstat(descriptor),
      mountId: mountIdOf(descriptor),
      release: () => closeFd(descriptor),
    }
  } catch (error) {
    await closeFd(descriptor)
    throw error
  }
}

/** proc_pid_fdinfo(5). Synchronous: the kernel answers from its own memory, no file system is asked. */
function mountIdOf(descriptor: number): number | null {
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1]
  return id === undefined ? null : Number(id)
}
