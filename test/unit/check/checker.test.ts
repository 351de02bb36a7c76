import { describe, expect, it } from 'vitest'
import type { Checked } from '../../../core/check/messages.ts'
import { type CheckerConfig, createChecker } from '../../../core/check/schedule/checker.ts'
import { createFakeClock, WALL_AT_START } from '../../support/check-clock.ts'
import { createFakeDisk } from '../../support/check-disk.ts'

const call = { cause: 'call' as const, errno: 5, code: 'EIO' }

function setUp() {
  const clock = createFakeClock()
  const disk = createFakeDisk(() => clock.now())
  const reports: { atMs: number; checked: Checked[] }[] = []
  const buffered: string[] = []
  const checker = createChecker({
    clock,
    disk,
    lanes: { add: () => null, remove: () => undefined, read: () => undefined },
    report: (checked) => reports.push({ atMs: clock.now(), checked }),
    buffered: (path) => buffered.push(path),
  })
  const configure = (paths: string[], changed: Partial<CheckerConfig> = {}) =>
    checker.configure({
      intervalSeconds: 10,
      timeoutSeconds: 10,
      slowSeconds: 2,
      historyPath: null,
      knownMounts: {},
      paths: paths.map((path) => ({ id: path, path, probes: ['read'] })),
      ...changed,
    })
  /** [tick in milliseconds, kind] of every report of a path. */
  const told = (path: string) =>
    reports.flatMap(({ checked }) =>
      checked
        .filter(({ id }) => id === path)
        .map(({ at, overall }) => [at - WALL_AT_START, overall.kind] as const),
    )
  const begun = (path: string) => disk.begun.filter((check) => check.path === path).map(({ atMs }) => atMs)
  const out = (path: string) =>
    disk.begun.findLast((check) => check.path === path) ?? expect.fail(`${path}: none`)
  return { clock, disk, reports, buffered, checker, configure, told, begun, out }
}

describe('the checker', () => {
  it('checks at start + k·interval, and tells every verdict', async () => {
    const { clock, configure, told, begun } = setUp()
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

  it('calls a well path slow from the threshold that is set, also when it is set later', async () => {
    const { clock, configure, told } = setUp()
    configure(['/a'], { slowSeconds: 0.0005 })
    await clock.advanceTo(5_000)
    configure(['/a'], { slowSeconds: 3 })
    await clock.advanceTo(15_000)
    expect(told('/a')).toEqual([
      [0, 'slow'],
      [10_000, 'ok'],
    ])
  })

  it('tells a hang once at its deadline, then at each tick with the time growing; one check is out', async () => {
    const { clock, disk, reports, configure, told, begun } = setUp()
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
    const { clock, disk, configure, told } = setUp()
    for (const path of ['/fifo', '/busy']) disk.slow.add(path)
    disk.fifos.add('/fifo')
    configure(['/fifo', '/busy'], { timeoutSeconds: null })
    await clock.advanceTo(1_200)
    expect([told('/fifo'), told('/busy')]).toEqual([[[0, 'hung']], []])
    await clock.advanceTo(9_000)
    expect([told('/fifo'), told('/busy')]).toEqual([[[0, 'hung']], [[0, 'hung']]])
  })

  it('leaves a FIFO the time that was asked for', async () => {
    const { clock, disk, configure, told } = setUp()
    disk.slow.add('/fifo')
    disk.fifos.add('/fifo')
    configure(['/fifo'], { timeoutSeconds: 4 })
    await clock.advanceTo(3_999)
    expect(told('/fifo')).toEqual([])
  })

  it('does not take a late answer for a recovery: the next good check is', async () => {
    const { clock, disk, configure, told, out } = setUp()
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

  it('skips the ticks that a slow check overlaps and is back on the timetable afterwards', async () => {
    const { clock, disk, configure, begun, out } = setUp()
    disk.slow.add('/a')
    configure(['/a'], { timeoutSeconds: 60 })
    await clock.advanceTo(14_000)
    disk.slow.delete('/a')
    out('/a').well()
    await clock.advanceTo(30_500)
    expect(begun('/a')).toEqual([0, 20_000, 30_000])
  })

  it('never lets one path wait for another', async () => {
    const { clock, disk, configure, told } = setUp()
    for (let index = 0; index < 100; index += 1) disk.slow.add(`/hung${index}`)
    configure([...disk.slow, '/well'])
    await clock.advanceTo(30_500)
    expect(told('/well').map(([at]) => at)).toEqual([0, 10_000, 20_000, 30_000])
  })

  it('says which probe hangs and in which step, with what the others found', async () => {
    const { clock, disk, reports, configure, out } = setUp()
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

  it('keeps at most four checks of one file system out; the others are told from that knowledge', async () => {
    const { clock, disk, configure, told, begun } = setUp()
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

  it('asks a file system that hangs for nothing on behalf of the paths that wait for it', async () => {
    const { clock, disk, configure } = setUp()
    const paths = Array.from({ length: 20 }, (_, index) => `/dead/${index}`)
    for (const path of paths) {
      disk.fileSystems.set(path, 'dead')
      disk.slow.add(path)
    }
    configure(paths, { timeoutSeconds: null })
    await clock.advanceTo(60_000)
    expect(disk.asked).toEqual(paths.slice(0, 4))
  })

  it('asks once for what is there, however long a check waits for a thread', async () => {
    const { clock, disk, configure, told, out } = setUp()
    disk.slow.add('/a')
    configure(['/a'], { timeoutSeconds: null })
    await clock.advanceTo(1)
    out('/a').progress.begunMs = null
    await clock.advanceTo(60_000)
    expect([disk.asked, told('/a')]).toEqual([['/a'], []])
  })

  it('lets a path whose hang is its own (a FIFO) not speak for its file system', async () => {
    const { clock, disk, configure, told, begun } = setUp()
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
    const { clock, disk, configure, told } = setUp()
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

  it('adds and removes paths without moving the timetable of the others', async () => {
    const { clock, configure, begun, told } = setUp()
    configure(['/a', '/b'])
    await clock.advanceTo(13_000)
    configure(['/a', '/c'])
    await clock.advanceTo(24_000)
    expect(begun('/a')).toEqual([0, 10_000, 20_000])
    expect(begun('/b')).toEqual([0, 10_000])
    expect(begun('/c')).toEqual([13_000, 23_000])
    expect(told('/b').length).toBe(2)
  })

  it('begins a new timetable when the interval changes, and a new memory when the path does', async () => {
    const { clock, disk, configure, begun } = setUp()
    configure(['/a'])
    await clock.advanceTo(13_000)
    configure(['/a'], { intervalSeconds: 3 })
    await clock.advanceTo(17_000)
    expect(begun('/a')).toEqual([0, 10_000, 13_000, 16_000])
    configure([], { intervalSeconds: 3, paths: [{ id: '/a', path: '/elsewhere', probes: ['read'] }] })
    await clock.advanceTo(17_500)
    expect(disk.begun.at(-1)).toMatchObject({ path: '/elsewhere', atMs: 17_000 })
  })

  it('counts the hung checks of a removed path as long as they are out', async () => {
    const { clock, disk, configure, told } = setUp()
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

  it('checks every path at once on request, besides the timetable', async () => {
    const { clock, checker, configure, begun } = setUp()
    configure(['/a', '/b'])
    await clock.advanceTo(4_000)
    checker.checkNow()
    await clock.advanceTo(12_000)
    expect(begun('/a')).toEqual([0, 4_000, 10_000])
    expect(begun('/b')).toEqual([0, 4_000, 10_000])
  })

  it('reports at most every 100 ms, in parts of a thousand, the newest of each path', async () => {
    const { clock, reports, configure, checker } = setUp()
    const paths = Array.from({ length: 2_500 }, (_, index) => `/p${index}`)
    configure(paths)
    await clock.advanceTo(1_200)
    expect(reports.map(({ checked }) => checked.length)).toEqual([1_000, 1_000, 500])
    const gaps = reports.slice(1).map(({ atMs }, index) => atMs - (reports[index]?.atMs ?? 0))
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(100)
    for (let times = 0; times < 5; times += 1) checker.checkNow()
    await clock.advanceTo(1_050)
    const last = reports.at(-1)?.checked.map(({ id }) => id) ?? []
    expect(new Set(last).size).toBe(last.length)
  })

  it('remembers mount and memory between checks, and says once that reads are buffered', async () => {
    const { clock, disk, reports, buffered, configure, out } = setUp()
    disk.slow.add('/a')
    configure(['/a'])
    await clock.advanceTo(0)
    const mount = { point: '/', device: '1:1', type: 'ext4', source: '/dev/a' }
    out('/a').well({ isBuffered: true, known: { mount, readOnlyByIntent: true } })
    await clock.advanceTo(10_000)
    out('/a').fail('read', { step: 'read', ...call })
    await clock.advanceTo(20_500)
    expect(buffered).toEqual(['/a'])
    expect(reports.at(-1)?.checked[0]).toMatchObject({
      mount,
      readOnlyByIntent: true,
      overall: { kind: 'io-error', step: 'read', code: 'EIO' },
      delayMs: null,
    })
  })

  it('ends at once: no timer stays, and what comes back later is not told', async () => {
    const { clock, disk, reports, checker, configure } = setUp()
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
