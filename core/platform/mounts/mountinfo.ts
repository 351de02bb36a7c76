import { existsSync, readdirSync, readFileSync, realpathSync, type Stats } from 'node:fs'
import path from 'node:path'
import { dropError, warnUnlessCode } from '../../dropped-errors.ts'
import { darwinMountId, darwinMounts } from './darwin.ts'

/** Block devices by number; sysfs(5). Reading it accesses no disk. */
const BLOCK_DEVICES = '/sys/dev/block'

/**
 * Returns the disk of a path, from the path's text only; null: unknown. Partitions of one disk count as one, and so do
 * encrypted devices and volumes on that disk only.
 */
export function findDisk(
  directory: string,
  mounts: readonly Mount[] | null = readMounts(),
  devices = BLOCK_DEVICES,
): string | null {
  const mount = findMount(mounts ?? [], directory)
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

/** A mount, as in a line of /proc/self/mountinfo, see proc_pid_mountinfo(5). */
export interface Mount {
  id: number
  /** major:minor of the file system; the same for all its mounts. */
  device: string
  point: string
  /** Options of this mount alone (a bind mount may be "ro" while the file system is not). */
  options: string[]
  type: string
  source: string
  /** Options of the file system's super block, such as "emergency_ro". */
  superOptions: string[]
}

let last: { text: string; mounts: readonly Mount[] } = { text: '', mounts: [] }

/** Parses mountinfo. The same text is parsed once, because it is read often and rarely changes. */
export function parseMountinfo(text: string): readonly Mount[] {
  if (text !== last.text)
    last = { text, mounts: text.split('\n').flatMap((line) => parseMountinfoLine(line) ?? []) }
  return last.mounts
}

function parseMountinfoLine(line: string): Mount | null {
  const [left, right] = line.split(' - ')
  if (left === undefined || right === undefined) return null
  const [id, , device, , point, options] = left.split(' ')
  const [type, source, superOptions] = right.split(' ')
  if (id === undefined || device === undefined || point === undefined || type === undefined) return null
  return {
    id: Number(id),
    device,
    point: withoutOctal(point),
    options: (options ?? '').split(','),
    type,
    source: withoutOctal(source ?? ''),
    superOptions: (superOptions ?? '').split(','),
  }
}

/** Decodes space, tab, newline and backslash, which are written as octal numbers. */
function withoutOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** Returns the mount of an absolute path from its text only: follows no symbolic link, makes no system call. */
export function findMount(mounts: readonly Mount[], path: string): Mount | null {
  let best: Mount | null = null
  for (const mount of mounts) {
    // If two mounts have the same mount point, the later one covers the earlier.
    if (isWithin(path, mount.point) && (best === null || mount.point.length >= best.point.length))
      best = mount
  }
  return best
}

/** True if `path` is `directory` or lies below it, by their text. */
export function isWithin(path: string, directory: string): boolean {
  if (directory === '/') return path.startsWith('/')
  return path === directory || path.startsWith(`${directory}/`)
}

/**
 * File systems that other computers or a user's process can change unnoticed by this kernel: inotify(7) reports only
 * changes made through this kernel.
 */
const UNSEEN_WRITERS =
  /^(nfs4?|cifs|smb3?|smbfs|fuse(blk|\..+)?|virtiofs|9p|ceph|afs|coda|vboxsf|vmhgfs|prl_fs|lustre|gfs2|ocfs2|beegfs|gpfs)$/

/** True if such a file system can change unnoticed by this kernel. */
export function hasUnseenWriters(mount: Pick<Mount, 'type'> | null): boolean {
  return mount !== null && UNSEEN_WRITERS.test(mount.type)
}

/** True if this mount, or its whole file system, is read-only. */
export function isReadOnly(mount: Mount): boolean {
  return mount.options.includes('ro') || mount.superOptions.includes('ro') || isEmergency(mount)
}

/**
 * True if the kernel stopped writing after an error. Since Linux 6.15 ext4 shows this only in the options of the super
 * block, while the mount is still listed as "rw".
 */
export function isEmergency(mount: Mount): boolean {
  return mount.superOptions.some((option) => option === 'emergency_ro' || option === 'shutdown')
}

/**
 * Returns the current mounts, or null if the system does not provide them. It queries no file system, so it returns
 * immediately even if a disk hangs. On Windows it returns null: the flags of a volume come from the volume itself,
 * which may hang. A write-protected volume refuses the write (ERROR_WRITE_PROTECT is EROFS).
 */
export function readMounts(platform: NodeJS.Platform = process.platform): readonly Mount[] | null {
  try {
    if (platform === 'linux') return parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'))
    return platform === 'darwin' ? darwinMounts() : null
  } catch (error) {
    return warnUnlessCode(error, ['ENOENT'], 'the mounts of the system cannot be read', null)
  }
}

/**
 * Returns the id in that list of a file's mount, from stat(2); null: not possible. On Linux it is read from the open
 * file instead (proc_pid_fdinfo(5)).
 */
export function toMountId(stats: Pick<Stats, 'dev'>): number | null {
  return process.platform === 'darwin' ? darwinMountId(stats) : null
}
