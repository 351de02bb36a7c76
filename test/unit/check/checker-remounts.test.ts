import { describe, expect, it } from 'vitest'
import { setUpChecker } from '../../support/check/checker.ts'

const mount = { point: '/data', device: '0:50', type: 'nfs4', source: 'server:/' }
const known = { known: { mount, readOnlyByIntent: false } }
const paths = Array.from({ length: 6 }, (_, index) => `/data/${index}`)

/** Six paths of a mount that were well once and hang now, the first four of them with a check that is out. */
async function setUpHung(intervalSeconds = 10) {
  const all = setUpChecker()
  const { clock, disk, configure, told } = all
  /** From now on something else is mounted there. */
  const mountAs = (id: string, fileSystem = 'old') => {
    for (const path of paths) {
      disk.mounts.set(path, id)
      disk.fileSystems.set(path, fileSystem)
    }
  }
  const isSlow = (slow: boolean) => {
    for (const path of paths) disk.slow[slow ? 'add' : 'delete'](path)
  }
  const kinds = () => paths.map((path) => told(path).at(-1)?.[1])
  mountAs('30')
  isSlow(true)
  configure(paths, { intervalSeconds, timeoutSeconds: 4 })
  for (let round = 0; round < 3; round += 1) {
    await clock.advanceTo(round)
    for (const check of disk.begun) check.well(known)
  }
  await clock.advanceTo(intervalSeconds * 1_000 + 5_000)
  const stuck = disk.begun.slice(6)
  expect([stuck.length, new Set(kinds())]).toEqual([4, new Set(['hung'])])
  return { ...all, mountAs, isSlow, kinds, stuck }
}

describe('checker, remount of a hung mount point', () => {
  it.each([
    ['another file system', 'new'],
    ['the same file system', 'old'],
  ])('checks all its paths at once after a mount of %s, and ignores late results', async (_what, fs) => {
    const { clock, disk, checker, mountAs, isSlow, kinds, stuck, told } = await setUpHung(3_600)
    mountAs('31', fs)
    isSlow(false)
    checker.checkNow({ points: ['/data'] })
    await clock.advanceTo(clock.now() + 500)
    expect(kinds()).toEqual(paths.map(() => 'ok'))
    expect(disk.begun.length).toBe(6 + 4 + 6)
    const before = paths.map((path) => told(path).length)
    for (const check of stuck) check.fail('read', { step: 'read', cause: 'call', errno: 5, code: 'EIO' })
    await clock.advanceTo(clock.now() + 60_000)
    expect(paths.map((path) => told(path).length)).toEqual(before)
    // On their timetable as before, and four at a time.
    isSlow(true)
    await clock.advanceTo(2 * 3_600_000 + 10_000)
    expect(kinds()).toEqual(paths.map(() => 'hung'))
    expect(disk.begun.slice(16).map(({ atMs }) => atMs)).toEqual([1, 2, 3, 4].map(() => 2 * 3_600_000))
  })

  it.each([
    ['before their timeout', false],
    ['after their timeout', true],
  ])('checks a new path although removed paths hung there, after a remount %s', async (_when, isLate) => {
    const { clock, disk, checker, configure, told } = setUpChecker()
    const all = [...paths, '/data/stays']
    for (const path of all) {
      disk.mounts.set(path, '30')
      disk.fileSystems.set(path, 'old')
      disk.slow.add(path)
    }
    configure(all.slice(0, 4), { timeoutSeconds: 4 })
    await clock.advanceTo(isLate ? 5_000 : 1_000)
    configure(['/data/stays'], { timeoutSeconds: 4 })
    await clock.advanceTo(isLate ? 12_000 : 2_000)
    for (const path of all) {
      disk.mounts.set(path, '31')
      disk.slow.delete(path)
    }
    checker.checkNow({ points: ['/data'] })
    await clock.advanceTo(30_000)
    expect(told('/data/stays').at(-1)?.[1]).toBe('ok')
  })

  it('detects a remount at the next tick without a hint', async () => {
    const { clock, mountAs, isSlow, kinds } = await setUpHung()
    mountAs('31', 'new')
    isSlow(false)
    await clock.advanceTo(20_500)
    expect(kinds()).toEqual(paths.map(() => 'ok'))
  })

  it('reports the paths of a removed disk as missing', async () => {
    const { clock, disk, checker, mountAs, kinds } = await setUpHung(3_600)
    mountAs('22', 'root')
    checker.checkNow({ points: ['/data'] })
    for (let round = 0; round < 2; round += 1) {
      await clock.advanceTo(clock.now() + 500)
      for (const check of disk.begun.slice(10)) {
        check.fail('mount', { step: 'mount', cause: 'unmounted', point: '/data' })
      }
    }
    await clock.advanceTo(clock.now() + 500)
    expect(kinds()).toEqual(paths.map(() => 'missing'))
  })

  it('starts no check for a hint about an unchanged mount', async () => {
    const { clock, disk, checker, kinds } = await setUpHung()
    for (let times = 0; times < 10; times += 1) {
      checker.checkNow({ points: ['/data'] })
      await clock.advanceTo(clock.now() + 20_000)
    }
    expect([disk.begun.length, new Set(kinds())]).toEqual([10, new Set(['hung'])])
  })

  it('does not report a hang of the replaced mount, and checks the new one', async () => {
    const { clock, disk, configure, told } = setUpChecker()
    disk.slow.add('/data')
    configure(['/data'], { intervalSeconds: 3_600, timeoutSeconds: 4 })
    await clock.advanceTo(2_000)
    disk.mounts.set('/data', '31')
    disk.slow.delete('/data')
    await clock.advanceTo(5_000)
    expect(told('/data').map(([, kind]) => kind)).toEqual(['ok'])
  })

  it('limits the hung checks over 100 remounts, and recovers once they return', async () => {
    const { clock, disk, checker, mountAs, isSlow, kinds } = await setUpHung()
    const mountAgain = async (id: number) => {
      mountAs(`again ${id}`, `file system ${id}`)
      checker.checkNow({ points: ['/data'] })
      await clock.advanceTo(clock.now() + 20_000)
    }
    for (let times = 0; times < 3; times += 1) await mountAgain(times)
    expect(disk.begun.length).toBe(6 + 4 * 4)
    for (let times = 3; times < 100; times += 1) await mountAgain(times)
    expect(disk.begun.length).toBeLessThanOrEqual(6 + 32 + 6)
    expect(new Set(kinds())).toEqual(new Set(['hung']))
    // Once they have come back, all is as before.
    isSlow(false)
    for (const check of [...disk.begun]) check.well(known)
    await clock.advanceTo(clock.now() + 20_000)
    expect(kinds()).toEqual(paths.map(() => 'ok'))
  })
})

describe('checker, released path', () => {
  it('waits for all checks of the path, also for an abandoned one', async () => {
    const { clock, disk, checker, mountAs, isSlow, stuck } = await setUpHung(3_600)
    const [first, second] = stuck
    mountAs('31', 'new')
    isSlow(false)
    checker.checkNow({ points: ['/data'] })
    await clock.advanceTo(clock.now() + 500)
    expect(disk.begun.filter(({ path }) => path === first?.path)).toHaveLength(3)
    const released: string[] = []
    const wait = async (path: string) => {
      await checker.released(path)
      released.push(path)
    }
    const both = [first, second].map((check) => wait(check?.path ?? ''))
    await wait('/elsewhere')
    second?.well()
    await both[1]
    expect(released).toEqual(['/elsewhere', second?.path])
    first?.well()
    await both[0]
  })
})
