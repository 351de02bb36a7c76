import { describe, expect, it } from 'vitest'
import { findMount, isEmergency, isReadOnly, parseMountinfo } from '../../../../core/platform/mounts.ts'

// Recorded from /proc/self/mountinfo.
const RECORDED = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
27 22 0:21 / /proc rw,relatime - proc proc rw
98 22 7:0 / /mnt/with\\040space\\011tab\\134end rw,relatime shared:5 master:1 - ext4 /dev/loop0 rw,errors=remount-ro,abort,emergency_ro
99 22 254:0 /data /mnt/bound ro,relatime - ext4 /dev/vda rw,discard
100 22 0:45 / /mnt/tmp rw,relatime - tmpfs tmp ro,size=1024k
101 22 0:50 / /mnt rw shared:7 - nfs4 server:/export\\040one rw,vers=4.2
102 101 0:51 / /mnt rw - tmpfs over rw
`
const mounts = parseMountinfo(RECORDED)
const at = (point: string) => mounts.findLast((mount) => mount.point === point)

describe('mountinfo', () => {
  it('reads every line, with and without optional fields', () => {
    expect(mounts.map(({ id, device, type }) => [id, device, type])).toEqual([
      [22, '254:0', 'ext4'],
      [27, '0:21', 'proc'],
      [98, '7:0', 'ext4'],
      [99, '254:0', 'ext4'],
      [100, '0:45', 'tmpfs'],
      [101, '0:50', 'nfs4'],
      [102, '0:51', 'tmpfs'],
    ])
  })

  it('decodes octal escapes in mount points and sources', () => {
    expect(mounts[2]?.point).toBe('/mnt/with space\ttab\\end')
    expect(mounts[5]?.source).toBe('server:/export one')
  })

  it('skips lines that it cannot parse', () => {
    expect(parseMountinfo('garbage\n\n1 2 3\n')).toEqual([])
  })

  it.each([
    ['emergency_ro in the super options of a mount with rw', '/mnt/with space\ttab\\end', true, true],
    ['a read-only bind mount of a writable file system', '/mnt/bound', true, false],
    ['a read-only super block', '/mnt/tmp', true, false],
    ['a writable mount', '/', false, false],
  ])('recognises %s', (_, point, readOnly, emergency) => {
    const mount = at(point)
    expect(mount && isReadOnly(mount)).toBe(readOnly)
    expect(mount && isEmergency(mount)).toBe(emergency)
  })

  it.each([
    ['/mnt/tmp/a/b', 100],
    ['/mnt/tmp', 100],
    ['/mnt/tmpfile', 102],
    ['/mnt/x', 102],
    ['/home/a', 22],
    ['relative', undefined],
  ])('looks up the mount of the path %s', (path, id) => {
    expect(findMount(mounts, path)?.id).toBe(id)
  })
})
