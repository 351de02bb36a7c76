import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { DiskWatch } from '../../../core/check/health/disk-watch.ts'

const HALF_HOUR_MS = 30 * 60_000

/** A watch of a path on a disk that is not mounted, so that no disk of this computer is read. */
function watchOne() {
  let readings = 0
  const watch = new DiskWatch(() => {
    readings++
  })
  const known = { mount: { point: '/media/usb' } }
  const configure = (diskHealth: boolean) =>
    watch.configure({
      ...{ paths: [{ id: 'a', path: '/media/usb/data' }], knownMounts: { a: known }, diskHealth },
    } as unknown as Parameters<DiskWatch['configure']>[0])
  configure(true)
  return { watch, configure, readings: () => readings }
}

describe('watch of the disks', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('a changed mount of a path is read soon, one beside or below it is not', async () => {
    const { watch, readings } = watchOne()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(readings()).toBe(1)
    watch.mountsChanged(['/var/lib/containers/1', '/media/usb/data/below', '/media/us'])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(readings()).toBe(1)
    watch.mountsChanged(['/run/x', '/media/usb'])
    await vi.advanceTimersByTimeAsync(1_000)
    expect(readings()).toBe(2)
    watch.stop()
  })

  test('changes that come more often than once a second do not postpone the reading', async () => {
    const { watch, readings } = watchOne()
    for (let change = 0; change < 40; change++) {
      watch.mountsChanged(['/media/usb'])
      await vi.advanceTimersByTimeAsync(100)
    }
    expect(readings()).toBeGreaterThanOrEqual(3)
    watch.stop()
  })

  test('the disks are read every half hour until the watch is switched off', async () => {
    const { watch, configure, readings } = watchOne()
    await vi.advanceTimersByTimeAsync(1_000 + 2 * HALF_HOUR_MS)
    expect(readings()).toBe(3)
    configure(false)
    await vi.advanceTimersByTimeAsync(2 * HALF_HOUR_MS)
    expect(readings()).toBe(3)
    configure(true)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(readings()).toBe(4)
    watch.stop()
  })
})
