import { closeSync, constants, openSync, readSync } from 'node:fs'
import { open, readFile, readlink } from 'node:fs/promises'
import path from 'node:path'
import { errorCode } from '../../files/system-error.ts'
import { type Mount, parseMountinfo } from '../../mounts/mountinfo.ts'

const KERNEL_LOG = '/dev/kmsg'
/** A record of /dev/kmsg, its keys included, is not longer. */
const MOST_BYTES = 8_192
/** Records went faster than they were read; the next read gives the oldest that is left. */
const OVERTAKEN = 'EPIPE'

/** A file system in trouble says several things at once; the last of them is waited for, in milliseconds. */
const GATHER_MS = 50

/**
 * What file systems say when they stop writing, with the block device's name first: ext4 (fs/ext4/super.c), its
 * journal (fs/jbd2/journal.c), btrfs (fs/btrfs/messages.c) and XFS (fs/xfs/xfs_fsops.c).
 */
const TROUBLES = [
  /^EXT4-fs \(([^)]+)\): Remounting filesystem read-only/,
  /^EXT4-fs error \(device ([^)]+)\)/,
  /^Aborting journal on device (\S+?)(?:-\d+)?\.$/,
  /^BTRFS \w+ \(device ([^):\s]+)(?:: state \w+)?\).*forced readonly/,
  /^XFS \(([^)]+)\): .*(?:Shutting down filesystem|[Ss]hutdown received|[Ff]ilesystem has been shut down)/,
]

/**
 * The block device whose file system a record of the kernel log says to have stopped writing; null: it says nothing of
 * the kind. The record's form is Documentation/ABI/testing/dev-kmsg: "priority,sequence,time,flags;message".
 */
export function troubledDevice(record: string): string | null {
  const [head = '', message = ''] = record.split('\n', 1)[0]?.split(/;(.*)/, 2) ?? []
  // The facility is above the lowest three bits; only the kernel's own is 0.
  if (!/^\d+,/.test(head) || Number.parseInt(head, 10) >= 8) return null
  for (const pattern of TROUBLES) {
    const device = pattern.exec(message)?.[1]
    if (device !== undefined) return device
  }
  return null
}

/**
 * The records that the kernel log takes in from now on. Throws where it may not be read.
 *
 * What is old is told by the number of a record and not by its time: the log's clock and CLOCK_MONOTONIC drift apart,
 * by seconds in a few weeks.
 */
export function readKernelLog(file = KERNEL_LOG): AsyncIterable<string> {
  return recordsAfter(file, newestNumber(file))
}

/** Of "priority,sequence,time,flags;message". */
const numberOf = (record: string): number => Number(record.split(',', 2)[1])

/** The number of the newest record, -1 if there is none. Waits for nothing; a thousand records take 3 ms. */
function newestNumber(file: string): number {
  const bytes = Buffer.alloc(MOST_BYTES)
  const log = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  let newest = -1
  try {
    for (;;) {
      try {
        const length = readSync(log, bytes)
        // A container may have /dev/null in its place.
        if (length === 0) return newest
        newest = numberOf(bytes.toString('utf8', 0, length))
      } catch (thrown) {
        if (errorCode(thrown) === 'EAGAIN') return newest
        if (errorCode(thrown) !== OVERTAKEN) throw thrown
      }
    }
  } finally {
    closeSync(log)
  }
}

async function* recordsAfter(file: string, old: number): AsyncGenerator<string> {
  const log = await open(file, 'r')
  try {
    const bytes = Buffer.alloc(MOST_BYTES)
    for (;;) {
      try {
        // Waits in a thread of the pool until there is a record; it costs nothing else.
        const { bytesRead } = await log.read(bytes, 0, MOST_BYTES, null)
        if (bytesRead === 0) return
        const record = bytes.toString('utf8', 0, bytesRead)
        if (numberOf(record) > old) yield record
      } catch (thrown) {
        if (errorCode(thrown) !== OVERTAKEN) throw thrown
      }
    }
  } finally {
    await log.close()
  }
}

/** The mount points of a block device, by the name that the kernel has for it. */
export async function pointsOfDevice(device: string): Promise<string[]> {
  const mounts = parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'))
  const named = await Promise.all(mounts.map(async (mount) => ({ mount, name: await nameOf(mount) })))
  return named.filter(({ name }) => name === device).map(({ mount }) => mount.point)
}

/** /dev/mapper/… and /dev/disk/… are names of the same device that the kernel calls dm-0 or sda1. */
async function nameOf({ device, source }: Mount): Promise<string> {
  return readlink(`/sys/dev/block/${device}`).then(
    (link) => path.basename(link),
    () => path.basename(source),
  )
}

/**
 * Tells of the mount points whose file system the kernel has just said to stop writing to, at once, where this user
 * may read the kernel log. It only says where to look; the verdict is the probes'. Returns the function that ends it.
 */
export function watchKernelLog(
  changed: (points: string[]) => void,
  read: () => AsyncIterable<string> = readKernelLog,
  pointsOf: (device: string) => Promise<string[]> = pointsOfDevice,
): () => void {
  let isOver = false
  let devices = new Set<string>()
  const tell = async () => {
    const named = [...devices]
    devices = new Set()
    const points = (await Promise.all(named.map(pointsOf))).flat()
    if (points.length > 0 && !isOver) changed(points)
  }
  const follow = async () => {
    for await (const record of read()) {
      if (isOver) return
      const device = troubledDevice(record)
      if (device === null) continue
      if (devices.size === 0) setTimeout(() => tell().catch(() => undefined), GATHER_MS)
      devices.add(device)
    }
  }
  // No kernel log, or not for this user: the mount table and the checks tell without it.
  follow().catch(() => undefined)
  return () => {
    isOver = true
  }
}
