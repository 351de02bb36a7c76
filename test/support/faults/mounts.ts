import { execFile, execFileSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { until } from '../until.ts'

// Real file systems with real faults, for tests that run as root. Everything is undone when the test is over,
// when the test's process exits, and, should it be killed, before the next mount of any test.

const run = promisify(execFile)

/**
 * Where a mount puts what undoes it: Vitest's `onTestFinished`, or any list that runs when the test is over,
 * whether it passed or not.
 */
export type Undo = (cleanup: () => Promise<void>) => void

/** Tests with mounts: `describe.skipIf(!canMount)('… (needs root)', …)`. */
export const canMount = process.platform === 'linux' && process.getuid?.() === 0

/** No mount command takes this long, except one that waits for a frozen or hung file system. */
const TIMEOUT = { timeout: 20_000, killSignal: 'SIGKILL' } as const

const workplacePrefix = 'holdfast-mount-'
const workplaces = new Set<string>()
let clearsAtExit = false

/** A file system of the test's own, mounted at `point`. */
export interface Mounted {
  point: string
  /** As `remount` below. */
  remount(options: string): Promise<void>
  /** Takes the disk away: the empty directory underneath stays. */
  unmount(): Promise<void>
  /** Mounts the same file system again, as it was at first. */
  mountAgain(): Promise<void>
}

/** An ext4 in a file. */
export interface Ext4Loop extends Mounted {
  /** The kernel's own fault: what an I/O error in the journal does. Writes fail with EROFS, reads go on. */
  remountAbort(): Promise<void>
  /** Mounts a repaired copy of the file system, writable, over it: there is no moment without a disk. */
  remountFresh(): Promise<void>
  /** Damages the file system by commands of debugfs(8), such as "set_inode_field <12> checksum 1", and mounts it again. */
  damage(...commands: string[]): Promise<void>
  /** fsfreeze(8): writers hang in the kernel until thaw(); reads go on. */
  freeze(): Promise<void>
  thaw(): Promise<void>
}

/** A directory with the mount point `disk`; `clear` undoes both. */
export function workplace(): { directory: string; point: string } {
  clearLeftovers()
  const directory = mkdtempSync(path.join(tmpdir(), `${workplacePrefix}${process.pid}-`))
  const point = path.join(directory, 'disk')
  mkdirSync(point)
  if (!clearsAtExit) process.once('exit', clearAll)
  clearsAtExit = true
  workplaces.add(directory)
  return { directory, point }
}

function clearAll(): void {
  for (const directory of workplaces) clear(directory)
}

/**
 * Thaws and unmounts whatever is mounted below, then removes the directory, unless it is to be kept. Never throws,
 * never waits long; of a FUSE file system the daemon must have ended.
 */
export function clear(directory: string, { keep = false } = {}): void {
  for (const point of mountPointsBelow(directory)) {
    for (const [command, ...words] of [
      ['fsfreeze', '--unfreeze', point],
      ['umount', point],
      ['umount', '--lazy', point],
    ] as const) {
      try {
        execFileSync(command, words, { stdio: 'ignore', timeout: 5_000, killSignal: 'SIGKILL' })
      } catch {
        // Not frozen, or not mounted any more: that is what was wanted.
      }
    }
  }
  if (keep) return
  workplaces.delete(directory)
  // A directory that is still mounted must not be emptied.
  if (mountPointsBelow(directory).length === 0) rmSync(directory, { recursive: true, force: true })
}

/** The mount points below a directory, innermost first; a point that is mounted twice is there twice. */
export function mountPointsBelow(directory: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .map((point) =>
      point.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
    )
    .filter((point) => point.startsWith(`${directory}/`))
    .reverse()
}

/** Undoes the mounts of test processes that were killed: a frozen file system would hang whoever looks at it. */
function clearLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${workplacePrefix}(\\d+)-`).exec(name)?.[1]
    if (pid === undefined || isRunning(Number(pid))) continue
    clear(path.join(tmpdir(), name))
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** The processes that work in, or hold a file open in, a mounted file system. */
function findUsers(point: string): string[] {
  const inside = (link: string) => {
    try {
      const target = readlinkSync(link)
      return target === point || target.startsWith(`${point}/`)
    } catch {
      return false
    }
  }
  const holds = (pid: string) => {
    try {
      const files = readdirSync(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`)
      return [`/proc/${pid}/cwd`, ...files].some(inside)
    } catch {
      return false
    }
  }
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && holds(name))
}

/** Unmounts, waiting for programs that are just leaving; says who is in the way if they stay. */
async function unmountPoint(point: string): Promise<void> {
  try {
    await until(`unmounting ${point}`, async () => {
      await run('umount', [point], TIMEOUT)
      return true
    })
  } catch (error) {
    throw new Error(`${point} stays in use; these processes have it open: ${findUsers(point).join(', ')}`, {
      cause: error,
    })
  }
}

function mounted(point: string, mount: () => Promise<unknown>): Mounted {
  return {
    point,
    remount: (options) => remount(point, options),
    unmount: () => unmountPoint(point),
    mountAgain: async () => {
      await mount()
    },
  }
}

/**
 * Makes and mounts an ext4 of some size in a file of its own. After errors it is read-only, as a guest system's root
 * usually is.
 * @param features as mke2fs(8) has them, "^" before one that it must not have.
 * @param inodeBytes 128: times are kept in whole seconds. `imagePlace`: the directory of the file.
 */
export async function mountExt4(
  undo: Undo,
  {
    megabytes = 64,
    features = 'filetype',
    inodeBytes = 256,
    imagePlace,
  }: { megabytes?: number; features?: string; inodeBytes?: number; imagePlace?: string } = {},
): Promise<Ext4Loop> {
  const { directory, point } = workplace()
  undo(async () => clear(directory))
  const image = path.join(imagePlace ?? directory, 'image')
  await run('truncate', ['-s', `${megabytes}M`, image], TIMEOUT)
  await run('mkfs.ext4', ['-q', '-F', '-O', features, '-I', String(inodeBytes), image], TIMEOUT)
  /** The file that is mounted, and the number of mounts below it. */
  let current = image
  let covered = 0
  const mount = () => run('mount', ['-o', 'loop,errors=remount-ro', current, point], TIMEOUT)
  const unmount = async () => {
    for (; covered > 0; covered -= 1) await unmountPoint(point)
    await unmountPoint(point)
  }
  await mount()
  return {
    ...mounted(point, mount),
    unmount,
    remountAbort: async () => {
      // The answer differs between kernels (some report the abort they were asked for); the state does not.
      await run('mount', ['-o', 'remount,abort', point], TIMEOUT).catch(() => undefined)
      await until(`${point} gone read-only`, () => /\babort\b|emergency_ro/.test(superOptions(point)))
    },
    remountFresh: async () => {
      const repaired = `${current}-repaired`
      await run('cp', ['--sparse=always', current, repaired], TIMEOUT)
      // Exit status 1: errors were there and were corrected, which is the purpose.
      await run('e2fsck', ['-f', '-y', repaired], TIMEOUT).catch((error) => {
        if (error.code !== 1) throw error
      })
      current = repaired
      covered += 1
      await mount()
    },
    damage: async (...commands) => {
      await unmount()
      // A loop device that is still there would be mounted again, with the blocks that it has in memory.
      await until(`no loop device of ${current}`, async () => {
        const { stdout } = await run('losetup', ['--associated', current], TIMEOUT)
        return stdout === ''
      })
      for (const command of commands) await run('debugfs', ['-w', '-R', command, current], TIMEOUT)
      await mount()
    },
    freeze: async () => {
      await run('fsfreeze', ['--freeze', point], TIMEOUT)
    },
    thaw: async () => {
      await run('fsfreeze', ['--unfreeze', point], TIMEOUT)
    },
  }
}

/** Makes the kernel report that the end of a disk, where no file is, cannot be read. */
export async function failAtEnd(point: string): Promise<void> {
  const image = path.join(path.dirname(point), 'image')
  const { size } = statSync(image)
  const end = 65_536
  truncateSync(image, size - end)
  const device = path.join('/dev', await findDevice(point))
  const last = ['bs=64k', 'count=1', `skip=${size / end - 1}`]
  const isRead = await run('dd', [`if=${device}`, 'of=/dev/null', 'iflag=direct', ...last], TIMEOUT).then(
    () => true,
    () => false,
  )
  truncateSync(image, size)
  if (isRead) throw new Error(`${device} can be read behind its end`)
}

/** Returns the kernel's name of the device that is mounted at a point. */
async function findDevice(point: string): Promise<string> {
  const { stdout } = await run('findmnt', ['-no', 'SOURCE', point], TIMEOUT)
  return path.basename(stdout.trim())
}

/** Makes the kernel report an error of an ext4, which then stops writing (fs/ext4/sysfs.c). Returns its device. */
export async function triggerExt4Error(point: string): Promise<string> {
  const device = await findDevice(point)
  writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, 'test')
  return device
}

/** Whether the kernel has xfs, and there is what makes one. */
export const hasXfs =
  canMount &&
  existsSync('/usr/sbin/mkfs.xfs') &&
  readFileSync('/proc/filesystems', 'utf8').includes('\txfs\n')

/** Makes and mounts an xfs in a file of its own: 320 MiB, as smaller ones are not made. */
export async function mountXfs(undo: Undo): Promise<Mounted> {
  const { directory, point } = workplace()
  undo(async () => clear(directory))
  const image = path.join(directory, 'image')
  await run('truncate', ['-s', '320M', image], TIMEOUT)
  await run('mkfs.xfs', ['-q', image], TIMEOUT)
  const mount = () => run('mount', ['-o', 'loop', image, point], TIMEOUT)
  await mount()
  return mounted(point, mount)
}

/** True if the kernel has btrfs, and the tools that make one are installed. */
export const hasBtrfs =
  canMount && existsSync('/usr/bin/btrfs') && readFileSync('/proc/filesystems', 'utf8').includes('\tbtrfs\n')

/** A btrfs that keeps everything twice, in two files. */
export interface BtrfsMirror extends Mounted {
  images: readonly string[]
}

/** Makes and mounts a btrfs that mirrors data and metadata on two disks. */
export async function mountBtrfs(undo: Undo): Promise<BtrfsMirror> {
  const { directory, point } = workplace()
  undo(async () => clear(directory))
  const images = ['image-0', 'image-1'].map((name) => path.join(directory, name))
  const devices: string[] = []
  for (const image of images) {
    await run('truncate', ['-s', '200M', image], TIMEOUT)
    const { stdout } = await run('losetup', ['--find', '--show', image], TIMEOUT)
    devices.push(stdout.trim())
  }
  // A device that is in use goes when its file system is unmounted.
  undo(async () => {
    await run('losetup', ['--detach', ...devices], TIMEOUT)
  })
  await run('mkfs.btrfs', ['--quiet', '--force', '-d', 'raid1', '-m', 'raid1', ...devices], TIMEOUT)
  const mount = () => run('mount', ['-t', 'btrfs', devices[0] ?? '', point], TIMEOUT)
  await mount()
  return { ...mounted(point, mount), images }
}

/** Overwrites each copy of some bytes in the files of a disk, as if it had rotted there. Returns how many there were. */
export function damage(image: string, wanted: Buffer): number {
  const bytes = readFileSync(image)
  const fd = openSync(image, 'r+')
  let count = 0
  for (let at = bytes.indexOf(wanted); at !== -1; at = bytes.indexOf(wanted, at + wanted.length)) {
    writeSync(fd, Buffer.alloc(wanted.length, 0xff), 0, wanted.length, at)
    count += 1
  }
  closeSync(fd)
  return count
}

/** Mounts a file system in memory: small ones fill up, `remount('ro')` is an administrator's doing. */
export async function mountTmpfs(undo: Undo, { megabytes = 8, inodes = 0 } = {}): Promise<Mounted> {
  const { directory, point } = workplace()
  undo(async () => clear(directory))
  const options = `size=${megabytes}m,mode=755${inodes > 0 ? `,nr_inodes=${inodes}` : ''}`
  const mount = () => run('mount', ['-t', 'tmpfs', '-o', options, 'holdfast-test', point], TIMEOUT)
  await mount()
  return mounted(point, mount)
}

/** Mounts a directory at a second place, such as read-only with `remount('ro,bind')`. */
export async function mountBind(undo: Undo, original: string): Promise<Mounted> {
  const { directory, point } = workplace()
  undo(async () => clear(directory))
  const mount = () => run('mount', ['--bind', original, point], TIMEOUT)
  await mount()
  return mounted(point, mount)
}

/**
 * Mounts a FUSE file system that nobody serves: every call on it hangs, though a kill still ends its process,
 * until the test is over; then it fails with ENOTCONN.
 */
export async function mountHung(undo: Undo): Promise<{ point: string }> {
  const { directory, point } = workplace()
  const device = openSync('/dev/fuse', 'r+')
  undo(async () => {
    closeSync(device)
    clear(directory)
  })
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0,allow_other'
  execFileSync('mount', ['-i', '-t', 'fuse', '-o', options, 'holdfast-test', point], {
    stdio: ['ignore', 'ignore', 'inherit', device],
    ...TIMEOUT,
  })
  return { point }
}

/** The super block's options of the file system mounted at a point, as mountinfo(5) gives them last. */
export function superOptions(point: string): string {
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .findLast((candidate) => candidate.split(' ')[4] === point)
  return line?.split(' ').at(-1) ?? ''
}

/**
 * Passes options to `mount -o remount`: "ro", "rw", … The kernel is busy as long as any file is open for writing there,
 * as one of a check is for a moment.
 */
export async function remount(point: string, options: string): Promise<void> {
  await until(`${point} remounted ${options}`, async () => {
    await run('mount', ['-o', `remount,${options}`, point], TIMEOUT)
    return true
  })
}
