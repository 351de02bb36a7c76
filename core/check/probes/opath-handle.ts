import fs, { readFileSync, type Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { closeFd, openFd } from '../../platform/fd.ts'
import { toMountId } from '../../platform/mounts/mountinfo.ts'

const fstat = promisify(fs.fstat)
/** open(2)'s O_PATH, for which Node.js has no constant: resolves a path without opening the file. */
const O_PATH = 0o10000000

/** A path that was resolved once, so that all later calls are on the same mount. */
export interface Anchor {
  /** A path to the same file, even if it is unmounted or renamed meanwhile. */
  path: string
  stats: Stats
  /** The id of its mount in mountinfo; null where the system has none. */
  mountId: number | null
  release(): Promise<void>
}

/**
 * Resolves a path without opening the file: with O_PATH no FIFO blocks and no device is touched. /proc/self/fd then
 * leads to the same file without resolving its name again, so nothing is written to the directory under an unmounted
 * disk.
 *
 * @param flags further flags of open(2), where O_PATH exists.
 */
export async function anchorPath(path: string, flags = 0): Promise<Anchor> {
  if (process.platform !== 'linux') {
    const stats = await stat(path)
    return {
      path,
      stats,
      mountId: toMountId(stats),
      release: () => Promise.resolve(),
    }
  }
  const descriptor = await openFd(path, O_PATH | flags)
  try {
    return {
      path: `/proc/self/fd/${descriptor}`,
      stats: await fstat(descriptor),
      mountId: readMountId(descriptor),
      release: () => closeFd(descriptor),
    }
  } catch (error) {
    await closeFd(descriptor)
    throw error
  }
}

/** Reads proc_pid_fdinfo(5). Synchronous: the kernel answers from its own memory without calling a file system. */
function readMountId(descriptor: number): number | null {
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1]
  return id === undefined ? null : Number(id)
}
