import { describe, expect, it } from 'vitest'
import { callFailure } from '../../../core/check/probes/findings.ts'
import { setUpChecker } from '../../support/check/checker.ts'

const FULL = callFailure('write', { errno: 28, code: 'ENOSPC' })
const PATHS = Array.from({ length: 20 }, (_, index) => `/disk/${index}`)

/** A checker of twenty directories on one disk, every 10 s, from a moment when each was written to. */
async function setUpDisk(
  changed: { timeoutSeconds?: number; sharesWrites?: boolean; folders?: number } = {},
) {
  const { sharesWrites = true, timeoutSeconds = null, folders = PATHS.length } = changed
  const paths = PATHS.slice(0, folders)
  const set = setUpChecker()
  const { disk, clock, configure, told } = set
  disk.sharesWrites = () => sharesWrites
  for (const path of paths) disk.fileSystems.set(path, 'disk')
  configure(paths, {
    timeoutSeconds,
    paths: paths.map((path) => ({ id: path, path, probes: ['mount', 'read', 'write'] })),
  })
  await clock.advanceTo(1_000)
  const first = disk.begun.splice(0)
  const written = () => disk.begun.filter(({ sharesWrite }) => !sharesWrite)
  const kinds = (path: string) => told(path).map(([, kind]) => kind)
  return { ...set, first, written, kinds }
}

describe('checker, write probes of one file system', () => {
  it('after the first check one path is written to at each tick, and another one between two ticks', async () => {
    const { first, clock, written, told } = await setUpDisk()
    expect(first.filter(({ sharesWrite }) => !sharesWrite)).toHaveLength(20)
    await clock.advanceTo(101_000)
    expect(written()).toHaveLength(20)
    expect(new Set(written().map(({ path }) => path)).size).toBeGreaterThanOrEqual(10)
    // A check without a write is reported as any other.
    for (const path of PATHS) expect(told(path).length).toBeGreaterThanOrEqual(11)
  })

  it('a full disk is reported for each path at once', async () => {
    const { clock, disk, kinds } = await setUpDisk()
    await clock.advanceTo(10_500)
    for (const path of PATHS) disk.failedWrites.set(path, FULL)
    await clock.advanceTo(15_500)
    for (const path of PATHS) expect(kinds(path).at(-1)).toBe('full')
    disk.failedWrites.clear()
    await clock.advanceTo(20_500)
    for (const path of PATHS) expect(kinds(path).at(-1)).toBe('ok')
  })

  it('the quota of one directory is reported for that one, and the others are written to as seldom as before', async () => {
    const { clock, disk, kinds, written } = await setUpDisk()
    disk.failedWrites.set('/disk/7', FULL)
    await clock.advanceTo(201_000)
    expect(kinds('/disk/7').at(-1)).toBe('full')
    for (const path of PATHS.filter((one) => one !== '/disk/7'))
      expect(new Set(kinds(path))).toEqual(new Set(['ok']))
    // A write each 5 s, that of the failing path at each tick, and once all of them.
    expect(written().length).toBeLessThanOrEqual(40 + 20 + 20)
  })

  it('a hang of writes alone is reported for each path within one interval and a second', async () => {
    for (const brokenMs of [1_000, 5_100, 9_900, 14_900, 15_100]) {
      const { clock, disk, reports } = await setUpDisk()
      await clock.advanceTo(brokenMs)
      for (const path of PATHS) disk.slowWrites.add(path)
      await clock.advanceTo(brokenMs + 30_000)
      for (const path of PATHS) {
        const hung = reports.find(({ checked }) =>
          checked.some(({ id, overall }) => id === path && overall.kind === 'hung'),
        )
        expect(hung?.atMs ?? Number.NaN).toBeLessThanOrEqual(brokenMs + 11_000)
      }
    }
  })

  it('each path is written to at least every ten minutes', async () => {
    const { clock, written } = await setUpDisk()
    await clock.advanceTo(700_000)
    for (const path of PATHS) expect(written().map((one) => one.path)).toContain(path)
  })

  it('each path is written to at each tick without spot checks, and where one write says nothing of another', async () => {
    for (const changed of [{ timeoutSeconds: 4 }, { sharesWrites: false }]) {
      const { clock, disk } = await setUpDisk(changed)
      await clock.advanceTo(10_500)
      const ticks = disk.begun.filter(({ atMs }) => atMs === 10_000)
      expect(ticks.map(({ sharesWrite }) => sharesWrite)).toEqual(PATHS.map(() => false))
    }
  })

  it('a path whose check is under way when another write fails is checked again with all its probes', async () => {
    const { clock, disk, out, kinds } = await setUpDisk()
    await clock.advanceTo(9_000)
    disk.slowWrites.add('/disk/0')
    disk.slow.add('/disk/3')
    await clock.advanceTo(10_200)
    disk.failedWrites.set('/disk/3', FULL)
    const underWay = out('/disk/3')
    expect(underWay.sharesWrite).toBe(true)
    out('/disk/0').fail('write', FULL)
    disk.slow.clear()
    underWay.well()
    await clock.advanceTo(11_000)
    expect(kinds('/disk/3').at(-1)).toBe('full')
  })

  it('slow writes are no endless round of checks', async () => {
    for (const writeMs of [50, 150, 500, 900]) {
      const { clock, checker, disk, written } = await setUpDisk({ folders: 3 })
      disk.writeMs = writeMs
      checker.checkNow()
      await clock.advanceTo(61_000)
      // A path is written to at each tick and between two; the others once, if that outlasts the suspicion.
      expect(written().length, `${writeMs} ms`).toBeLessThanOrEqual(3 + 12 * (writeMs < 400 ? 1 : 3))
    }
  })

  it('a check on demand writes to each path', async () => {
    const { clock, checker, written } = await setUpDisk()
    await clock.advanceTo(12_000)
    const before = written().length
    checker.checkNow()
    await clock.advanceTo(12_500)
    expect(written().length - before).toBe(20)
  })
})
