import { readFileSync, type Stats } from 'node:fs'
import { mountList } from '../../mounts/mount-list.ts'
import { close, fstat, O_PATH, open, stat } from './calls.ts'

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
      mountId: mountList.idOf(stats),
      release: () => Promise.resolve(),
    }
  }
  const descriptor = await open(path, O_PATH | flags)
  try {
    return {
      path: `/proc/self/fd/${descriptor}`,
      stats: await fstat(descriptor),
      mountId: mountIdOf(descriptor),
      release: () => close(descriptor),
    }
  } catch (thrown) {
    await close(descriptor)
    throw thrown
  }
}

/** proc_pid_fdinfo(5). Synchronous: the kernel answers from its own memory, no file system is asked. */
function mountIdOf(descriptor: number): number | null {
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1]
  return id === undefined ? null : Number(id)
}
