import { readFileSync, type Stats } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { darwinMountId, darwinMounts } from './darwin.ts'

/** What a system tells of its mounts, without asking any file system: it answers at once though a disk hangs. */
export interface MountList {
  /** The mounts as lines of mountinfo(5), whatever the system itself calls them. */
  read(): Promise<string>
  readNow(): string
  /**
   * The id in that list of the mount that a file is on, by what stat(2) says of it; null: it cannot be told so. On Linux
   * it is asked of the open file instead (proc_pid_fdinfo(5)).
   */
  idOf(stats: Pick<Stats, 'dev'>): number | null
}

const MOUNTINFO = '/proc/self/mountinfo'

const linux: MountList = {
  read: () => readFile(MOUNTINFO, 'utf8'),
  readNow: () => readFileSync(MOUNTINFO, 'utf8'),
  idOf: () => null,
}

const darwin: MountList = {
  read: async () => darwinMounts(),
  readNow: darwinMounts,
  idOf: darwinMountId,
}

/**
 * Nothing is known of mounts: the flags of a Windows volume come from the volume itself, which may hang. Reading and
 * writing are probed as everywhere, and a write-protected volume refuses the write (ERROR_WRITE_PROTECT is EROFS).
 */
const unknown: MountList = {
  read: async () => '',
  readNow: () => '',
  idOf: () => null,
}

/** The one place that chooses what a system gives beyond the probes' own calls. */
export function mountListOf(platform: NodeJS.Platform): MountList {
  if (platform === 'linux') return linux
  return platform === 'darwin' ? darwin : unknown
}

export const mountList: MountList = mountListOf(process.platform)

/** The lines of `mountList` as they are now, or null where the system does not tell. */
export function readMountLines(): string | null {
  try {
    const lines = mountList.readNow()
    return lines === '' ? null : lines
  } catch {
    return null
  }
}
