import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Young } from '../../../core/scan/reconcile/minimum-age.ts'
import type { ScannedFile } from '../../../core/walk/scanned-file.ts'

const AGE_SECONDS = 60
const START = 1_700_000_000_000

const file = (path: string, changedAt: number, size = 1): ScannedFile => ({
  path,
  size,
  mtimeNs: BigInt(changedAt) * 1_000_000n,
  ctimeNs: BigInt(changedAt) * 1_000_000n,
  inode: 1n,
  device: 1n,
  mode: 0o100644,
})

function open() {
  const ripe: string[] = []
  const young = new Young({ minimumAgeSeconds: AGE_SECONDS, ripe: (paths) => ripe.push(...paths) })
  return { young, ripe }
}

beforeEach(() => void vi.useFakeTimers({ now: START }))
afterEach(() => void vi.useRealTimers())

describe('min-age queue', () => {
  test('a young file is held until it is old enough, released once, and not held again', () => {
    const { young, ripe } = open()
    expect(young.holds(file('DC1/a', START - 20_000))).toBe(true)
    expect(young.waitingIn('DC1')).toBe(1)
    vi.advanceTimersByTime(39_000)
    expect(ripe).toEqual([])
    vi.advanceTimersByTime(2_000)
    expect([ripe, young.waitingIn('DC1')]).toEqual([['DC1/a'], 0])
    expect(young.holds(file('DC1/a', START - 20_000))).toBe(false)
  })

  test('a file dated 5 minutes ahead is held until it is old enough by the local clock', () => {
    const { young, ripe } = open()
    expect(young.holds(file('a', START + 300_000))).toBe(true)
    vi.advanceTimersByTime(355_000)
    expect(ripe).toEqual([])
    vi.advanceTimersByTime(6_000)
    expect(ripe).toEqual(['a'])
  })

  test('a file seen while the clock was ahead is released within twice the minimum age of the correction', () => {
    const { young, ripe } = open()
    vi.setSystemTime(START + 5 * 365 * 86_400_000)
    expect(young.holds(file('DC1/a', Date.now()))).toBe(true)
    vi.setSystemTime(START)
    vi.advanceTimersByTime(2 * AGE_SECONDS * 1000 + 1_000)
    expect([ripe, young.waitingIn('DC1')]).toEqual([['DC1/a'], 0])
  })

  test('a file of the minimum age is not held', () => {
    const { young, ripe } = open()
    expect(young.holds(file('a', START - 60_000))).toBe(false)
    vi.advanceTimersByTime(100_000)
    expect(ripe).toEqual([])
  })

  test('files are released by age, in whatever order they arrived', () => {
    const { young, ripe } = open()
    for (const [name, at] of [
      ['late', START],
      ['soon', START - 50_000],
      ['middle', START - 30_000],
    ] as const)
      young.holds(file(name, at))
    vi.advanceTimersByTime(11_000)
    expect(ripe).toEqual(['soon'])
    vi.advanceTimersByTime(20_000)
    expect(ripe).toEqual(['soon', 'middle'])
    vi.advanceTimersByTime(30_000)
    expect(ripe).toEqual(['soon', 'middle', 'late'])
  })

  test('a file that changes is held for the whole minimum age again', () => {
    const { young, ripe } = open()
    young.holds(file('DC1/a', START))
    vi.advanceTimersByTime(50_000)
    expect(young.holds(file('DC1/a', START + 50_000, 2))).toBe(true)
    expect(young.waitingIn('DC1')).toBe(1)
    vi.advanceTimersByTime(15_000)
    expect(ripe).toEqual([])
    vi.advanceTimersByTime(46_000)
    expect(ripe).toEqual(['DC1/a'])
  })

  test('a file dated years ahead is held by the age of its ctime', () => {
    const { young, ripe } = open()
    const odd = { ...file('a', START + 10 * 365 * 86_400_000), ctimeNs: BigInt(START) * 1_000_000n }
    expect(young.holds(odd)).toBe(true)
    vi.advanceTimersByTime(61_000)
    expect(ripe).toEqual(['a'])
    expect(young.holds(odd)).toBe(false)
  })

  test('files beyond the limit of 10,000 are held too, and released files free their room', () => {
    const { young, ripe } = open()
    for (let index = 0; index < 12_000; index += 1) {
      expect(young.holds(file(`d/${index}`, START))).toBe(true)
    }
    expect(young.waitingIn('d')).toBe(10_000)
    vi.advanceTimersByTime(61_000)
    expect(ripe).toHaveLength(10_000)
    expect(young.holds(file('d/11000', START))).toBe(false)
    // Those that were given back and never came again leave their room to others.
    expect(young.holds(file('DC2/new', START + 61_000))).toBe(true)
    expect(young.waitingIn('DC2')).toBe(1)
  })

  test('a closed queue releases no files and keeps no timer', () => {
    const { young, ripe } = open()
    young.holds(file('a', START))
    young.close()
    vi.advanceTimersByTime(100_000)
    expect([ripe, vi.getTimerCount()]).toEqual([[], 0])
  })
})
