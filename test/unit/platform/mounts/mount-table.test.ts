import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { changedPoints, MountTable, parseMountinfo } from '../../../../core/platform/mounts.ts'

const root = '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n'
const data = '30 22 7:0 / /data rw,relatime - ext4 /dev/loop0 rw,errors=remount-ro\n'
const aborted = '30 22 7:0 / /data rw,relatime - ext4 /dev/loop0 rw,abort,emergency_ro\n'

describe('mount table', () => {
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
    ['replaced by another file system', root + data, root + data.replace('7:0', '7:1'), ['/data']],
    ['unchanged', root + data, root + data, []],
    ['covered by a second mount', root + data, root + data + data.replace('30 22', '31 30'), ['/data']],
  ])('lists exactly the changed mount points for a disk that is %s', (_what, before, after, points) => {
    expect(changedPoints(parseMountinfo(before), parseMountinfo(after))).toEqual(points)
  })

  it('is polled for changes, skips a failed read, and stops polling with its listener', () => {
    // One look finds no descriptor left to read it with.
    const tables = [root + data, null, root + data, root + aborted]
    const changes: string[][] = []
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const read = () => {
      const text = tables.shift() ?? null
      return text === null ? null : parseMountinfo(text)
    }
    const stop = new MountTable(read).onChange((points) => changes.push(points))
    vi.advanceTimersByTime(2_999)
    expect(changes).toEqual([])
    vi.advanceTimersByTime(1)
    expect(changes).toEqual([['/data']])
    stop()
    expect(vi.getTimerCount()).toBe(0)
  })
})
