import { readFileSync, type Stats } from 'node:fs'
import { darwinMountId, darwinMounts } from './darwin.ts'

/**
 * The mounts as lines of mountinfo(5), whatever the system itself calls them, or null where it does not tell. No file
 * system is asked: it answers at once though a disk hangs. Of Windows nothing is known: the flags of a volume come from
 * the volume itself, which may hang; a write-protected one refuses the write (ERROR_WRITE_PROTECT is EROFS).
 */
export function readMountLines(platform: NodeJS.Platform = process.platform): string | null {
  try {
    if (platform === 'linux') return readFileSync('/proc/self/mountinfo', 'utf8')
    return platform === 'darwin' ? darwinMounts() : null
  } catch {
    return null
  }
}

/**
 * The id in that list of the mount that a file is on, by what stat(2) says of it; null: it cannot be told so. On Linux
 * it is asked of the open file instead (proc_pid_fdinfo(5)).
 */
export function mountIdOfStats(stats: Pick<Stats, 'dev'>): number | null {
  return process.platform === 'darwin' ? darwinMountId(stats) : null
}
