import { describe, expect, test } from 'vitest'
import { chooseLines, findCause, findInodes, rules } from '../../../../core/check/evidence/causes.ts'
import type { DeviceNames, KernelLine } from '../../../../core/check/evidence/evidence-messages.ts'
import { KernelLog } from '../../../../core/check/evidence/kernel-log.ts'
import { english, textsOf } from '../../../../core/lib/i18n/dictionaries.ts'
import { createWords } from '../../../../core/lib/i18n/words.ts'
import { logNames, openKernelPipe, readLog } from '../../../support/check/kernel-logs.ts'

const words = { en: createWords('en'), 'zh-TW': createWords('zh-TW') }

function device(type: string, names: readonly string[], server: string | null = null): DeviceNames {
  return { type, names: new Set(names), server }
}

const disk = device('ext4', [
  'sdb1',
  'sdb',
  '8:17',
  '8:16',
  'ata3',
  'host2',
  '2:0:0:0',
  'session2',
  'connection2:0',
])
const nvme = device('ext4', ['nvme0n1p2', 'nvme0n1', 'nvme0', '259:2', 'pci 0000:00:1d.0'])
const volume = device('xfs', ['dm-3', '253:3', 'vg-data', '253:2', 'sdb', '8:16', '2:0:0:0', 'host2'])
const multipath = device('xfs', ['dm-3', '253:3', 'sdb', '8:16', 'host2', 'sdd', '8:48', 'host3'])
const array = device('btrfs', ['md0', '9:0'])
const stick = device('vfat', [
  ...['sdc1', 'sdc', '8:33', '8:32', 'host6', '6:0:0:0', 'usb 1-2', 'pci 0000:00:14.0'],
])
const card = device('f2fs', ['mmcblk0p2', 'mmcblk0', 'mmc0', '179:2'])
const loop = device('ext4', ['loop1', '7:1'])
const nfs = device('nfs4', [], 'nas-1')
const smb = device('cifs', [], 'NAS-1')
const fuse = device('fuse.sshfs', [])
const store = device('fuse.rclone', [])
const virtual = device('ext4', ['vda1', 'vda', '254:1'])
const networkDisk = device('ext4', ['nbd0', '43:0'])
const ceph = device('ceph', [], '192.0.2.45')
const replica = device('ext4', ['drbd1', '147:1'])
const blockImage = device('ext4', ['rbd0', '252:0'])
const lustre = device('lustre', [], '192.0.2.43@tcp')
const pool = device('zfs', ['tank'])
const windows = device('ntfs3', ['sdc1', 'sdc'])
const allDevices = {
  disk,
  nvme,
  volume,
  array,
  stick,
  card,
  multipath,

  nfs,
  smb,
  fuse,
  zero: device('ext4', ['loop0', '7:0']),
}

const stopped = (type: string) => `Then ${type} stopped writing to protect the data.`

/** For each log: the file system that fails, and the sentences about it. */
const faults: Record<string, readonly [DeviceNames, ...string[]]> = {
  'array-failed': [array, 'Too many disks of the array md0 have failed.', stopped('btrfs')],
  'array-lost-a-disk': [array, 'The array md0 lost a disk (sdd1).'],
  'array-raid5-lost-a-disk': [array, 'The array md0 lost a disk (sdc1).'],
  'array-unreadable': [array, 'No disk of the array md0 could be read at block 92537216.'],
  'ata-bus-errors': [
    disk,
    'The link to the disk was reset 2 times in 2 sec (ATA port ata3: check the cable and the power).',
  ],
  'ata-link-down': [
    disk,
    'The disk did not come back after resets of its link and was given up (ATA port ata3: check the cable, the power and the disk).',
    stopped('ext4'),
  ],
  'ata-reset-after-medium-error': [
    disk,
    'The disk could not read a sector (ATA port ata3: the disk may be failing).',
  ],
  'ata-resets': [
    disk,
    'The link to the disk was reset 4 times in 38 sec (ATA port ata3: check the cable and the power).',
    stopped('ext4'),
  ],
  'ata-unreadable-sector': [
    disk,
    'The disk reported a medium error at sector 823009696 (sdb: the disk may be failing).',
  ],
  'btrfs-checksums': [
    array,
    'btrfs read data of inode 257 from md0 that does not match its checksum (the disk may be failing).',
  ],
  'btrfs-metadata': [array, 'btrfs found damaged metadata on md0 (the disk may be failing).'],
  'btrfs-no-space': [
    array,
    'btrfs failed on md0 (function __btrfs_free_extent: No space left).',
    stopped('btrfs'),
  ],
  'ceph-monitor-lost': [
    ceph,
    'The connection to a monitor of the Ceph cluster was lost (192.0.2.45:6789: check the monitors and the network).',
  ],
  'disk-hardware-error': [
    disk,
    'The disk reported a hardware error (sdb: the disk may be failing).',
    stopped('ext4'),
  ],
  'disk-write-fault': [
    disk,
    'The disk reported an error (sdb, Peripheral device write fault: the disk may be failing).',
  ],
  'disk-write-protected': [
    stick,
    'The disk reports that it is write-protected (sdc: check its switch; worn flash memory also does this).',
    stopped('vfat'),
  ],
  'drbd-lost': [
    replica,
    'Neither this computer’s disk nor the other computer’s could be reached for drbd1 (DRBD, at sector 4456448).',
  ],
  'ext4-directory-full': [
    disk,
    'A folder on sdb1 cannot take more names (inode 89391105: use several folders, or let an administrator enable large_dir with tune2fs).',
  ],
  'lustre-connection-lost': [
    lustre,
    'The connection to the Lustre service data-OST0001 was lost (192.0.2.43@tcp: check the server and the network).',
  ],
  'rbd-watch-lost': [
    blockImage,
    'The connection to the Ceph cluster was lost (rbd0: check the cluster and the network).',
  ],
  'stripe-failed': [array, 'Too many disks of the array md0 have failed.'],
  'emergency-remount': [
    disk,
    'A SysRq command remounted all file systems read-only, and no error came before it.',
  ],
  'ext4-allocation': [disk, 'ext4 found no place on sdb1 for data of inode 12, and the data may be lost.'],
  'ext4-kernel-bug': [
    disk,
    'The kernel failed in its code for ext4 (fs/ext4/inode.c:2721: restart the computer and update the kernel).',
  ],
  'ext4-out-of-memory': [
    disk,
    'ext4 failed on sdb1 (function ext4_free_blocks: Out of memory).',
    stopped('ext4'),
  ],
  'f2fs-stopped': [card, 'F2FS stopped writing to mmcblk0p2 after an error.'],
  'fat-damaged': [
    stick,
    'The file system on sdc1 is damaged (fat_free_clusters: deleting FAT entry beyond EOF).',
    stopped('vfat'),
  ],
  'fc-path-lost': [
    volume,
    'A port of the storage network did not come back in time (Fibre Channel, host2: check the cable, the switch and the storage).',
    stopped('xfs'),
  ],
  'fuse-crashed': [fuse, 'The program sshfs, which serves such file systems, crashed.'],
  'fuse-out-of-memory': [
    fuse,
    'The computer or its group of processes was out of memory, and the kernel ended sshfs, which serves such file systems.',
  ],
  'fuse-out-of-memory-4.19': [
    fuse,
    'The computer or its group of processes was out of memory, and the kernel ended sshfs, which serves such file systems.',
  ],
  'fuse-out-of-memory-in-container': [
    store,
    'The computer or its group of processes was out of memory, and the kernel ended rclone, which serves such file systems.',
  ],
  'integrity-checksum': [
    volume,
    'The content of dm-3 does not match its checksum (the disk below it may be failing).',
  ],
  'iscsi-connection-closed': [
    disk,
    'The storage server did not answer for 5 s (iSCSI session2: check the server and the network).',
    stopped('ext4'),
  ],
  'iscsi-timeout': [
    disk,
    'The storage server did not answer for 120 s (iSCSI session2: check the server and the network).',
    stopped('ext4'),
  ],
  'medium-error-4.19': [
    disk,
    'The disk reported a medium error at sector 2064 (sdb: the disk may be failing).',
    stopped('ext4'),
  ],
  'memory-card-removed': [card, 'The memory card was removed (slot mmc0).'],
  'memory-card-timeout': [
    card,
    'The memory card did not answer in time (slot mmc0: check the card and its contacts).',
  ],
  'multipath-4.19': [
    volume,
    'A path to the storage failed (multipath, 8:16: check the cable, the switch and the storage).',
  ],
  'multipath-all-paths': [
    multipath,
    '2 paths to the storage failed in 2 sec (multipath, the first 8:16: check the cable, the switch and the storage).',
    stopped('xfs'),
  ],
  'multipath-link-down': [
    multipath,
    'The link to the storage network went down (Fibre Channel, host2: check the cable and the switch).',
  ],
  'nbd-timeout': [
    networkDisk,
    'The connection to the storage server failed (NBD nbd0: check the server and the network).',
  ],
  'nfs-lock-server-silent': [
    nfs,
    'The file server nas-1 did not respond (NFS: check the server and the network).',
  ],
  'nfs-server-silent': [
    nfs,
    'The file server nas-1 did not respond (NFS: check the server and the network).',
  ],
  'nfs-server-timed-out': [
    nfs,
    'The file server nas-1 did not respond (NFS: check the server and the network).',
  ],
  'nfs-state': [
    nfs,
    'The file server nas-1 rejected the session of this computer (NFS, error 13: check the server).',
  ],
  'ntfs-damaged': [windows, 'NTFS found errors on sdc1 (check it with chkdsk under Windows).'],
  'nvme-controller-down': [
    nvme,
    'The controller of the NVMe disk went down (nvme0, state 0xffffffff: check the disk, its power saving and its slot).',
  ],
  'nvme-gone': [
    nvme,
    'The NVMe disk did not come back after a reset and was given up (nvme0: check the disk and its slot).',
    stopped('ext4'),
  ],
  'nvme-lost-from-bus': [
    nvme,
    'The NVMe disk did not come back after a reset and was given up (nvme0: check the disk and its slot).',
    stopped('ext4'),
  ],
  'nvme-medium-error': [
    nvme,
    'The disk reported a medium error at sector 131209936 (nvme0n1: the disk may be failing).',
  ],
  'nvme-pulled-out': [
    nvme,
    'The disk or its controller left the computer’s bus (PCI slot 0000:00:1d.0: check its seat, its cable and its power).',
  ],
  'nvme-server-lost': [
    nvme,
    'The connection to the storage server was lost (NVMe nvme0: check the server and the network).',
  ],
  'nvme-timeout-6.8': [
    nvme,
    'The NVMe disk did not complete a request in time (nvme0: check the disk or the storage behind it).',
  ],
  'nvme-timeouts': [
    nvme,
    'The NVMe disk did not complete 3 requests in time (nvme0, within 29 sec: check the disk or the storage behind it).',
  ],
  'read-only-device': [disk, 'The device sdb1 is read-only, but its file system tried to write.'],
  'recorded-ext4-abort': [
    loop,
    'A mount command with the option “abort” stopped the file system on loop1, and no error came before it.',
  ],
  'recorded-ext4-backing-full': [
    loop,
    'The storage below loop1 has no space left (failed at sector 118786).',
    stopped('ext4'),
  ],
  'recorded-ext4-directory': [
    loop,
    'ext4 found an error at inode 12 of loop1 (function ext4_readdir: the file system may be damaged).',
    stopped('ext4'),
  ],
  'recorded-ext4-remount': [
    loop,
    'The file system was remounted read-only by a command, and no error came before it.',
  ],
  'recorded-ext4-shutdown': [
    loop,
    'A program shut down the file system on loop1, and no error came before it.',
  ],
  'recorded-ext4-triggered': [
    loop,
    'ext4 found an error on loop1 (function trigger_test_error: the file system may be damaged).',
    stopped('ext4'),
  ],
  'recorded-ext4-truncated': [
    loop,
    'The file behind loop1 could not be read or written (at sector 8742).',
    stopped('ext4'),
  ],
  'recorded-xfs-directory': [loop, 'XFS found damaged metadata on loop1 (unmount it and run xfs_repair).'],
  'recorded-xfs-shrunk': [
    loop,
    'A request went beyond the end of loop1, which is smaller than its file system expects.',
  ],
  'recorded-xfs-shutdown': [
    loop,
    'A program shut down the file system on loop1, and no error came before it.',
  ],
  'remount-after-error': [
    disk,
    'ext4 found an error at inode 131073 of sdb1 (function ext4_lookup: the file system may be damaged).',
  ],
  'remount-by-command-5.19': [
    disk,
    'The file system was remounted read-only by a command, and no error came before it.',
  ],
  reservation: [disk, 'Another computer has reserved the disk (sdb: check which computers use it).'],
  'smb-server-silent': [
    smb,
    'The file server nas-1 did not respond for 180 s (SMB: check the server and the network).',
  ],
  'smb-server-silent-4.19': [
    smb,
    'The file server nas-1 did not respond for 120 s (SMB: check the server and the network).',
  ],
  'thin-pool-failed': [
    volume,
    'The thin pool below the file system failed (253:2: check the disk with its metadata).',
  ],
  'thin-pool-full-queueing': [
    volume,
    'The thin pool below the file system is full (253:2: enlarge the pool).',
  ],
  'thin-pool-metadata-full': [
    volume,
    'The thin pool below the file system has no space left for its metadata (253:2: enlarge the pool’s metadata volume).',
  ],
  'thin-pool-full': [volume, 'The thin pool below the file system is full (253:2: enlarge the pool).'],
  'thread-blocked': [
    disk,
    'The kernel’s thread jbd2/sdb1-8 has been waiting for more than 120 s (the disk or server does not answer).',
  ],
  'usb-controller-died': [
    stick,
    'The USB controller of the computer stopped working, and all of its disks went (0000:00:14.0: restart the computer).',
  ],
  'usb-disconnect': [
    stick,
    'The USB disk was disconnected (usb 1-2: check the plug, the cable and the power).',
  ],
  'usb-not-answering': [
    stick,
    'The USB disk did not answer after a reset (usb 1-2: check the cable, the power and the enclosure).',
  ],
  'usb-resets': [
    stick,
    'The USB disk was reset 3 times in 1 min 1 sec (usb 1-2: check the cable, the power and the enclosure).',
  ],
  'virtio-blk-error': [
    virtual,
    'A request to vda failed at sector 263176 (input/output error).',
    stopped('ext4'),
  ],
  'virtio-scsi-hang': [
    disk,
    'The disk did not complete 3 requests in time, and they were aborted (sdb, within 1 min: check the storage host or the controller).',
  ],
  'vmware-task-abort': [
    disk,
    'The disk did not complete a request in time, and it was aborted (sdb: check the storage host or the controller).',
  ],
  'xfs-down-4.19': [volume, 'XFS shut down the file system on dm-3.'],
  'xfs-memory-corruption': [volume, 'XFS shut down the file system on dm-3 (Corruption of in-memory data).'],
  'zfs-suspended': [pool, 'ZFS suspended the pool tank after input/output errors (check its disks).'],
}

/** Returns the sentences for a log, of a failure at its last line. */
function sentences(
  lines: readonly KernelLine[],
  of: DeviceNames,
  failedAt = lines.at(-1)?.at ?? 0,
): string[] {
  return findCause(lines, of, failedAt).map(words.en)
}

function texts(of: DeviceNames, ...lines: string[]): string[] {
  return chooseLines(
    lines.map((text, index) => ({ at: index, level: 3, text })),
    of,
  ).map(({ text }) => text)
}

describe('cause of a failure', () => {
  test('faults: each log has its sentences', () =>
    expect(logNames('faults').sort()).toEqual(Object.keys(faults).sort()))

  test.each(Object.entries(faults))('%s', (name, [of, ...expected]) => {
    expect(sentences(readLog(`faults/${name}`), of)).toEqual(expected)
  })

  test.each(logNames('others'))('%s gives none', (name) => {
    const lines = readLog(`others/${name}`)
    expect(lines.length).toBeGreaterThan(0)
    for (const [of, tested] of Object.entries(allDevices)) {
      expect({ of, cause: sentences(lines, tested) }).toEqual({ of, cause: [] })
    }
  })

  test('other lines before and after: the sentences stay', () => {
    const noise = logNames('others').map((name) => readLog(`others/${name}`))
    for (const [name, [of, ...expected]] of Object.entries(faults)) {
      const lines = readLog(`faults/${name}`)
      const [first, last] = [lines[0]?.at ?? 0, lines.at(-1)?.at ?? 0]
      const around = noise.filter((log) => chooseLines(log, of).length === 0)
      const before = around.flatMap((log) => log.map((line) => ({ ...line, at: first - 5_000 })))
      const after = around.flatMap((log) => log.map((line) => ({ ...line, at: last })))
      expect({ name, cause: sentences([...before, ...lines, ...after], of, last) }).toEqual({
        name,
        cause: expected,
      })
    }
  })

  test('replayed through a pipe in place of /dev/kmsg: each fault has the same causes, and no other log has one', async () => {
    /** Replays a log between the two readings that the recorder has around a failure. */
    const replay = (name: string): KernelLine[] => {
      const pipe = openKernelPipe()
      const log = new KernelLog(pipe.file)
      log.read()
      pipe.report(readLog(name))
      log.read()
      log.close()
      pipe.close()
      return log.since(0)
    }
    const keysOf = (lines: readonly KernelLine[], of: DeviceNames, failedAt: number) =>
      findCause(chooseLines(lines, of), of, failedAt).map(({ key }) => key)
    for (const [name, [of]] of Object.entries(faults)) {
      const file = `faults/${name}`
      const cause = keysOf(replay(file), of, Date.now())
      expect({ name, cause }).toEqual({ name, cause: keysOf(readLog(file), of, 1e12) })
    }
    for (const name of logNames('others')) {
      const lines = replay(`others/${name}`)
      expect(lines.length).toBeGreaterThan(0)
      for (const of of Object.values(allDevices))
        expect({ name, cause: keysOf(lines, of, Date.now()) }).toEqual({ name, cause: [] })
    }
  })

  test('a device with other names: random lines of all logs give none', () => {
    const seed = Number(process.env.SEED ?? Date.now() % 1e9)
    let state = seed
    const random = (below: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31
      return state % below
    }
    const all = (['faults', 'others'] as const).flatMap((part) =>
      logNames(part).flatMap((name) => readLog(`${part}/${name}`)),
    )
    // The loss of a cluster concerns every Ceph device, whatever its number.
    const owners = [...Object.values(faults).map(([of]) => of), ...Object.values(allDevices)].filter(
      ({ names }) => ![...names].some((name) => name.startsWith('rbd')),
    )
    for (let round = 0; round < 60; round += 1) {
      // Names that contain names in the logs, and a type without messages.
      const { names: own, server } = owners[random(owners.length)] ?? disk
      const change = [
        (name: string) => `${name}99`,
        (name: string) => `x${name}`,
        (name: string) => `9${name}`,
      ][random(3)]
      const of = device(
        'erofs',
        [...own].map((name) => change?.(name) ?? name),
        server === null ? null : `x${server}`,
      )
      const lines = Array.from({ length: 40 }, () => all[random(all.length)]).filter(
        (line) => line !== undefined,
      )
      const sorted = lines.toSorted((a, b) => a.at - b.at)
      expect({ seed, of, cause: sentences(sorted, of) }).toEqual({ seed, of, cause: [] })
      expect(chooseLines(sorted, of).filter(({ text }) => !/^\s/.test(text))).toEqual([])
    }
  })

  test('a failure before the lines: only messages that the kernel prints after a wait count', () => {
    const resets = readLog('faults/ata-resets')
    expect(sentences(resets, disk, (resets[0]?.at ?? 0) - 30_000)).toEqual([
      'The link to the disk was reset 4 times in 38 sec (ATA port ata3: check the cable and the power).',
    ])
    const unplugged = readLog('faults/usb-disconnect').slice(0, 1)
    expect(sentences(unplugged, stick, (unplugged[0]?.at ?? 0) - 30_000)).toEqual([])
    const remounted = readLog('faults/recorded-ext4-remount')
    expect(sentences(remounted, loop, (remounted[0]?.at ?? 0) - 30_000)).toEqual([])
  })

  test('a remount without its state (before Linux 5.19): a cause only if the mount has become read-only', () => {
    for (const text of [
      're-mounted. Opts: errors=remount-ro',
      're-mounted. Opts: (null)',
      're-mounted. Quota mode: none.',
    ]) {
      const lines = [{ at: 1_000, level: 6, text: `EXT4-fs (sdb1): ${text}` }]
      expect(findCause(lines, disk, 2_000)).toEqual([])
      expect(findCause(lines, disk, 2_000, true).map(words.en)).toEqual([
        'A command remounted the file system read-only, and no error came before it.',
      ])
    }
  })

  test('a disk that fails after a remount by a person: the disk is the cause', () => {
    const remount = {
      at: 1_000,
      level: 6,
      text: 'EXT4-fs (sdb1): re-mounted 3f6d53e4-d08e-42cb-9e91-7571ff3536f7 ro.',
    }
    const reset = { at: 2_000, level: 3, text: 'ata3: hard resetting link' }
    expect(sentences([remount, reset], disk)).toEqual([
      'The link to the disk was reset (ATA port ata3: check the cable and the power).',
    ])
  })

  test('an error, then a command that makes the file system read-only: the command, and the error before it', () => {
    const error = { at: 1_000, level: 3, text: 'I/O error, dev sdb, sector 2048 op 0x0:(READ) flags 0x0' }
    const remount = { at: 31_000, level: 6, text: `EXT4-fs (sdb1): re-mounted ${'0-'.repeat(18)} ro.` }
    const given = (...lines: KernelLine[]) => findCause(lines, disk, 32_000, true).map(({ key }) => key)
    expect(given(error, remount)).toEqual(['cause.madeReadOnlyAfterError', 'cause.ioError'])
    expect(given(remount, { ...error, at: 31_500 })).toEqual(['cause.remountedReadOnly'])
    // A file system that stops by itself needs no command for it.
    const stops = { at: 2_000, level: 2, text: 'EXT4-fs (sdb1): Remounting filesystem read-only' }
    expect(given(error, stops, remount)).toEqual(['cause.ioError', 'cause.stoppedWriting'])
    // A message of an older kernel may be of a remount that left the mount writable.
    const changed = { at: 500, level: 6, text: 'EXT4-fs (sdb1): re-mounted. Opts: errors=remount-ro' }
    expect(given(changed, error, stops)).toEqual(['cause.ioError', 'cause.stoppedWriting'])
  })

  test('a path that fails twice is one path', () => {
    const text = 'device-mapper: multipath: 253:3: Failing path 8:16.'
    expect(
      sentences(
        [1_000, 2_000].map((at) => ({ at, level: 4, text })),
        multipath,
      ),
    ).toEqual([
      'A path to the storage failed (multipath, 8:16: check the cable, the switch and the storage).',
    ])
  })

  test('no lines: no cause', () => expect(findCause([], disk, 0)).toEqual([]))
})

describe('lines of a file system', () => {
  test.each([
    ['sdb1', 'EXT4-fs error (device sdb1): x', true],
    ['sdb', 'sd 2:0:0:0: [sdb] tag#1 x', true],
    ['sdb1', 'EXT4-fs error (device sdb2): x', false],
    ['sdb', 'EXT4-fs error (device sdb1): x', false],
    ['sdb1', 'Aborting journal on device sdb1-8.', true],
    ['dm-1', 'Buffer I/O error on dev dm-10, logical block 1', false],
    ['dm-1', 'Aborting journal on device dm-1-8.', true],
    ['ata3', 'ata3.00: exception Emask 0x0', true],
    ['ata3', 'ata3: hard resetting link', true],
    ['ata3', 'ata31: hard resetting link', false],
    ['8:17', 'device-mapper: multipath: Failing path 8:17.', true],
    ['253:3', 'device-mapper: thin: 253:3: no free data space available.', true],
    ['8:17', 'rtc_cmos: setting system clock to 2026-11-28 8:17:16', false],
    ['8:17', 'the time is 8:17 now', false],
    ['8:17', 'pci 0000:08:17.0: x', false],
    ['2:0:0:0', 'sd 2:0:0:0: x', true],
    ['2:0:0:0', 'sd 12:0:0:0: x', false],
    ['usb 1-2', 'usb 1-2: USB disconnect, device number 3', true],
    ['usb 1-2', 'usb 1-2.4: USB disconnect, device number 3', false],
    ['md0', 'INFO: task md0_raid1:412 blocked for more than 120 seconds.', true],
    ['vg-data', 'vg-data: x', true],
    ['vg-data', 'vg-data--old: x', false],
    ['host2', ' rport-2:0-1: blocked FC remote port time out: removing rport', true],
    ['sdb1', 'audit: type=1309 argc=2 a0="mount" a1="/dev/sdb1"', false],
    ['sdb1', 'Command line: root=/dev/sdb1 rd.password=secret', false],
    ['sdb1', 'Kernel command line: root=/dev/sdb1 rd.password=secret', false],
    ['sdb1', 'Unknown kernel command line parameters "a=/dev/sdb1", will be passed to user space.', false],
  ])('%s and "%s": %s', (name, text, isChosen) => {
    expect(texts(device('ext4', [name]), text)).toEqual(isChosen ? [text] : [])
  })

  test('the report of a blocked thread is chosen with its stack, and no further line', () => {
    const lines = readLog('faults/thread-blocked')
    const other = {
      at: (lines.at(-1)?.at ?? 0) + 1,
      level: 6,
      text: 'docker0: port 2(veth12ab) entered disabled state',
    }
    expect(chooseLines([...lines, other], disk)).toEqual(lines)
  })

  test('another device without a driver does not follow', () => {
    const own = ' session2: session recovery timed out after 120 secs'
    expect(texts(disk, own, ' session22: session recovery timed out after 120 secs')).toEqual([own])
  })

  test('an empty name or server names nothing', () => {
    expect(texts(device('nfs4', [''], ''), 'nfs: server nas-1 not responding, still trying')).toEqual([])
  })

  test('the server of a share is chosen as a whole name', () => {
    const [own, other] = ['CIFS: VFS: \\\\nas-1\\data: x', 'CIFS: VFS: \\\\nas-1.example.org\\data: x']
    expect(texts(smb, own, other)).toEqual([own])
  })
})

describe('rules of causes', () => {
  test.each(rules.map((rule) => [rule.id, rule] as const))('%s has a source and words', (id, rule) => {
    expect(rule.source).toMatch(/\.[ch]: \w|sense_codes\.h/)
    expect(rule.pattern.source).toMatch(/^\^/)
    for (const key of rule.counted ? [`cause.${id}`, `cause.${id}Repeated`] : [`cause.${id}`]) {
      expect(english()).toHaveProperty([key])
      expect(textsOf('zh-TW')).toHaveProperty([key])
    }
  })

  test('each rule finds a message of the logs', () => {
    const all = logNames('faults').flatMap((name) => readLog(`faults/${name}`))
    const unused = rules
      .filter(({ stateless }) => !stateless)
      .filter(({ pattern }) => !all.some(({ text }) => pattern.test(text)))
    expect(unused.map(({ id }) => id)).toEqual([])
  })

  test('each sentence has all its parameters', () => {
    const found = Object.entries(faults).flatMap(([name, [of]]) =>
      findCause(readLog(`faults/${name}`), of, 1e12),
    )
    for (const say of Object.values(words))
      for (const sentence of found) expect(say(sentence)).not.toMatch(/[{}]|undefined/)
  })
})

describe('inodes of a failure', () => {
  const inodes = (of: DeviceNames, ...lines: string[]) =>
    findInodes(
      lines.map((text, at) => ({ at, level: 3, text })),
      of,
    )

  test('ext4: each inode of its own device counts once, and an entry of a directory leads to its file', () => {
    const found = inodes(
      disk,
      'EXT4-fs error (device sdb1): ext4_lookup:1787: inode #12: comm ls: iget: checksum invalid',
      'EXT4-fs error (device sdb1): ext4_lookup:1787: inode #12: comm cat: iget: checksum invalid',
      'EXT4-fs error (device sdb1): ext4_lookup:1789: inode #2049: comm ls: deleted inode referenced: 13',
      'EXT4-fs warning (device sdb1): ext4_end_bio:343: I/O error 10 writing to inode 14 starting block 34304)',
      'EXT4-fs (sdb1): Delayed block allocation failed for inode 15 at logical offset 0 with max blocks 1 with error 28',
      'EXT4-fs error (device sdb1): ext4_validate_block_bitmap:421: comm ls: bg 0: bad block bitmap checksum',
      'EXT4-fs error (device sdb): ext4_lookup:1787: inode #16: comm ls: iget: checksum invalid',
      'EXT4-fs error (device sdb2): ext4_lookup:1787: inode #17: comm ls: iget: checksum invalid',
    )
    expect(found).toEqual(['12', '13', '14', '15'])
  })

  test('XFS: the number is hexadecimal; btrfs: a number stands for a file in each subvolume, and none counts', () => {
    const found = inodes(
      volume,
      'XFS (dm-3): Metadata corruption detected at xfs_dinode_verify.part.0+0x3d0/0x5a0 [xfs], inode 0x400079d77 dinode',
      'XFS (dm-3): Metadata corruption detected at xfs_agf_verify+0x70/0x120 [xfs], xfs_agf block 0x1',
    )
    expect(found).toEqual([String(0x400079d77)])
    const csum =
      'BTRFS warning (device md0): csum failed root 5 ino 257 off 0 csum 0x1 expected csum 0x2 mirror 1'
    expect(inodes(array, csum)).toEqual([])
  })
})
