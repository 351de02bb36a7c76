import { describe, expect, it } from 'vitest'
import { setUpChecker } from '../../support/check/checker.ts'

describe('checker, several paths of one file system', () => {
  it('runs at most four checks of a hung file system, and reports its other paths as hung', async () => {
    const { clock, disk, configure, told, begun } = setUpChecker()
    const paths = Array.from({ length: 20 }, (_, index) => `/dead/${index}`)
    for (const path of [...paths, '/dead/later']) disk.fileSystems.set(path, 'dead')
    for (const path of paths) disk.slow.add(path)
    configure([...paths, '/well'])
    await clock.advanceTo(10_200)
    expect(disk.begun.filter(({ path }) => path.startsWith('/dead')).length).toBe(4)
    for (const path of paths) expect(told(path).at(-1)?.[1]).toBe('hung')
    // A path that is added now is told at its first tick.
    configure([...paths, '/well', '/dead/later'])
    await clock.advanceTo(10_400)
    expect(told('/dead/later')).toEqual([[10_200, 'hung']])
    for (const check of [...disk.begun]) check.well()
    disk.slow.clear()
    await clock.advanceTo(20_500)
    for (const path of [...paths, '/dead/later']) {
      await clock.advanceTo(clock.now())
      expect(begun(path).length).toBeGreaterThan(0)
    }
    await clock.advanceTo(30_500)
    for (const path of [...paths, '/dead/later']) expect(told(path).at(-1)?.[1]).toBe('ok')
  })

  it('reports an error for a path without a free thread, and checks it once a thread is free', async () => {
    const { clock, disk, configure, told, begun } = setUpChecker(3)
    for (const path of ['/a', '/b', '/c']) disk.slow.add(path)
    configure(['/a', '/b', '/c', '/well'], { timeoutSeconds: 4 })
    await clock.advanceTo(9_000)
    expect(['/a', '/b', '/c', '/well'].map((path) => told(path))).toEqual([
      [[0, 'hung']],
      [[0, 'hung']],
      [[0, 'hung']],
      [[0, 'error']],
    ])
    await clock.advanceTo(16_000)
    expect([told('/well').at(-1), begun('/well')]).toEqual([[10_000, 'error'], []])
    disk.slow.delete('/a')
    disk.begun[0]?.well()
    await clock.advanceTo(20_500)
    expect(told('/well').at(-1)).toEqual([20_000, 'ok'])
  })

  it('does not count the wait for a thread towards the timeout of a check', async () => {
    const { clock, disk, configure, told, begun } = setUpChecker(1)
    for (const path of ['/a', '/b']) disk.slow.add(path)
    configure(['/a', '/b'], { timeoutSeconds: 4 })
    await clock.advanceTo(3_000)
    disk.begun[0]?.well()
    await clock.advanceTo(6_500)
    disk.begun[1]?.well()
    await clock.advanceTo(7_000)
    expect([begun('/b'), told('/a'), told('/b')]).toEqual([[3_000], [[0, 'ok']], [[0, 'ok']]])
  })

  it('waits for slow checks that return, and then reports the path behind them as ok', async () => {
    const { clock, disk, configure, told } = setUpChecker()
    const paths = Array.from({ length: 5 }, (_, index) => `/busy/${index}`)
    for (const path of paths) {
      disk.fileSystems.set(path, 'busy')
      disk.slow.add(path)
    }
    configure(paths, { timeoutSeconds: 60 })
    await clock.advanceTo(9_000)
    disk.slow.clear()
    for (const check of [...disk.begun]) check.well()
    await clock.advanceTo(9_500)
    expect(told('/busy/4')).toEqual([[0, 'ok']])
  })

  it('reports no result of a removed path, whose hung check does not block another path', async () => {
    const { clock, disk, configure, told } = setUpChecker()
    const paths = Array.from({ length: 4 }, (_, index) => `/dead/${index}`)
    for (const path of [...paths, '/dead/new']) {
      disk.fileSystems.set(path, 'dead')
      disk.slow.add(path)
    }
    configure(paths)
    await clock.advanceTo(1_200)
    configure(['/dead/new'])
    await clock.advanceTo(25_000)
    expect(disk.begun.length).toBe(5)
    expect(told('/dead/new').at(-1)?.[1]).toBe('hung')
    for (const check of disk.begun) check.well()
    await clock.advanceTo(26_000)
    for (const path of paths) expect(told(path)).toEqual([])
  })
})
