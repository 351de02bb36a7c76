import { readdir, readFile, realpath } from 'node:fs/promises'
import path from 'node:path'
import { ignoreError } from '../../dropped-errors.ts'
import { findMount, type Mount, parseHost } from '../../platform/mounts.ts'
import type { MountIdentity } from '../mount-identity.ts'
import type { DeviceNames } from './evidence-messages.ts'

/** Limit of the devices below one file system: an array or a volume group may have hundreds. */
const MOST_DEVICES = 64
const GONE = 'the system has no such device any more, or never had'

/**
 * Returns the names by which the kernel calls a file system and all devices and links below it. Reads sysfs only, which
 * answers from the kernel's memory (sysfs(5)).
 * @param mounts of the computer, for the file system of a loop device's file
 * @param root directory that stands for /, with sys/ in it
 */
export async function findDeviceNames(
  mount: MountIdentity,
  mounts: readonly Mount[] = [],
  root = '/',
): Promise<DeviceNames> {
  const names = new Set<string>()
  const { type, source } = mount
  const host = parseHost(source)
  // The kernel names a pool of ZFS, and each device of a pool of btrfs.
  if (type === 'zfs') names.add(source.split('/')[0] ?? source)
  const queue = [
    await findBlockDevice(mount, root),
    ...(type === 'btrfs' ? await findMembers(mount, root) : []),
  ]
  const seen = new Set<string>()
  for (let device = queue.shift(); device !== undefined; device = queue.shift()) {
    if (device === null || seen.has(device) || seen.size >= MOST_DEVICES) continue
    seen.add(device)
    for (const name of await namesOf(device)) names.add(name)
    const below = await readdir(path.join(device, 'slaves')).catch(ignoreError(GONE, []))
    // The paths of an NVMe device, Documentation/admin-guide/nvme-multipath.rst.
    for (const name of await readdir(path.join(device, 'multipath')).catch(ignoreError(GONE, [])))
      names.add(name)
    for (const name of below) queue.push(await resolveLink(path.join(device, 'slaves', name)))
    const file = (await readText(path.join(device, 'loop/backing_file')))?.replace(/ \(deleted\)$/, '')
    const under = file === undefined ? null : findMount(mounts, file)
    if (under !== null && under.device !== mount.device) queue.push(await findBlockDevice(under, root))
  }
  return { type, names, server: host }
}

/** Returns the directory in sysfs of a file system's device; null: it has none. */
async function findBlockDevice(
  { device, source }: Pick<Mount, 'device' | 'source'>,
  root: string,
): Promise<string | null> {
  const byNumber = await resolveLink(path.join(root, 'sys/dev/block', device))
  // btrfs and overlays have a number of their own; their source may name a device.
  return (
    byNumber ??
    (source.startsWith('/dev/')
      ? resolveLink(path.join(root, 'sys/class/block', path.basename(source)))
      : null)
  )
}

/** Returns the devices of the pool that a device belongs to, fs/btrfs/sysfs.c. */
async function findMembers(mount: MountIdentity, root: string): Promise<(string | null)[]> {
  const own = path.basename((await findBlockDevice(mount, root)) ?? '')
  const list = (place: string) => readdir(place).catch(ignoreError<string[]>(GONE, []))
  const pools = path.join(root, 'sys/fs/btrfs')
  for (const pool of await list(pools)) {
    const members = await list(path.join(pools, pool, 'devices'))
    if (members.includes(own))
      return Promise.all(members.map((name) => resolveLink(path.join(pools, pool, 'devices', name))))
  }
  return []
}

const resolveLink = (name: string): Promise<string | null> => realpath(name).catch(ignoreError(GONE, null))

const readText = async (name: string): Promise<string | undefined> =>
  (await readFile(name, 'utf8').catch(ignoreError(GONE)))?.trim()

/** Returns the names of a device, of the disk that it is a part of, and of the links and controllers that lead to it. */
async function namesOf(device: string): Promise<string[]> {
  const own = [
    path.basename(device),
    (await readText(path.join(device, 'dev'))) ?? '',
    (await readText(path.join(device, 'dm/name'))) ?? '',
  ]
  const isPart = (await readText(path.join(device, 'partition'))) !== undefined
  const whole = isPart
    ? [path.basename(path.dirname(device)), (await readText(path.join(path.dirname(device), 'dev'))) ?? '']
    : []
  return [...own, ...whole, ...device.split('/').flatMap(linkNames)].filter((name) => name !== '')
}

/** Names of links and controllers in a device's directory in sysfs. */
const PCI = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]$/
const LINK =
  /^(?:ata\d+|host\d+|session\d+|nvme\d+|mmc\d+|mmcblk\d+|virtio\d+|rport-\d+:\d+-\d+|\d+:\d+:\d+:\d+|\d+-\d+(?:\.\d+)*)$/

function linkNames(part: string): string[] {
  // Other devices have the address of their common controller in their lines.
  if (PCI.test(part)) return [`pci ${part}`]
  if (!LINK.test(part)) return []
  // The kernel's messages have "usb" before the port, and a connection for each session of iSCSI.
  if (/^\d+-/.test(part)) return [`usb ${part}`]
  const [, session] = /^session(\d+)$/.exec(part) ?? []
  return session === undefined ? [part] : [part, `connection${session}:0`]
}
