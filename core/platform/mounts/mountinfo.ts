import { existsSync, readdirSync, readFileSync, realpathSync, type Stats } from 'node:fs'
import path from 'node:path'
import { dropError, warnUnlessCode } from '../../dropped-errors.ts'
import { darwinMountId, darwinMounts } from './darwin.ts'

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

/** A mount, as a line of /proc/self/mountinfo tells it, see proc_pid_mountinfo(5). */
export interface Mount {
  id: number
  /** major:minor of the file system; one number for all mounts of one file system. */
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

/** The lines of mountinfo. Many ask all the time and next to nothing ever changes: the same text is read once. */
export function parseMountinfo(text: string): readonly Mount[] {
  if (text !== last.text) last = { text, mounts: text.split('\n').flatMap((line) => parseLine(line) ?? []) }
  return last.mounts
}

function parseLine(line: string): Mount | null {
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

/** Space, tab, newline and backslash are written as octal numbers. */
function withoutOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** The mount that an absolute path lies on by its text alone: no symbolic link is followed, no call is made. */
export function mountAbove(mounts: readonly Mount[], path: string): Mount | null {
  let best: Mount | null = null
  for (const mount of mounts) {
    // Of two mounts on one point the later one covers the earlier.
    if (isWithin(path, mount.point) && (best === null || mount.point.length >= best.point.length))
      best = mount
  }
  return best
}

/** Whether `path` is `directory` or lies below it, by their text. */
export function isWithin(path: string, directory: string): boolean {
  if (directory === '/') return path.startsWith('/')
  return path === directory || path.startsWith(`${directory}/`)
}

/**
 * Types of file systems that other computers or a user's process can change without this kernel's knowledge: inotify(7)
 * reports only what happens through this kernel.
 */
const UNSEEN_WRITERS =
  /^(nfs4?|cifs|smb3?|smbfs|fuse(blk|\..+)?|virtiofs|9p|ceph|afs|coda|vboxsf|vmhgfs|prl_fs|lustre|gfs2|ocfs2|beegfs|gpfs)$/

/** Whether others can change such a file system without this kernel's knowledge. */
export function hasUnseenWriters(mount: Pick<Mount, 'type'> | null): boolean {
  return mount !== null && UNSEEN_WRITERS.test(mount.type)
}

/** ro: this mount, or its whole file system, may not be written to. */
export function isReadOnly(mount: Mount): boolean {
  return mount.options.includes('ro') || mount.superOptions.includes('ro') || isEmergency(mount)
}

/**
 * The kernel itself stopped writing after an error. Since Linux 6.15 ext4 says so in the super block's options
 * alone, and the mount still calls itself "rw".
 */
export function isEmergency(mount: Mount): boolean {
  return mount.superOptions.some((option) => option === 'emergency_ro' || option === 'shutdown')
}

/**
 * What is mounted now, or null where the system does not tell. No file system is asked: it answers at once though a disk
 * hangs. Of Windows nothing is known: the flags of a volume come from the volume itself, which may hang; a write-protected
 * one refuses the write (ERROR_WRITE_PROTECT is EROFS).
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
 * The id in that list of the mount that a file is on, by what stat(2) says of it; null: it cannot be told so. On Linux
 * it is asked of the open file instead (proc_pid_fdinfo(5)).
 */
export function mountIdOfStats(stats: Pick<Stats, 'dev'>): number | null {
  return process.platform === 'darwin' ? darwinMountId(stats) : null
}
