import { existsSync, readdirSync, realpathSync } from 'node:fs'
import path from 'node:path'
import { dropError } from '../dropped-errors.ts'
import { type Mount, mountAbove, readMounts } from './mountinfo.ts'

/** What Linux tells of block devices, by their numbers; sysfs(5). No disk is asked. */
const BLOCK_DEVICES = '/sys/dev/block'

/**
 * The disk that a path is on, by the path's text alone; null: the system does not tell. Partitions of one disk are one,
 * and so is what is encrypted on it, or a volume of it alone.
 */
export function diskOf(
  directory: string,
  mounts: readonly Mount[] | null = readMounts(),
  devices = BLOCK_DEVICES,
): string | null {
  const mount = mountAbove(mounts ?? [], directory)
  if (mount === null) return null
  try {
    return wholeDisk(realpathSync(path.join(devices, mount.device)))
  } catch (error) {
    return dropError(error, 'a share or a file system in memory has no block device', mount.device)
  }
}

function wholeDisk(device: string): string {
  if (existsSync(path.join(device, 'partition'))) return path.dirname(device)
  const slaves = path.join(device, 'slaves')
  const [below, another] = existsSync(slaves) ? readdirSync(slaves) : []
  return below === undefined || another !== undefined
    ? device
    : wholeDisk(realpathSync(path.join(slaves, below)))
}
