import { describe, expect, it } from 'vitest'
import type { LanePath } from '../../../core/check/lanes/lanes.ts'
import type { Checked } from '../../../core/check/messages.ts'
import { createChecker } from '../../../core/check/schedule/checker.ts'
import { createFakeClock } from '../../support/check-clock.ts'
import { createFakeDisk } from '../../support/check-disk.ts'

/** A checker whose paths need no more than a read once they have been found well; the test is the lanes. */
function setUp(paths: string[], timeoutSeconds: number | null = 4) {
  const clock = createFakeClock()
  const disk = createFakeDisk(() => clock.now())
  let isReadEnough = true
  disk.isReadEnough = () => isReadEnough
  const slots: LanePath[] = []
  const reads: { slot: number; atMs: number }[] = []
  const removed: number[] = []
  const reports: { atMs: number; checked: Checked }[] = []
  const checker = createChecker({
    clock,
    disk,
    lanes: {
      add: (_path, _isBuffered, events) => slots.push(events) - 1,
      remove: (slot) => void removed.push(slot),
      read: (slot) => void reads.push({ slot, atMs: clock.now() }),
    },
    report: (all) => reports.push(...all.map((checked) => ({ atMs: clock.now(), checked }))),
    buffered: () => undefined,
  })
  const configure = (wanted: string[]) =>
    checker.configure({
      intervalSeconds: 10,
      timeoutSeconds,
      slowSeconds: 2,
      historyPath: null,
      knownMounts: {},
      paths: wanted.map((path) => ({ id: path, path, probes: ['mount', 'read'] })),
    })
  configure(paths)
  return {
    clock,
    disk,
    slots,
    reads,
    removed,
    configure,
    kinds: (path: string) =>
      reports.filter(({ checked }) => checked.id === path).map(({ checked }) => checked.overall.kind),
    reports,
    needAll: () => {
      isReadEnough = false
    },
  }
}

const well = { errno: 0, step: 'close' as const, delayMs: 0.2, isBuffered: false }

describe('a path that has been found well', () => {
  it('is read by the lanes from then on, and told with all its probes', async () => {
    const { clock, disk, slots, reads, reports } = setUp(['/a'])
    await clock.advanceTo(10_000)
    expect(reads).toEqual([{ slot: 0, atMs: 10_000 }])
    slots[0]?.finished(well)
    await clock.advanceTo(10_500)
    expect(disk.begun.length).toBe(1)
    expect(reports.at(-1)?.checked).toMatchObject({
      overall: { kind: 'ok' },
      probes: { mount: { kind: 'ok' }, read: { kind: 'ok' } },
      delayMs: 0.2,
    })
  })

  it('is checked in full at once when the read fails or was not done, and where a read is not enough', async () => {
    const { clock, disk, slots, needAll } = setUp(['/a'])
    await clock.advanceTo(10_000)
    slots[0]?.finished({ ...well, errno: 5 })
    expect(disk.begun.map(({ atMs }) => atMs)).toEqual([0, 10_000])
    await clock.advanceTo(20_000)
    slots[0]?.withdrawn()
    expect(disk.begun.map(({ atMs }) => atMs)).toEqual([0, 10_000, 20_000])
    needAll()
    await clock.advanceTo(30_000)
    expect(disk.begun.map(({ atMs }) => atMs)).toEqual([0, 10_000, 20_000, 30_000])
  })

  it('hangs at the deadline of its read, in the step where it stands, and takes a place of its file system', async () => {
    const { clock, disk, slots, reports, kinds, reads } = setUp(['/a'])
    await clock.advanceTo(10_030)
    slots[0]?.stalled(() => 'read')
    await clock.advanceTo(14_200)
    expect(kinds('/a')).toEqual(['ok', 'hung'])
    expect(reports.at(-1)).toMatchObject({
      checked: { overall: { step: 'read', elapsedMs: 4_000 }, probes: { read: { kind: 'hung' } } },
    })
    await clock.advanceTo(25_000)
    // One read is out; there is no second.
    expect(reads.length + disk.begun.length).toBe(2)
    slots[0]?.finished({ ...well, delayMs: 15_000 })
    await clock.advanceTo(30_500)
    expect(kinds('/a').at(-1)).toBe('ok')
    expect(disk.begun.length).toBe(2)
  })

  it('hangs at that deadline also when a read would not be enough any more, though nothing was mounted anew', async () => {
    const { clock, disk, slots, reports, kinds, needAll } = setUp(['/a'])
    await clock.advanceTo(10_030)
    needAll()
    slots[0]?.stalled(() => 'read')
    await clock.advanceTo(14_200)
    expect(kinds('/a')).toEqual(['ok', 'hung'])
    expect([reports.at(-1)?.checked.overall.elapsedMs, disk.begun.length]).toEqual([4_000, 1])
  })

  it('waits for its turn for as long as it takes when a FIFO had its place during a read', async () => {
    const others = ['/1', '/2', '/3', '/4']
    const { clock, disk, slots, configure, kinds } = setUp(['/f'], null)
    await clock.advanceTo(5_030)
    disk.fifos.add('/f')
    slots[0]?.stalled(() => 'open')
    for (const path of ['/f', ...others]) disk.fileSystems.set(path, 'one')
    for (const path of others) disk.slow.add(path)
    configure(['/f', ...others])
    await clock.advanceTo(5_100)
    slots[0]?.finished({ ...well, errno: 5 })
    disk.fifos.delete('/f')
    await clock.advanceTo(7_000)
    for (const check of disk.begun.slice(-4)) check.well()
    await clock.advanceTo(8_000)
    expect(kinds('/f')).toEqual(['ok', 'ok'])
  })

  it('keeps its lane’s place when it is removed while the read is out', async () => {
    const { clock, slots, removed, configure } = setUp(['/a'])
    await clock.advanceTo(10_030)
    slots[0]?.stalled(() => 'open')
    configure([])
    expect(removed).toEqual([])
    slots[0]?.finished(well)
    expect(removed).toEqual([0])
    expect(clock.pending()).toBe(0)
  })

  it('leaves a read that hangs to itself, and goes on with the file system that is mounted there now', async () => {
    const { clock, disk, slots, reads, removed, kinds } = setUp(['/a', '/b'])
    const mount = (fileSystem: string) => {
      for (const path of ['/a', '/b']) {
        disk.fileSystems.set(path, fileSystem)
        disk.mounts.set(path, fileSystem)
      }
    }
    mount('old')
    await clock.advanceTo(10_030)
    slots[1]?.finished(well)
    slots[0]?.stalled(() => 'read')
    await clock.advanceTo(14_200)
    expect(kinds('/a').at(-1)).toBe('hung')
    mount('new')
    await clock.advanceTo(20_500)
    // Checked in full at first, and the other path does not stay with those whose reads stall.
    expect([kinds('/a').at(-1), reads.length, removed]).toEqual(['ok', 3, [1]])
    slots[2]?.finished(well)
    slots[0]?.finished({ ...well, errno: 5 })
    await clock.advanceTo(30_500)
    expect([reads.at(-2)?.slot, reads.at(-1)?.slot, removed]).toEqual([3, 2, [1, 0]])
    slots[3]?.finished(well)
    await clock.advanceTo(31_000)
    expect(slots.map(({ group }) => group)).toEqual(['old', 'old', 'new', 'new'])
    expect(new Set(kinds('/a').slice(2))).toEqual(new Set(['ok']))
  })
})

describe('a hang that begins just after a tick', () => {
  it('is known of every path of the file system within one interval and a second', async () => {
    const paths = ['/a', '/b', '/c', '/d', '/e', '/f']
    const { clock, disk, kinds, reports, needAll, configure } = setUp([], null)
    needAll()
    for (const path of paths) disk.fileSystems.set(path, 'one')
    configure(paths)
    await clock.advanceTo(500)
    for (const path of paths) expect(kinds(path)).toEqual(['ok'])
    for (const path of paths) disk.slow.add(path)
    await clock.advanceTo(60_000)
    for (const path of paths) {
      const told = reports.find(({ checked }) => checked.id === path && checked.overall.kind === 'hung')
      expect(told?.atMs ?? Number.NaN).toBeLessThanOrEqual(11_000)
    }
    expect(disk.begun.length - paths.length).toBe(4)
  })

  it('needs one look a file system between two ticks, at another path each time', async () => {
    const { clock, disk, needAll, configure } = setUp([], null)
    needAll()
    for (const path of ['/a', '/b']) disk.fileSystems.set(path, 'one')
    configure(['/a', '/b', '/other'])
    await clock.advanceTo(9_000)
    expect(disk.begun.slice(3).map(({ path }) => path)).toEqual(['/a', '/other'])
    await clock.advanceTo(16_000)
    expect(disk.begun.map(({ path, atMs }) => `${path} ${atMs}`)).toContain('/b 15000')
  })
})
