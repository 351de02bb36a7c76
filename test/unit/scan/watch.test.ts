import { describe, expect, test } from 'vitest'
import { decodeEvents } from '../../../core/watch/inotify-watches.ts'
import { chooseWatch } from '../../../core/watch/open-watcher.ts'

describe('watch method', () => {
  test.each([
    ['linux', 'ext4', true, 'inotify'],
    ['linux', null, true, 'inotify'],
    ['linux', 'tmpfs', true, 'inotify'],
    ['linux', 'fusectl', true, 'inotify'],
    ['linux', 'ext4', false, 'polling'],
    ...[...['nfs', 'nfs4', 'cifs', 'smb3', 'fuse', 'fuseblk', 'fuse.sshfs'], ...['9p', 'beegfs', 'gpfs']].map(
      (type) => ['linux', type, true, 'polling'] as const,
    ),
    ['darwin', 'apfs', true, 'portable'],
    ['darwin', 'smbfs', true, 'portable'],
    ['win32', null, false, 'portable'],
  ] as const)(
    '%s, file system %s, inotify usable %s: the method is %s',
    (platform, type, inotifyUsable, method) => {
      const mount = type === null ? null : { type }
      expect(chooseWatch({ platform, mount, inotifyUsable })).toBe(method)
    },
  )
})

/** One struct inotify_event as the kernel writes it. */
function event(wd: number, mask: number, name: Buffer, padding: number): Buffer {
  const bytes = Buffer.alloc(16 + name.length + padding)
  bytes.writeInt32LE(wd, 0)
  bytes.writeUInt32LE(mask, 4)
  bytes.writeUInt32LE(wd < 0 ? 99 : wd, 8)
  bytes.writeUInt32LE(name.length + padding, 12)
  name.copy(bytes, 16)
  return bytes
}

describe('inotify event decoder', () => {
  test('several events of one read are decoded, without the NUL padding of their names', () => {
    const bytes = Buffer.concat([
      event(1, 0x8, Buffer.from('檔案.txt'), 5),
      event(7, 0x400, Buffer.alloc(0), 0),
      event(-1, 0x4000, Buffer.alloc(0), 0),
    ])
    expect([...decodeEvents(bytes)]).toEqual([
      { wd: 1, mask: 0x8, cookie: 1, name: '檔案.txt' },
      { wd: 7, mask: 0x400, cookie: 7, name: '' },
      { wd: -1, mask: 0x4000, cookie: 99, name: '' },
    ])
  })

  test('a name of 16 bytes is decoded without a terminating NUL', () => {
    const bytes = event(1, 0x8, Buffer.from('sixteen-bytes-xx'), 0)
    expect([...decodeEvents(bytes)][0]?.name).toBe('sixteen-bytes-xx')
  })

  test('a name that is not UTF-8 becomes null, and a name with newline and quotes is kept', () => {
    const bytes = Buffer.concat([
      event(1, 0x8, Buffer.from([0x61, 0xff]), 2),
      event(1, 0x8, Buffer.from('a\n"\'b'), 1),
    ])
    expect([...decodeEvents(bytes)].map(({ name }) => name)).toEqual([null, 'a\n"\'b'])
  })

  test('an incomplete event is skipped', () => {
    expect([...decodeEvents(event(1, 8, Buffer.from('a'), 3).subarray(0, 12))]).toEqual([])
  })
})
