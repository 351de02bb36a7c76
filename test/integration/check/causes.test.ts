import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Checked, MountIdentity, VerdictKind } from '../../../core/check/checker-messages.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { createWords } from '../../../core/lib/i18n/words.ts'
import { errorCode } from '../../../core/platform/system-error.ts'
import { allProbes, checkWith, FAULT_INTERVAL_MS } from '../../support/check/check-faults.ts'
import { type CheckerProcess, startCheckerProcess } from '../../support/check/client.ts'
import { logNames, openKernelPipe, readLog } from '../../support/check/kernel-logs.ts'
import { makeSystem } from '../../support/check/sysfs.ts'
import { mountFuse } from '../../support/faults/fuse.ts'
import {
  canMount,
  damage,
  failAtEnd,
  hasBtrfs,
  hasXfs,
  type Mounted,
  mountBtrfs,
  mountExt4,
  mountTmpfs,
  mountXfs,
  remount,
  triggerExt4Error,
} from '../../support/faults/mounts.ts'
import { until } from '../../support/until.ts'

const words = createWords('en')

/** Verdicts whose sentence is the reason itself: nothing is read about them. */
const REASONS = ['check.quota', 'check.noInodes']

/** Counts the faults with the right clause, and lists them all. */
const results: string[] = []
const counts = { right: 0, faults: 0, wrong: 0, others: 0 }

function count(name: string, clause: readonly Message[], expected: readonly string[]): void {
  const keys = clause.map(({ key }) => key)
  counts.faults += 1
  if (JSON.stringify(keys) === JSON.stringify(expected)) counts.right += 1
  results.push(`${name}: ${clause.map(words).join(' ')}`)
  expect(keys).toEqual(expected)
}

afterAll(() => {
  const { right, faults, wrong, others } = counts
  const summary = `right clauses: ${right} of ${faults} faults; wrong clauses: ${wrong} on ${others} other logs`
  process.stdout.write(`${[...results, summary].join('\n')}\n`)
})

const often = FAULT_INTERVAL_MS / 1_000
/** A check that is due in an hour comes only because of the kernel's line, or of a changed mount. */
const rarely = 3_600

/** Checks a path that works, makes it fail, and returns the sentences about the reason. */
async function failing(
  path: string,
  kind: VerdictKind,
  fault: () => unknown,
  intervalSeconds: number,
): Promise<Message[]> {
  const checker = await checkWith({ paths: allProbes(path) })
  const isSeen = (wanted: VerdictKind) => checker.reports('p0').find(({ overall }) => overall.kind === wanted)
  // On a busy computer the first check may be late.
  await until(`${path} to be ok`, () => isSeen('ok'))
  checker.configure({ intervalSeconds })
  await fault()
  const failed: Checked = await until(`${path} to be ${kind}`, () => isSeen(kind))
  if (REASONS.includes(failed.overall.sentence.key)) return [failed.overall.sentence]
  return (await checker.askEvidence(failed)).cause
}

/** A mounted file system, and the way to make it fail. */
interface Fault {
  kind: VerdictKind
  intervalSeconds: number
  make(): Promise<{ path: string; fault(): unknown }>
  clause: string[]
  /** False: this computer lacks the file system or its tools. */
  isPossible?: boolean
}

const STOPPED = 'cause.stoppedWriting'

/** A program cannot read the end of the disk for a moment; then a person remounts it. */
const remountAfterError = ({ point }: Mounted) => ({
  path: point,
  fault: async () => {
    await failAtEnd(point)
    await remount(point, 'ro')
  },
})

/** Faults that the kernel of this computer makes. */
const real: Record<string, Fault> = {
  'ext4 reports an error and stops writing': {
    kind: 'read-only',
    intervalSeconds: rarely,
    make: async () => {
      const { point } = await mountExt4(onTestFinished)
      return { path: point, fault: () => triggerExt4Error(point) }
    },
    clause: ['cause.ext4Error', STOPPED],
  },
  'ext4 is stopped by the mount option abort': {
    kind: 'read-only',
    intervalSeconds: rarely,
    make: async () => {
      const disk = await mountExt4(onTestFinished)
      return { path: disk.point, fault: () => disk.remountAbort() }
    },
    clause: ['cause.abortedByCommand'],
  },
  'ext4 has a damaged directory, which a program reads': {
    kind: 'read-only',
    intervalSeconds: rarely,
    make: async () => {
      const disk = await mountExt4(onTestFinished)
      const directory = path.join(disk.point, 'directory')
      const name = 'a-name-that-is-nowhere-else'
      mkdirSync(directory)
      writeFileSync(path.join(directory, name), '')
      await disk.unmount()
      expect(damage(path.join(path.dirname(disk.point), 'image'), Buffer.from(name))).toBeGreaterThan(0)
      await disk.mountAgain()
      return { path: disk.point, fault: () => expect(() => readdirSync(directory)).toThrow('scandir') }
    },
    clause: ['cause.ext4Inode', STOPPED],
  },
  'the file below ext4 has shrunk': {
    kind: 'io-error',
    intervalSeconds: often,
    make: async () => {
      const { point } = await mountExt4(onTestFinished)
      const file = path.join(point, 'file')
      writeFileSync(file, Buffer.alloc(8192, 'x'), { flush: true })
      return { path: file, fault: () => truncateSync(path.join(path.dirname(point), 'image'), 65_536) }
    },
    clause: ['cause.loopError'],
  },
  'the file system below ext4 is full': {
    kind: 'read-only',
    intervalSeconds: often,
    make: async () => {
      const below = await mountTmpfs(onTestFinished, { megabytes: 24 })
      const { point } = await mountExt4(onTestFinished, { imagePlace: below.point })
      const fault = () => {
        const fill = (name: string, size: number) =>
          writeFileSync(path.join(name, 'fill'), Buffer.alloc(size, 'x'))
        expect(() => fill(below.point, 2 ** 25)).toThrow('ENOSPC')
        try {
          fill(point, 2 ** 24)
        } catch (error) {
          // The probe wrote first: ext4 has stopped already.
          expect(errorCode(error)).toBe('EROFS')
        }
      }
      return { path: point, fault }
    },
    clause: ['cause.spaceBelow', STOPPED],
  },
  'a person remounts ext4 read-only': {
    kind: 'read-only',
    intervalSeconds: rarely,
    make: async () => {
      const { point } = await mountExt4(onTestFinished)
      return { path: point, fault: () => remount(point, 'ro') }
    },
    clause: ['cause.remountedReadOnly'],
  },
  'a person remounts a file system in memory read-only': {
    kind: 'read-only',
    intervalSeconds: rarely,
    make: async () => {
      const { point } = await mountTmpfs(onTestFinished)
      return { path: point, fault: () => remount(point, 'ro') }
    },
    clause: ['cause.remountedInSilence'],
  },
  'a person remounts ext4 read-only soon after an error of its disk': {
    kind: 'read-only',
    intervalSeconds: rarely,
    make: async () => remountAfterError(await mountExt4(onTestFinished)),
    clause: ['cause.madeReadOnlyAfterError', 'cause.loopError'],
  },
  'a person remounts XFS read-only soon after an error of its disk': {
    isPossible: hasXfs,
    kind: 'read-only',
    intervalSeconds: rarely,
    make: async () => remountAfterError(await mountXfs(onTestFinished)),
    clause: ['cause.madeReadOnlyAfterError', 'cause.loopError'],
  },
  'a person unmounts a disk': {
    kind: 'missing',
    intervalSeconds: rarely,
    make: async () => {
      const disk = await mountExt4(onTestFinished)
      return { path: disk.point, fault: () => disk.unmount() }
    },
    clause: ['cause.unmountedInSilence'],
  },
  'all inodes are taken': {
    kind: 'full',
    intervalSeconds: often,
    make: async () => {
      const { point } = await mountTmpfs(onTestFinished, { megabytes: 4, inodes: 16 })
      let made = 0
      const fault = () =>
        until('all inodes to be taken', () => {
          expect(() => {
            for (; made < 20; made += 1) writeFileSync(path.join(point, `f${made}`), '')
          }).toThrow('ENOSPC')
          return true
        })
      return { path: point, fault }
    },
    clause: ['check.noInodes'],
  },
  'the quota is used up': {
    isPossible: hasBtrfs,
    kind: 'full',
    intervalSeconds: often,
    make: async () => {
      const { point } = await mountBtrfs(onTestFinished)
      execFileSync('btrfs', ['quota', 'enable', point])
      execFileSync('btrfs', ['qgroup', 'limit', '8M', point])
      const fault = () =>
        expect(() => writeFileSync(path.join(point, 'fill'), Buffer.alloc(2 ** 24, 'x'))).toThrow('write')
      return { path: point, fault }
    },
    clause: ['check.quota'],
  },
  'both mirrors of btrfs are damaged': {
    isPossible: hasBtrfs,
    kind: 'io-error',
    intervalSeconds: often,
    make: async () => {
      const disk = await mountBtrfs(onTestFinished)
      const file = path.join(disk.point, 'file')
      const content = randomBytes(4096)
      writeFileSync(file, content, { flush: true })
      // btrfs answers a direct read from memory, too, as long as it is mounted.
      const fault = async () => {
        await disk.unmount()
        expect(disk.images.map((image) => damage(image, content))).toEqual([1, 1])
        await disk.mountAgain()
      }
      return { path: file, fault }
    },
    clause: ['cause.btrfsChecksum'],
  },
  'a person remounts XFS read-only': {
    isPossible: hasXfs,
    kind: 'read-only',
    intervalSeconds: rarely,
    make: async () => {
      const { point } = await mountXfs(onTestFinished)
      return { path: point, fault: () => remount(point, 'ro') }
    },
    clause: ['cause.remountedInSilence'],
  },
  'a program shuts XFS down': {
    isPossible: hasXfs,
    kind: 'io-error',
    intervalSeconds: often,
    make: async () => {
      const { point } = await mountXfs(onTestFinished)
      return { path: point, fault: () => execFileSync('xfs_io', ['-x', '-c', 'shutdown', point]) }
    },
    clause: ['cause.shutDownByCommand'],
  },
  'the program that serves a FUSE file system hangs': {
    kind: 'hung',
    intervalSeconds: often,
    make: async () => {
      const fuse = await mountFuse(onTestFinished)
      return { path: fuse.file, fault: () => fuse.set({ does: 'withhold' }) }
    },
    clause: ['cause.fuseHung'],
  },
  'the program that serves a FUSE file system is killed': {
    kind: 'stale',
    intervalSeconds: often,
    make: async () => {
      const fuse = await mountFuse(onTestFinished)
      return { path: fuse.file, fault: () => fuse.kill() }
    },
    clause: ['cause.fuseEnded'],
  },
}

describe.skipIf(!canMount)('cause of a failure (needs root: mounts)', () => {
  test.for(Object.entries(real))('%s', async ([name, fault], { skip }) => {
    const { isPossible = true, kind, intervalSeconds, make, clause } = fault
    skip(!isPossible, 'needs this file system in the kernel, and its tools')
    const made = await make()
    count(name, await failing(made.path, kind, made.fault, intervalSeconds), clause)
  })
})

// Devices that this computer does not have, as they stand in sysfs, and what is mounted from them.

const SATA = 'pci0000:00/0000:00:1f.2/ata3/host2/target2:0:0/2:0:0:0/block/sdb'
const ISCSI = 'platform/host2/session2/target2:0:0/2:0:0:0/block/sdb'
const NVME = 'pci0000:00/0000:00:1d.0/0000:01:00.0/nvme/nvme0/nvme0n1'
const USB = 'pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/host6/target6:0:0/6:0:0:0/block/sdc'
const FIBRE = 'pci0000:80/0000:81:00.1/host2/rport-2:0-1/target2:0:0/2:0:0:0/block/sdb'
const OTHER_FIBRE = 'pci0000:80/0000:82:00.1/host3/rport-3:0-1/target3:0:0/3:0:0:0/block/sdd'
const VOLUME = 'virtual/block/dm-3'
const POOL = 'virtual/block/dm-2'
const ARRAY = 'virtual/block/md0'

const withPart = (disk: string, dev: string, name: string, partDev: string) => ({
  [disk]: { dev },
  [`${disk}/${name}`]: { dev: partDev, partition: '1' },
})
const disk = withPart(SATA, '8:16', 'sdb1', '8:17')
const iscsi = withPart(ISCSI, '8:16', 'sdb1', '8:17')
const nvme = withPart(NVME, '259:0', 'nvme0n1p2', '259:2')
const stick = withPart(USB, '8:32', 'sdc1', '8:33')
const multipath = {
  [FIBRE]: { dev: '8:16' },
  [OTHER_FIBRE]: { dev: '8:48' },
  [VOLUME]: { dev: '253:3', 'dm/name': 'mpatha', 'slaves/sdb': FIBRE, 'slaves/sdd': OTHER_FIBRE },
}
const thin = {
  [SATA]: { dev: '8:16' },
  [POOL]: { dev: '253:2', 'dm/name': 'vg-pool-tpool', 'slaves/sdb': SATA },
  [VOLUME]: { dev: '253:3', 'dm/name': 'vg-data', 'slaves/dm-2': POOL },
}
const array = { ...stick, [ARRAY]: { dev: '9:0', 'slaves/sdc1': `${USB}/sdc1` } }

const mount = (type: string, device: string, source: string): MountIdentity => ({
  point: '/data',
  device,
  type,
  source,
})
const onDisk = mount('ext4', '8:17', '/dev/sdb1')
const onNvme = mount('ext4', '259:2', '/dev/nvme0n1p2')
const onStick = mount('vfat', '8:33', '/dev/sdc1')
const onVolume = (type: string) => mount(type, '253:3', '/dev/mapper/vg-data')
const onArray = mount('ext4', '9:0', '/dev/md0')
const share = mount('nfs4', '0:51', 'nas-1:/export')

interface Replay {
  log: string
  devices: Record<string, Record<string, string>>
  mount: MountIdentity
  kind: VerdictKind
  clause: string[]
}

/** Faults that need devices or servers: reports of others, and messages written after the kernel's source. */
const replayed: Record<string, Replay> = {
  'an NFS server does not respond': {
    ...{ log: 'nfs-lock-server-silent', devices: {}, mount: share, kind: 'hung' },
    clause: ['cause.nfsNotResponding'],
  },
  'an iSCSI server closes its connection': {
    ...{ log: 'iscsi-connection-closed', devices: iscsi, mount: onDisk, kind: 'read-only' },
    clause: ['cause.iscsiTimeout', STOPPED],
  },
  'an iSCSI server does not answer': {
    ...{ log: 'iscsi-timeout', devices: iscsi, mount: onDisk, kind: 'read-only' },
    clause: ['cause.iscsiTimeout', STOPPED],
  },
  'a bad cable has the link of a SATA disk reset': {
    ...{ log: 'ata-bus-errors', devices: disk, mount: onDisk, kind: 'io-error' },
    clause: ['cause.ataResetRepeated'],
  },
  'an NVMe disk falls off the bus': {
    ...{ log: 'nvme-lost-from-bus', devices: nvme, mount: onNvme, kind: 'read-only' },
    clause: ['cause.nvmeGone', STOPPED],
  },
  'the controller of an NVMe disk goes down': {
    ...{ log: 'nvme-controller-down', devices: nvme, mount: onNvme, kind: 'io-error' },
    clause: ['cause.nvmeDown'],
  },
  'an NVMe disk is pulled out': {
    ...{ log: 'nvme-pulled-out', devices: nvme, mount: onNvme, kind: 'io-error' },
    clause: ['cause.pciLinkDown'],
  },
  'a USB disk is unplugged': {
    ...{ log: 'usb-disconnect', devices: stick, mount: onStick, kind: 'io-error' },
    clause: ['cause.usbDisconnect'],
  },
  'a USB controller dies': {
    ...{ log: 'usb-controller-died', devices: stick, mount: onStick, kind: 'io-error' },
    clause: ['cause.usbControllerDied'],
  },
  'an array loses a disk': {
    ...{ log: 'array-raid5-lost-a-disk', devices: array, mount: onArray, kind: 'io-error' },
    clause: ['cause.arrayLostDisk'],
  },
  'a thin pool is full': {
    ...{ log: 'thin-pool-full-queueing', devices: thin, mount: onVolume('ext4'), kind: 'io-error' },
    clause: ['cause.thinFull'],
  },
  'the metadata of a thin pool is full': {
    ...{ log: 'thin-pool-metadata-full', devices: thin, mount: onVolume('xfs'), kind: 'io-error' },
    clause: ['cause.thinMetadataFull'],
  },
  'the server of a FUSE file system is killed for lack of memory': {
    ...{ log: 'fuse-out-of-memory-in-container', devices: {}, kind: 'stale' },
    mount: mount('fuse.rclone', '0:52', 'store:data'),
    clause: ['cause.outOfMemory'],
  },
  'all paths to a storage are down': {
    ...{ log: 'multipath-all-paths', devices: multipath, mount: onVolume('xfs'), kind: 'io-error' },
    clause: ['cause.pathFailedRepeated', STOPPED],
  },
  'a fibre is unplugged': {
    ...{ log: 'multipath-link-down', devices: multipath, mount: onVolume('ext4'), kind: 'io-error' },
    clause: ['cause.fcLink'],
  },
}

/** A checker that has other devices in sysfs, and a pipe in place of /dev/kmsg. */
async function withDevices(devices: Replay['devices']) {
  const pipe = openKernelPipe()
  onTestFinished(() => pipe.close())
  const blocks = path.join(makeSystem(devices), 'sys/dev/block')
  const checker = await startCheckerProcess(
    { paths: [] },
    { replaced: { '/dev/kmsg': pipe.file, '/sys/dev/block': blocks } },
  )
  return { checker, pipe }
}

async function ask(checker: CheckerProcess, mount: MountIdentity, kind: VerdictKind): Promise<Message[]> {
  const failed = { path: mount.point, mount, overall: { kind, code: null }, at: Date.now() }
  return (await checker.askEvidence(failed)).cause
}

describe.skipIf(!canMount)('cause in a log that is replayed (needs root: mounts)', () => {
  test.each(Object.entries(replayed))('%s', async (name, { log, devices, mount, kind, clause }) => {
    const { checker, pipe } = await withDevices(devices)
    pipe.report(readLog(`faults/${log}`))
    count(name, await ask(checker, mount, kind), clause)
  })

  test('logs of other troubles: no cause for any disk or share', async () => {
    const all = { ...disk, ...nvme, ...stick, ...array, [VOLUME]: thin[VOLUME], [POOL]: thin[POOL] }
    const mounts = [onDisk, onNvme, onStick, onArray, onVolume('xfs'), share]
    const names = logNames('others')
    // In one process, one after the other: a cause that a line of an earlier log has would be found, too.
    const { checker, pipe } = await withDevices(all)
    for (const name of names) {
      pipe.report(readLog(`others/${name}`))
      const found = await Promise.all(mounts.map((one) => ask(checker, one, 'io-error')))
      counts.others += 1
      counts.wrong += found.filter((cause) => cause.length > 0).length
      expect({ name, found }).toEqual({ name, found: mounts.map(() => []) })
    }
  })
})
