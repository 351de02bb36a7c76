import { existsSync, readdirSync, readFileSync, realpathSync, type Stats } from 'node:fs'
import { createRequire } from 'node:module'
import { hostname, networkInterfaces } from 'node:os'
import path from 'node:path'
import { dropError, warnUnlessCode } from '../dropped-errors.ts'

// The mounts of this computer, from the kernel's memory: no function here queries a mounted file system, so none hangs
// with a disk. `readMounts` lists them, the next functions evaluate the list, `MountTable` watches it. The parsers for
// Linux (mountinfo) and macOS (getfsstat) stand at the end.

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

/**
 * Returns the current mounts, or null if the system does not provide them. On Windows it returns null: the flags of a
 * volume come from the volume itself, which may hang. A write-protected volume refuses the write (ERROR_WRITE_PROTECT is
 * EROFS).
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

/**
 * Returns a text that identifies what is mounted at a point, so that an earlier mount can be told from a later one;
 * null: nothing is. An automount point leads to no disk before its mount.
 */
export function identifyMount(mounts: readonly Mount[], point: string): string | null {
  const mount = mounts.findLast((one) => one.point === point && one.type !== 'autofs')
  return mount === undefined ? null : [readBootId(), mount.id, mount.device].join(' ')
}

/** Every start of the computer mounts anew, with the same ids and devices as before. */
function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch (error) {
    return warnUnlessCode(error, ['ENOENT'], 'the id of this start of the computer cannot be read', '')
  }
}

/** True if `path` is `directory` or lies below it, by their text. */
export function isWithin(path: string, directory: string): boolean {
  if (directory === '/') return path.startsWith('/')
  return path === directory || path.startsWith(`${directory}/`)
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
 * File systems that other computers or a user's process can change unnoticed by this kernel: inotify(7) reports only
 * changes made through this kernel.
 */
const UNSEEN_WRITERS =
  /^(nfs4?|cifs|smb3?|smbfs|fuse(blk|\..+)?|virtiofs|9p|ceph|afs|coda|vboxsf|vmhgfs|prl_fs|lustre|gfs2|ocfs2|beegfs|gpfs)$/

export function hasUnseenWriters(mount: Pick<Mount, 'type'> | null): boolean {
  return mount !== null && UNSEEN_WRITERS.test(mount.type)
}

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

/** File system types in mountinfo whose files are on another computer, if they name it. */
const SHARES =
  /^(nfs4?|cifs|smb3|smbfs|ceph|afs|afpfs|webdav|lustre|beegfs|glusterfs|davfs|fuse\.(sshfs|glusterfs|ceph|rclone|s3fs|davfs2?))$/

/**
 * True if a directory is on a share of another computer, by the path's text and the current mounts. False if this is
 * unknown.
 */
export function isOnOtherComputer(
  directory: string,
  mounts: readonly Mount[] | null = readMounts(),
): boolean {
  const mount = findMount(mounts ?? [], directory)
  if (mount === null || !SHARES.test(mount.type)) return false
  const host = parseHost(mount.source)
  return host === null || !isThisComputer(host)
}

/** Returns the host of a share's source: "host:/path", "user@host:path", "//host/share" or "https://host/path". */
export function parseHost(source: string): string | null {
  const [, slashes, name] =
    /^(?:[a-z0-9+]+:(?=\/\/))?(\/\/)?(?:[^@/]*@)?(\[[^\]]+\]|[^/:]+)/i.exec(source) ?? []
  const isNamed = slashes !== undefined || source.includes(':')
  return isNamed ? (name ?? null) : null
}

/** True if a host is this computer by its name or one of its addresses. Other names for it are not resolved. */
export function isThisComputer(host: string): boolean {
  const name = host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
  const own = hostname().toLowerCase()
  if ([own, `${own}.local`].includes(name)) return true
  // RFC 6761, 6.3, and the names that Linux systems use.
  if (/^(.*\.)?localhost(\.localdomain)?$|^127\.|^::1$|^::ffff:127\./.test(name)) return true
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address.toLowerCase() === name),
  )
}

/** Interval of reading the mount table, because the kernel reports no event for a mount over a directory. */
const READ_EVERY_MS = 1_000

/**
 * Reports mounts, unmounts, and file systems that the kernel made read-only, with one small read for all paths. Reads
 * only while there are listeners; queries no file system.
 */
export class MountTable {
  readonly #read: () => readonly Mount[] | null
  readonly #listeners = new Set<(points: string[]) => void>()
  #timer: NodeJS.Timeout | null = null
  #mounts: readonly Mount[] | null = null

  constructor(read: () => readonly Mount[] | null = readMounts) {
    this.#read = read
  }

  /** Calls `listener` after each change; returns a function that removes it. */
  onChange(listener: (points: string[]) => void): () => void {
    this.#listeners.add(listener)
    if (this.#timer === null) {
      this.#mounts = this.#read()
      this.#timer = setInterval(() => this.look(), READ_EVERY_MS)
    }
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size > 0 || this.#timer === null) return
      clearInterval(this.#timer)
      this.#timer = null
    }
  }

  /**
   * The mounts as of the last read, or null if the system does not provide them. A listener that uses only this list
   * stays consistent: it sees neither of a change and its reversal between two reads.
   */
  get mounts(): readonly Mount[] | null {
    return this.#mounts
  }

  /** Reads the table now, and notifies the listeners of a change. */
  look(): void {
    const mounts = this.#read()
    // If the system refuses, the next read reports the change. On Linux an unchanged table is the same object.
    if (mounts === null || mounts === this.#mounts) return
    const points = changedPoints(this.#mounts ?? [], mounts)
    this.#mounts = mounts
    if (points.length === 0) return
    for (const listener of [...this.#listeners]) listener(points)
  }
}

/** Returns the mount points that were added, removed, or changed their file system or its options. */
export function changedPoints(earlier: readonly Mount[], later: readonly Mount[]): string[] {
  const [before, after] = [getTopMounts(earlier), getTopMounts(later)]
  const points = new Set([...before.keys(), ...after.keys()])
  return [...points].filter((point) => before.get(point) !== after.get(point))
}

/** Returns the file system and options of the topmost mount at each mount point. */
const getTopMounts = (mounts: readonly Mount[]): ReadonlyMap<string, string> =>
  new Map(
    mounts.map(({ point, id, device, options, superOptions }) => [
      point,
      [id, device, options.join(), superOptions.join()].join(' '),
    ]),
  )

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

/** getfsstat(2): answers from the kernel's memory, without querying the file systems. */
const MNT_NOWAIT = 2
/** Room for mounts that are added between counting and reading. */
const ROOM = 16

type GetFsStat = (buffer: Buffer | null, bytes: number, mode: number) => number
let getfsstat: GetFsStat | null = null

/** Lists the mounts of macOS. @throws if the system refuses. */
function darwinMounts(): Mount[] {
  getfsstat ??= loadGetfsstat()
  const count = getfsstat(null, 0, MNT_NOWAIT)
  const buffer = Buffer.alloc((Math.max(0, count) + ROOM) * STATFS_BYTES)
  const found = getfsstat(buffer, buffer.length, MNT_NOWAIT)
  if (count < 0 || found < 0) throw new Error('getfsstat failed')
  return parseStatfsList(buffer.subarray(0, found * STATFS_BYTES))
}

/** Loaded on the first call, because other systems do not need it. */
function loadGetfsstat(): GetFsStat {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
  const library = koffi.load('/usr/lib/libSystem.B.dylib')
  // On Intel, the plain name still refers to the version with 32-bit inodes.
  const name = process.arch === 'x64' ? 'getfsstat$INODE64' : 'getfsstat'
  return library.func(name, 'int', ['void *', 'int', 'int'])
}

/** Returns the id that `darwinMounts` assigns to the mount of a file. */
export function darwinMountId({ dev }: Pick<Stats, 'dev'>): number {
  return dev >>> 0
}

/** Size of a `struct statfs` with 64-bit inodes in bytes, <sys/mount.h> of macOS. */
export const STATFS_BYTES = 2_168

/** Offsets of its members. */
const FSID = 48
const FLAGS = 64
const TYPE = { at: 72, bytes: 16 }
const POINT = { at: 88, bytes: 1_024 }
const SOURCE = { at: 1_112, bytes: 1_024 }

/** <sys/mount.h> */
const MNT_RDONLY = 0x1

/**
 * The volume with all writable files of the system's disk. It is named here because firmlinks show it as a part of /:
 * when a disk is gone, the directory that remains at its mount point is on this volume.
 */
const DATA_VOLUME = '/System/Volumes/Data'

/**
 * Parses the result of getfsstat(2). A mount's id is the first half of its file system's id, which stat(2) returns as
 * the device of every file in it.
 */
export function parseStatfsList(bytes: Buffer): Mount[] {
  const mounts: Mount[] = []
  for (let start = 0; start + STATFS_BYTES <= bytes.length; start += STATFS_BYTES) {
    mounts.push(parseStatfs(bytes.subarray(start, start + STATFS_BYTES)))
  }
  return mounts
}

function parseStatfs(statfs: Buffer): Mount {
  const flags = statfs.readUInt32LE(FLAGS)
  const id = statfs.readUInt32LE(FSID)
  const access = (flags & MNT_RDONLY) === 0 ? 'rw' : 'ro'
  const text = ({ at, bytes }: typeof TYPE) => textIn(statfs.subarray(at, at + bytes))
  const point = text(POINT)
  return {
    id,
    device: `${id}:${statfs.readUInt32LE(FSID + 4)}`,
    point: point === DATA_VOLUME ? '/' : point,
    options: [access],
    type: text(TYPE),
    source: text(SOURCE),
    superOptions: [access],
  }
}

function textIn(field: Buffer): string {
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end === -1 ? field.length : end)
}
