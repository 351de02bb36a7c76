import { describe, expect, it } from 'vitest'
import { setUpChecker } from '../../support/check-checker.ts'

describe('the checker, of several paths on one file system that hangs', () => {
  it('keeps at most four checks of one file system out; the others are told from that knowledge', async () => {
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

  it('asks a file system that hangs for nothing besides the checks that are out', async () => {
    const { clock, disk, configure } = setUpChecker()
    const paths = Array.from({ length: 20 }, (_, index) => `/dead/${index}`)
    for (const path of paths) {
      disk.fileSystems.set(path, 'dead')
      disk.slow.add(path)
    }
    configure(paths, { timeoutSeconds: null })
    await clock.advanceTo(60_000)
    expect(disk.begun.length).toBe(4)
    expect(disk.asked).toEqual([])
  })

  it('lets a path whose hang is its own (a FIFO) not speak for its file system', async () => {
    const { clock, disk, configure, told, begun } = setUpChecker()
    const fifos = Array.from({ length: 10 }, (_, index) => `/fifo${index}`)
    for (const path of [...fifos, '/well']) disk.fileSystems.set(path, 'one')
    for (const path of fifos) disk.slow.add(path)
    configure(fifos)
    await clock.advanceTo(0)
    // Each says so once it has been looked at, and makes room for the next.
    for (let index = 0; index < 10; index += 1) {
      disk.begun[index]?.progress.leaveFileSystem()
      await clock.advanceTo(0)
    }
    configure([...fifos, '/well'])
    await clock.advanceTo(10_500)
    expect(fifos.map((path) => begun(path).length)).toEqual(fifos.map(() => 1))
    expect(told('/well').map(([, kind]) => kind)).toEqual(['ok', 'ok'])
  })

  it('waits patiently behind slow checks that do come back', async () => {
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

  it('counts the hung checks of a removed path as long as they are out', async () => {
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
    expect(disk.begun.length).toBe(4)
    expect(told('/dead/new').at(-1)?.[1]).toBe('hung')
    for (const path of paths) expect(told(path)).toEqual([])
  })
})
