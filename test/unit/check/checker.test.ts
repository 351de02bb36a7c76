import { describe, expect, it } from 'vitest'
import { setUpChecker } from '../../support/check/checker.ts'

describe('checker', () => {
  it('checks at start + k·interval, and reports every verdict', async () => {
    const { clock, configure, told, begun } = setUpChecker()
    configure(['/a'])
    await clock.advanceTo(35_000)
    expect(begun('/a')).toEqual([0, 10_000, 20_000, 30_000])
    expect(told('/a')).toEqual([
      [0, 'ok'],
      [10_000, 'ok'],
      [20_000, 'ok'],
      [30_000, 'ok'],
    ])
  })

  it('reports a path as slow from the configured threshold, also after a change of the threshold', async () => {
    const { clock, configure, told } = setUpChecker()
    configure(['/a'], { slowSeconds: 0.0005 })
    await clock.advanceTo(5_000)
    configure(['/a'], { slowSeconds: 3 })
    await clock.advanceTo(15_000)
    expect(told('/a')).toEqual([
      [0, 'slow'],
      [10_000, 'ok'],
    ])
  })

  it('skips the ticks that a slow check overlaps, and keeps its timetable afterwards', async () => {
    const { clock, disk, configure, begun, out } = setUpChecker()
    disk.slow.add('/a')
    configure(['/a'], { timeoutSeconds: 60 })
    await clock.advanceTo(14_000)
    disk.slow.delete('/a')
    out('/a').well()
    await clock.advanceTo(30_500)
    expect(begun('/a')).toEqual([0, 20_000, 30_000])
  })

  it('checks a path on time while 100 others hang', async () => {
    const { clock, disk, configure, told } = setUpChecker()
    for (let index = 0; index < 100; index += 1) disk.slow.add(`/hung${index}`)
    configure([...disk.slow, '/well'])
    await clock.advanceTo(30_500)
    expect(told('/well').map(([at]) => at)).toEqual([0, 10_000, 20_000, 30_000])
  })

  it('adds and removes paths without moving the timetable of the others', async () => {
    const { clock, configure, begun, told } = setUpChecker()
    configure(['/a', '/b'])
    await clock.advanceTo(13_000)
    configure(['/a', '/c'])
    await clock.advanceTo(24_000)
    expect(begun('/a')).toEqual([0, 10_000, 20_000])
    expect(begun('/b')).toEqual([0, 10_000])
    expect(begun('/c')).toEqual([13_000, 23_000])
    expect(told('/b').length).toBe(2)
  })

  it('starts a new timetable when the interval changes, and checks a changed path at once', async () => {
    const { clock, disk, configure, begun } = setUpChecker()
    configure(['/a'])
    await clock.advanceTo(13_000)
    configure(['/a'], { intervalSeconds: 3 })
    await clock.advanceTo(17_000)
    expect(begun('/a')).toEqual([0, 10_000, 13_000, 16_000])
    configure([], { intervalSeconds: 3, paths: [{ id: '/a', path: '/elsewhere', probes: ['read'] }] })
    await clock.advanceTo(17_500)
    expect(disk.begun.at(-1)).toMatchObject({ path: '/elsewhere', atMs: 17_000 })
  })

  it('checks every path at once on request, and keeps its timetable', async () => {
    const { clock, checker, configure, begun } = setUpChecker()
    configure(['/a', '/b'])
    await clock.advanceTo(4_000)
    checker.checkNow()
    await clock.advanceTo(12_000)
    expect(begun('/a')).toEqual([0, 4_000, 10_000])
    expect(begun('/b')).toEqual([0, 4_000, 10_000])
  })

  it('a change during a check is met by another check, as the running one may have passed it', async () => {
    const { clock, disk, checker, configure, begun, told, out } = setUpChecker()
    disk.slow.add('/a')
    configure(['/a'], { intervalSeconds: 3_600 })
    await clock.advanceTo(400)
    checker.checkNow({ points: ['/a'] })
    out('/a').well()
    await clock.advanceTo(500)
    out('/a').fail('read', { step: 'read', cause: 'call', errno: 5, code: 'EIO' })
    await clock.advanceTo(1_000)
    expect(begun('/a')).toEqual([0, 400])
    expect(told('/a').map(([, kind]) => kind)).toEqual(['ok', 'io-error'])
  })

  it('reports at most every 100 ms, at most 1,000 paths at a time, each path once', async () => {
    const { clock, reports, configure, checker } = setUpChecker()
    const paths = Array.from({ length: 2_500 }, (_, index) => `/p${index}`)
    configure(paths)
    await clock.advanceTo(1_200)
    expect(reports.map(({ checked }) => checked.length)).toEqual([1_000, 1_000, 500])
    const gaps = reports.slice(1).map(({ atMs }, index) => atMs - (reports[index]?.atMs ?? 0))
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(100)
    for (let times = 0; times < 5; times += 1) checker.checkNow()
    await clock.advanceTo(1_450)
    const last = reports.at(-1)?.checked.map(({ id }) => id) ?? []
    expect(new Set(last).size).toBe(last.length)
  })

  it('keeps the mount and its read-only intent between checks, and reports buffered reads once', async () => {
    const { clock, disk, reports, buffered, configure, out } = setUpChecker()
    disk.slow.add('/a')
    configure(['/a'])
    await clock.advanceTo(0)
    const mount = { point: '/', device: '1:1', type: 'ext4', source: '/dev/a' }
    out('/a').well({ isBuffered: true, known: { mount, readOnlyByIntent: true } })
    await clock.advanceTo(10_000)
    out('/a').fail('read', { step: 'read', cause: 'call', errno: 5, code: 'EIO' })
    await clock.advanceTo(20_500)
    expect(buffered).toEqual(['/a'])
    expect(reports.at(-1)?.checked[0]).toMatchObject({
      mount,
      readOnlyByIntent: true,
      overall: { kind: 'io-error', step: 'read', code: 'EIO' },
      delayMs: null,
    })
  })

  it('stops at once, without timers, further checks or late reports', async () => {
    const { clock, disk, reports, checker, configure } = setUpChecker()
    disk.slow.add('/a')
    configure(['/a', '/b'])
    await clock.advanceTo(1_200)
    const before = reports.length
    checker.stop()
    expect(clock.pending()).toBe(0)
    for (const check of disk.begun) check.well()
    await clock.advanceTo(60_000)
    expect(reports.length).toBe(before)
    expect(disk.begun.length).toBe(2)
  })
})
