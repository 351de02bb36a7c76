import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { findDisk, parseMountinfo } from '../../../../core/platform/mounts.ts'
import { temporaryDirectory } from '../../../support/temporary.ts'

const mounts = parseMountinfo(
  [
    '1 0 8:1 / / rw - ext4 /dev/sda1 rw',
    '2 1 8:2 / /data rw - ext4 /dev/sda2 rw',
    '3 1 253:0 / /home rw - ext4 /dev/mapper/home rw',
    '4 1 8:17 / /mnt/second rw - ext4 /dev/sdb1 rw',
    '5 1 9:0 / /raid rw - ext4 /dev/md0 rw',
    '6 1 0:50 / /share rw - nfs4 nas:/x rw',
  ].join('\n'),
)

test('disks: partitions and an encrypted volume share one disk; a second disk, an array and a share do not', () => {
  const base = temporaryDirectory('sys')
  const device = (number: string, name: string, slaves: string[] = []) => {
    const directory = path.join(base, 'block', name)
    fs.mkdirSync(path.join(directory, 'slaves'), { recursive: true })
    for (const one of slaves)
      fs.symlinkSync(path.join(base, 'block', one), path.join(directory, 'slaves', path.basename(one)))
    if (name.includes('/')) fs.writeFileSync(path.join(directory, 'partition'), '1')
    fs.symlinkSync(directory, path.join(base, number))
  }
  for (const [number, name] of [
    ['8:1', 'sda/sda1'],
    ['8:2', 'sda/sda2'],
    ['8:3', 'sda/sda3'],
    ['8:17', 'sdb/sdb1'],
  ] as const)
    device(number, name)
  device('253:0', 'dm-0', ['sda/sda3'])
  device('9:0', 'md0', ['sda/sda2', 'sdb/sdb1'])
  const of = (directory: string) => findDisk(directory, mounts, base)
  const disks = ['/srv', '/data/x', '/home/ada', '/mnt/second/holdfast', '/raid', '/share'].map(of)
  expect(disks.slice(0, 3)).toEqual([disks[0], disks[0], disks[0]])
  expect(new Set(disks).size).toBe(4)
  expect(findDisk('/srv', null, base)).toBeNull()
})
