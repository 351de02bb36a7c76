import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { ignoreError } from '../../dropped-errors.ts'
import { type Mount, readMounts } from '../../platform/mounts.ts'
import type { MountIdentity } from '../mount-identity.ts'
import type { DeviceNames, Fact } from './evidence-messages.ts'

// Texts of the system about a file system and its devices: the mount, the counters of the file system and of its disks,
// the pressure on them, the state of a share, and the calls that hang. All are read from the kernel's memory.

const LONGEST_TEXT = 4_000
/** Limit of the waiting threads that are named. */
const MOST_THREADS = 8
const NOT_THERE = 'not every system, file system or device has it, and not every user may read it'

/** ext4's record of its errors, fs/ext4/sysfs.c. */
const EXT4 = [
  ...['errors_count', 'warning_count', 'first_error_time', 'first_error_errcode', 'first_error_func'],
  ...['first_error_line', 'first_error_ino', 'first_error_block', 'last_error_time', 'last_error_errcode'],
  ...['last_error_func', 'last_error_line', 'last_error_ino', 'last_error_block'],
]
/** Counters of a SCSI disk, drivers/scsi/scsi_sysfs.c. */
const DISK = ['device/state', 'device/ioerr_cnt', 'device/iotmo_cnt', 'device/timeout', 'inflight', 'ro']

interface Question {
  mount: MountIdentity | null
  device: DeviceNames
  /** Calls of this process hang there. */
  isHung: boolean
  /** The mount before it changed; null: it did not. */
  before: Mount | null
}

/** Returns the texts that exist and can be read. @param root directory that stands for /, with proc/ and sys/ in it */
export async function readFacts({ mount, device, isHung, before }: Question, root = '/'): Promise<Fact[]> {
  const at = (place: string) => readPlace(place, root)
  const devices = [...device.names].filter((name) => /^[a-z][\w-]*$/i.test(name))
  const now = mount === null ? [] : (readMounts() ?? []).filter(({ point }) => point === mount.point)
  const found = await Promise.all([
    ...(mount?.type === 'ext4' ? devices.map((name) => readExt4(name, root)) : []),
    ...(mount?.type === 'btrfs' ? [readBtrfs(devices, root)] : []),
    ...devices.flatMap((name) => DISK.map((one) => at(`/sys/block/${name}/${one}`))),
    readLines('/proc/diskstats', root, (line) => devices.includes(line.trim().split(/\s+/)[2] ?? '')),
    at('/proc/pressure/io'),
    ...(mount !== null && device.server !== null ? [readShare(mount.point, root)] : []),
    ...(isHung ? [readHangs(root)] : []),
  ])
  return [
    ...(before === null ? [] : [describeMount('before', before)]),
    ...now.map((one) => describeMount('now', one)),
    ...found.flat(),
  ]
}

const describeMount = (when: string, { point, type, source, options, superOptions }: Mount): Fact => ({
  place: `/proc/self/mountinfo (${when})`,
  text: `${source} ${point} ${type} ${options.join(',')} ${superOptions.join(',')}`,
})

async function readPlace(place: string, root: string): Promise<Fact[]> {
  const text = await readFile(path.join(root, place), 'utf8').catch(ignoreError(NOT_THERE, ''))
  return text.trim() === '' ? [] : [{ place, text: text.trim().slice(0, LONGEST_TEXT) }]
}

/** Returns the lines of a file that belong to the failure. */
async function readLines(place: string, root: string, isMeant: (line: string) => boolean): Promise<Fact[]> {
  const all = await readFile(path.join(root, place), 'utf8').catch(ignoreError(NOT_THERE, ''))
  const text = all.split('\n').filter(isMeant).join('\n')
  return text === '' ? [] : [{ place, text: text.slice(0, LONGEST_TEXT) }]
}

/** Reads ext4's errors on a device; nothing if it counts none. */
async function readExt4(device: string, root: string): Promise<Fact[]> {
  const facts = (
    await Promise.all(EXT4.map((one) => readPlace(`/sys/fs/ext4/${device}/${one}`, root)))
  ).flat()
  const errors = facts.find(({ place }) => place.endsWith('/errors_count'))
  return errors === undefined || errors.text === '0' ? [] : facts
}

/** Reads the error counters of each device of the pool, fs/btrfs/sysfs.c. */
async function readBtrfs(devices: readonly string[], root: string): Promise<Fact[]> {
  const list = (place: string) => readdir(path.join(root, place)).catch(ignoreError(NOT_THERE, []))
  const pools = await list('/sys/fs/btrfs')
  const facts = pools.map(async (pool) => {
    const members = await list(`/sys/fs/btrfs/${pool}/devices`)
    if (!members.some((name) => devices.includes(name))) return []
    const ids = await list(`/sys/fs/btrfs/${pool}/devinfo`)
    return (
      await Promise.all(ids.map((id) => readPlace(`/sys/fs/btrfs/${pool}/devinfo/${id}/error_stats`, root)))
    ).flat()
  })
  return (await Promise.all(facts)).flat()
}

/** Reads a share's part of mountstats: its connection, and how long its requests take (nfsiostat(8)). */
async function readShare(point: string, root: string): Promise<Fact[]> {
  let isMeant = false
  return readLines('/proc/self/mountstats', root, (line) => {
    if (line.startsWith('device ')) isMeant = line.includes(` mounted on ${point} `)
    return isMeant && /^device |^\s+(?:age|events|bytes|xprt):/.test(line)
  })
}

/** Reads which threads of this process wait for a disk, and where in the kernel, proc_pid_stack(5). */
async function readHangs(root: string): Promise<Fact[]> {
  const tasks = await readdir(path.join(root, '/proc/self/task')).catch(ignoreError(NOT_THERE, []))
  const states = await Promise.all(
    tasks.map(async (task) => [task, await readPlace(`/proc/self/task/${task}/stat`, root)] as const),
  )
  const waiting = states.filter(([, [stat]]) => /\) D /.test(stat?.text ?? '')).slice(0, MOST_THREADS)
  const facts = await Promise.all(
    waiting.flatMap(([task]) =>
      ['wchan', 'stack'].map((one) => readPlace(`/proc/self/task/${task}/${one}`, root)),
    ),
  )
  return facts.flat()
}
