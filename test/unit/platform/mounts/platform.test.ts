import { describe, expect, it } from 'vitest'
import { freshMemory } from '../../../../core/check/probes/findings.ts'
import { evaluateMount } from '../../../../core/check/probes/mount-probe.ts'
import {
  changedPoints,
  darwinMountId,
  isReadOnly,
  type Mount,
  parseStatfsList,
  readMounts,
  STATFS_BYTES,
} from '../../../../core/platform/mounts.ts'

interface Recorded {
  fsid: [number, number]
  flags: number
  type: string
  point: string
  source: string
}

/** `struct statfs` as macOS lays it out, with what its `mount -v` and `stat -f` show of a machine. */
function statfs({ fsid, flags, type, point, source }: Recorded): Buffer {
  const bytes = Buffer.alloc(STATFS_BYTES)
  bytes.writeUInt32LE(4_096, 0)
  bytes.writeInt32LE(1_048_576, 4)
  bytes.writeBigUInt64LE(242_837_545n, 8)
  bytes.writeUInt32LE(fsid[0], 48)
  bytes.writeUInt32LE(fsid[1], 52)
  bytes.writeUInt32LE(flags, 64)
  bytes.write(type, 72)
  bytes.write(point, 88)
  bytes.write(source, 1_112)
  return bytes
}

// A sealed system volume, the data volume beside it, the device file system, a stick, a disk image, a share.
const SYSTEM = {
  fsid: [0x100000d, 0x1a],
  flags: 0x4480d001,
  type: 'apfs',
  point: '/',
  source: '/dev/disk3s1s1',
}
const DEVICES = { fsid: [0x2f2a3f5b, 0x13], flags: 0x4100008, type: 'devfs', point: '/dev', source: 'devfs' }
const DATA = {
  fsid: [0x1000010, 0x1a],
  flags: 0x4480d000,
  type: 'apfs',
  point: '/System/Volumes/Data',
  source: '/dev/disk3s5',
}
const STICK = {
  fsid: [0x1000014, 0x1c],
  flags: 0x1018,
  type: 'msdos',
  point: '/Volumes/NO NAME',
  source: '/dev/disk4s1',
}
const IMAGE = {
  fsid: [0x1000018, 0x11],
  flags: 0x1019,
  type: 'hfs',
  point: '/Volumes/Installer',
  source: '/dev/disk5s2',
}
const SHARE = {
  fsid: [0x34000021, 0x1b],
  flags: 0x8,
  type: 'smbfs',
  point: '/Volumes/team',
  source: '//ada@nas/team',
}

const listMounts = (...recorded: { fsid: number[] }[]) =>
  parseStatfsList(Buffer.concat(recorded.map((one) => statfs(one as Recorded))))

const findMount = (mounts: readonly Mount[], dev: number) => {
  const id = darwinMountId({ dev })
  return mounts.find((mount) => mount.id === id) ?? expect.fail(`no mount has ${dev}`)
}

describe('macOS mount list', () => {
  const mounts = listMounts(SYSTEM, DEVICES, DATA, STICK, IMAGE, SHARE)

  it('contains each mount with its file system, its source and whether it is read-only', () => {
    const facts = mounts.map((mount) => [mount.point, mount.type, mount.source, isReadOnly(mount)])
    expect(facts).toEqual([
      ['/', 'apfs', '/dev/disk3s1s1', true],
      ['/dev', 'devfs', 'devfs', false],
      ['/', 'apfs', '/dev/disk3s5', false],
      ['/Volumes/NO NAME', 'msdos', '/dev/disk4s1', false],
      ['/Volumes/Installer', 'hfs', '/dev/disk5s2', true],
      ['/Volumes/team', 'smbfs', '//ada@nas/team', false],
    ])
  })

  it('finds a file’s mount by its device: /Users is on the data volume, though below the system volume', () => {
    expect(findMount(mounts, 16_777_232)).toMatchObject({ source: '/dev/disk3s5' })
    const isIntended = (dev: number) => {
      const { failures, memory } = evaluateMount(freshMemory, findMount(mounts, dev), null)
      expect(failures).toEqual([])
      return memory.known?.readOnlyByIntent
    }
    expect([isIntended(16_777_232), isIntended(16_777_229)]).toEqual([false, true])
    // stat(2) has a signed number there.
    expect(darwinMountId({ dev: -1 })).toBe(0xffffffff)
  })

  it('reports a removed USB stick as unmounted, and a write-protected one as read-only', () => {
    const { memory } = evaluateMount(freshMemory, findMount(mounts, 0x1000014), null)
    const without = listMounts(SYSTEM, DEVICES, DATA)
    expect(changedPoints(mounts, without)).toContain('/Volumes/NO NAME')
    // What is at its place then is a directory of the data volume.
    expect(evaluateMount(memory, findMount(without, 0x1000010), null).failures).toMatchObject([
      { cause: 'unmounted' },
    ])
    const protectedStick = { ...STICK, flags: STICK.flags | 1 }
    const later = listMounts(SYSTEM, DEVICES, DATA, protectedStick)
    expect(changedPoints(mounts, later)).toContain('/Volumes/NO NAME')
    expect(evaluateMount(memory, findMount(later, 0x1000014), null).failures).toMatchObject([
      { cause: 'read-only' },
    ])
  })

  it('is empty for an empty or a truncated buffer', () => {
    expect(parseStatfsList(Buffer.alloc(0))).toEqual([])
    expect(parseStatfsList(Buffer.alloc(STATFS_BYTES - 1))).toEqual([])
  })
})

describe('`readMounts`', () => {
  it('returns null on Windows', () => {
    expect(readMounts('win32')).toBeNull()
  })

  it.skipIf(process.platform !== 'linux')('lists the root directory on Linux', () => {
    expect((readMounts() ?? []).some(({ point }) => point === '/')).toBe(true)
  })
})
