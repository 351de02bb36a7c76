import { hostname } from 'node:os'
import { expect, test } from 'vitest'
import { isOnOtherComputer, parseMountinfo } from '../../../../core/platform/mounts.ts'

const mounted = (type: string, source: string) =>
  parseMountinfo(`21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 21 0:40 / /mnt/nas rw - ${type} ${source} rw`)

test.each([
  ['ext4', '/dev/sdb1', false],
  ['fuseblk', '/dev/sdb1', false],
  ['nfs4', 'nas:/export/data', true],
  ['nfs', '[2001:db8::9]:/export', true],
  ['nfs4', 'localhost:/export', false],
  ['nfs4', `${hostname()}:/export`, false],
  ['cifs', '//nas/share', true],
  ['cifs', '//127.0.0.1/share', false],
  ['fuse.sshfs', 'me@nas:/data', true],
  ['fuse.sshfs', 'nas:', true],
  ['fuse.sshfs', 'me@localhost:/data', false],
  ['fuse.sshfs', 'localhost:data', false],
  ['davfs', 'https://nas/dav', true],
  ['ceph', '10.0.0.1:6789,10.0.0.2:6789:/', true],
])('network share: a folder on %s %s is on another computer: %s', (type, source, expected) => {
  const mounts = mounted(type, source)
  expect(isOnOtherComputer('/mnt/nas/holdfast', mounts)).toBe(expected)
  expect(isOnOtherComputer('/home/me', mounts)).toBe(false)
})
