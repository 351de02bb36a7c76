import { describe, expect, it } from 'vitest'
import { setUpChecker } from '../../support/check/checker.ts'

describe('checker, a check that does not return', () => {
  it('reports a hang at the timeout and at each tick with a growing duration, and starts no second check', async () => {
    const { clock, disk, reports, configure, told, begun } = setUpChecker()
    disk.slow.add('/a')
    configure(['/a'], { timeoutSeconds: 4 })
    await clock.advanceTo(3_999)
    expect(told('/a')).toEqual([])
    await clock.advanceTo(35_000)
    expect(begun('/a')).toEqual([0])
    expect(told('/a').map(([, kind]) => kind)).toEqual(['hung', 'hung', 'hung', 'hung'])
    const elapsed = reports.flatMap(({ checked }) => checked.map(({ overall }) => overall.elapsedMs))
    expect(elapsed).toEqual([4_000, 10_000, 20_000, 30_000])
  })

  it('reports recovery after the next good check, not after a late answer', async () => {
    const { clock, disk, configure, told, out } = setUpChecker()
    disk.slow.add('/a')
    configure(['/a'])
    await clock.advanceTo(13_000)
    disk.slow.delete('/a')
    out('/a').well()
    await clock.advanceTo(19_999)
    expect(told('/a')).toEqual([[0, 'hung']])
    await clock.advanceTo(20_500)
    expect(told('/a').at(-1)).toEqual([20_000, 'ok'])
  })

  it('names the hung probe and its step, and keeps the results of the other probes', async () => {
    const { clock, disk, reports, configure, out } = setUpChecker()
    disk.slow.add('/a')
    configure(['/a'], { paths: [{ id: '/a', path: '/a', probes: ['mount', 'read', 'write'] }] })
    await clock.advanceTo(1)
    const { progress } = out('/a')
    progress.done.read = { failures: [], elapsedMs: 2 }
    progress.probe = 'write'
    progress.step = 'fsync'
    progress.delayMs = 2
    await clock.advanceTo(10_500)
    expect(reports.at(-1)?.checked[0]).toMatchObject({
      overall: { kind: 'hung', step: 'fsync' },
      probes: { read: { kind: 'ok' }, write: { kind: 'hung' } },
      delayMs: 2,
    })
  })
})

describe('checker, between two ticks', () => {
  it('a hang is reported for every path of the file system within one interval and a second', async () => {
    const paths = ['/a', '/b', '/c', '/d', '/e', '/f']
    const { clock, disk, reports, configure, told } = setUpChecker()
    for (const path of paths) disk.fileSystems.set(path, 'one')
    configure(paths, { timeoutSeconds: null })
    await clock.advanceTo(500)
    for (const path of paths) expect(told(path)).toEqual([[0, 'ok']])
    for (const path of paths) disk.slow.add(path)
    await clock.advanceTo(60_000)
    for (const path of paths) {
      const first = reports.find(({ checked }) =>
        checked.some(({ id, overall }) => id === path && overall.kind === 'hung'),
      )
      expect(first?.atMs ?? Number.NaN).toBeLessThanOrEqual(11_000)
    }
    expect(disk.begun.length - paths.length).toBe(4)
  })

  it('one spot check runs for each file system, on another path each time', async () => {
    const { clock, disk, configure } = setUpChecker()
    for (const path of ['/a', '/b']) disk.fileSystems.set(path, 'one')
    configure(['/a', '/b', '/other'], { timeoutSeconds: null })
    await clock.advanceTo(9_000)
    expect(disk.begun.slice(3).map(({ path }) => path)).toEqual(['/a', '/other'])
    await clock.advanceTo(16_000)
    expect(disk.begun.map(({ path, atMs }) => `${path} ${atMs}`)).toContain('/b 15000')
  })
})
