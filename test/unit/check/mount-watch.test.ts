import { describe, expect, it } from 'vitest'
import {
  changedPoints,
  MOUNT_WATCH_MS,
  mountTable,
  watchMounts,
} from '../../../core/check/kernel/mount-watch.ts'
import { until } from '../../support/until.ts'

const root = '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n'
const data = '30 22 7:0 / /data rw,relatime - ext4 /dev/loop0 rw,errors=remount-ro\n'
const aborted = '30 22 7:0 / /data rw,relatime - ext4 /dev/loop0 rw,abort,emergency_ro\n'

describe('the mount table', () => {
  it.each([
    ['unmounted', root + data, root, ['/data']],
    ['mounted', root, root + data, ['/data']],
    ['stopped by the kernel', root + data, root + aborted, ['/data']],
    [
      'read-only for this mount alone',
      root + data,
      root + data.replace('rw,relatime', 'ro,relatime'),
      ['/data'],
    ],
    ['another file system', root + data, root + data.replace('7:0', '7:1'), ['/data']],
    ['as it was', root + data, root + data, []],
    ['covered by a second mount', root + data, root + data + data.replace('30 22', '31 30'), ['/data']],
  ])('tells of a disk that is %s', (_what, before, after, points) => {
    expect(changedPoints(mountTable(before), mountTable(after))).toEqual(points)
  })

  it('is looked at between the checks, and not after the end', async () => {
    // One look finds no descriptor left to read it with.
    const tables = [root + data, null, root + data, root + aborted]
    const changes: string[][] = []
    const waiting: { atMs: number; run: () => void }[] = []
    const clock = {
      now: () => 0,
      wall: () => 0,
      at: (atMs: number, run: () => void) => {
        waiting.push({ atMs, run })
        return () => void waiting.splice(0)
      },
    }
    const stop = watchMounts(
      clock,
      (points) => changes.push(points),
      async () => tables.shift() ?? expect.fail('EMFILE'),
    )
    for (let look = 0; look < 3; look += 1) {
      const next = await until('the next look', () => waiting.shift())
      expect(next.atMs).toBe(MOUNT_WATCH_MS)
      next.run()
    }
    await until('the change', () => changes.length > 0)
    expect(changes).toEqual([['/data']])
    await until('another look', () => waiting.length > 0)
    stop()
    expect(waiting).toEqual([])
  })
})
