import { describe, expect, it } from 'vitest'
import { setUpChecker } from '../../support/check-checker.ts'

describe('the checker, of a check that does not come back', () => {
  it('tells a hang once at its deadline, then at each tick with the time growing; one check is out', async () => {
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

  it('is patient with a disk, not with a FIFO: that one is told soon', async () => {
    const { clock, disk, configure, told } = setUpChecker()
    for (const path of ['/fifo', '/busy']) disk.slow.add(path)
    disk.fifos.add('/fifo')
    configure(['/fifo', '/busy'], { timeoutSeconds: null })
    await clock.advanceTo(1_200)
    expect([told('/fifo'), told('/busy')]).toEqual([[[0, 'hung']], []])
    await clock.advanceTo(9_000)
    expect([told('/fifo'), told('/busy')]).toEqual([[[0, 'hung']], [[0, 'hung']]])
  })

  it('leaves a FIFO the time that was asked for', async () => {
    const { clock, disk, configure, told } = setUpChecker()
    disk.slow.add('/fifo')
    disk.fifos.add('/fifo')
    configure(['/fifo'], { timeoutSeconds: 4 })
    await clock.advanceTo(3_999)
    expect(told('/fifo')).toEqual([])
  })

  it('counts the time of a FIFO from its first call, however long its check waits for a thread', async () => {
    const { clock, disk, configure, told, out } = setUpChecker()
    disk.slow.add('/fifo')
    configure(['/fifo'], { timeoutSeconds: null })
    await clock.advanceTo(1)
    Object.assign(out('/fifo').progress, { begunMs: null, kind: null })
    await clock.advanceTo(60_000)
    expect(told('/fifo')).toEqual([])
    Object.assign(out('/fifo').progress, { begunMs: 60_000, kind: 'fifo' })
    await clock.advanceTo(61_200)
    expect(told('/fifo')).toEqual([[0, 'hung']])
  })

  it('does not take a late answer for a recovery: the next good check is', async () => {
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

  it('says which probe hangs and in which step, with what the others found', async () => {
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
