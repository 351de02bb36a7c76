import { mkdirSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { findDeviceNames } from '../../../../core/check/evidence/device-names.ts'
import { makeSystem } from '../../../support/check/sysfs.ts'

const SATA = 'pci0000:00/0000:00:1f.2/ata3/host2/target2:0:0/2:0:0:0/block/sdb'
const USB = 'pci0000:00/0000:00:14.0/usb1/1-2/1-2.4/1-2.4:1.0/host6/target6:0:0/6:0:0:0/block/sdc'
const ISCSI = 'platform/host3/session2/target3:0:0/3:0:0:1/block/sdd'
const system = () =>
  makeSystem({
    [SATA]: { dev: '8:16' },
    [`${SATA}/sdb1`]: { dev: '8:17', partition: '1' },
    [USB]: { dev: '8:32' },
    [ISCSI]: { dev: '8:48' },
    'virtual/block/dm-0': { dev: '253:0', 'dm/name': 'vg-pool', 'slaves/sdb1': `${SATA}/sdb1` },
    'virtual/block/dm-1': { dev: '253:1', 'dm/name': 'vg-data', 'slaves/dm-0': 'virtual/block/dm-0' },
    'virtual/block/md0': { dev: '9:0', 'slaves/sdc': USB, 'slaves/sdd': ISCSI },
    'pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1': { dev: '259:0', 'multipath/nvme0c0n1': '' },
    'platform/mmc_host/mmc0/mmc0:0001/block/mmcblk0': { dev: '179:0' },
    'pci0000:00/0000:00:02.0/virtio1/block/vda': { dev: '254:0' },
    'virtual/block/loop0': { dev: '7:0', 'loop/backing_file': '/images/one.img (deleted)' },
  })

const mount = (device: string, source: string, type = 'ext4') => ({ point: '/data', device, type, source })

test.each([
  ['a partition', '8:17', '/dev/sdb1', ['sdb1', '8:17', 'sdb', '8:16', 'ata3', 'host2', '2:0:0:0']],
  [
    'a disk behind a hub',
    '8:32',
    '/dev/sdc',
    ['sdc', '8:32', 'usb 1-2', 'usb 1-2.4', 'host6', '6:0:0:0', 'pci 0000:00:14.0'],
  ],
  ['a disk of iSCSI', '8:48', '/dev/sdd', ['sdd', 'session2', 'connection2:0', 'host3', '3:0:0:1']],
  [
    'a thin volume',
    '253:1',
    '/dev/mapper/vg-data',
    ['dm-1', 'vg-data', '253:1', 'vg-pool', 'dm-0', '253:0', 'sdb1', 'sdb', 'ata3'],
  ],
  ['an array', '9:0', '/dev/md0', ['md0', '9:0', 'sdc', 'usb 1-2.4', 'sdd', 'session2']],
  ['an NVMe device', '259:0', '/dev/nvme0n1', ['nvme0n1', 'nvme0', 'nvme0c0n1', '259:0']],
  ['a card', '179:0', '/dev/mmcblk0', ['mmcblk0', 'mmc0', '179:0']],
  ['a virtual disk', '254:0', '/dev/vda', ['vda', 'virtio1', '254:0']],
] as const)(
  'device names: %s has its own first, and those of all that is below it',
  async (_, device, source, names) => {
    const found = await findDeviceNames(mount(device, source), [], system())
    expect([...found.names]).toEqual(expect.arrayContaining([...names]))
    expect([...found.names][0]).toBe(names[0])
    expect(found.server).toBeNull()
  },
)

test('device names: a disk has none of another disk', async () => {
  const { names } = await findDeviceNames(mount('8:17', '/dev/sdb1'), [], system())
  expect([...names].filter((name) => /sdc|sdd|usb|session|dm-|md0/.test(name))).toEqual([])
})

test('device names: a loop device has those of the disk with its file', async () => {
  const images = {
    ...{ id: 1, device: '8:17', point: '/images', options: [], type: 'ext4', source: '/dev/sdb1' },
    superOptions: [],
  }
  const { names } = await findDeviceNames(mount('7:0', '/dev/loop0'), [images], system())
  expect([...names]).toEqual(expect.arrayContaining(['loop0', '7:0', 'sdb1', 'ata3']))
})

test('device names: a pool has its own name, or those of all its members', async () => {
  expect([...(await findDeviceNames(mount('0:40', 'tank/data', 'zfs'), [], system())).names]).toEqual([
    'tank',
  ])
  const root = system()
  for (const [name, place] of Object.entries({ sdb1: `${SATA}/sdb1`, sdc: USB })) {
    const members = path.join(root, 'sys/fs/btrfs/7c2f/devices')
    mkdirSync(members, { recursive: true })
    symlinkSync(path.join(root, 'sys/devices', place), path.join(members, name))
  }
  const { names } = await findDeviceNames(mount('0:41', '/dev/sdb1', 'btrfs'), [], root)
  expect([...names]).toEqual(expect.arrayContaining(['sdb1', 'ata3', 'sdc', 'usb 1-2.4']))
})

test.each([
  ['nas-1:/export', 'nfs4', 'nas-1'],
  ['//nas-2/share', 'cifs', 'nas-2'],
  ['tmpfs', 'tmpfs', null],
] as const)(
  'device names: the share or file system %s has the server %s of type',
  async (source, type, server) => {
    expect(await findDeviceNames(mount('0:42', source, type), [], system())).toEqual({
      type,
      names: new Set(),
      server,
    })
  },
)
