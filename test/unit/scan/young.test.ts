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

describe('files that are not old enough', () => {
  test('one waits until it is, is given back once, and may go then', () => {
    const { young, ripe } = open()
    expect(young.holds(file('DC1/a', START - 20_000))).toBe(true)
    expect(young.waitingIn('DC1')).toBe(1)
    vi.advanceTimersByTime(39_000)
    expect(ripe).toEqual([])
    vi.advanceTimersByTime(2_000)
    expect([ripe, young.waitingIn('DC1')]).toEqual([['DC1/a'], 0])
    expect(young.holds(file('DC1/a', START - 20_000))).toBe(false)
  })

  test('another clock is some minutes ahead: it waits until this one has come so far', () => {
    const { young, ripe } = open()
    expect(young.holds(file('a', START + 300_000))).toBe(true)
    vi.advanceTimersByTime(355_000)
    expect(ripe).toEqual([])
    vi.advanceTimersByTime(6_000)
    expect(ripe).toEqual(['a'])
  })

  test('one that was seen while the clock was ahead waits no longer than its age once that is right', () => {
    const { young, ripe } = open()
    vi.setSystemTime(START + 5 * 365 * 86_400_000)
    expect(young.holds(file('DC1/a', Date.now()))).toBe(true)
    vi.setSystemTime(START)
    vi.advanceTimersByTime(2 * AGE_SECONDS * 1000 + 1_000)
    expect([ripe, young.waitingIn('DC1')]).toEqual([['DC1/a'], 0])
  })

  test('an old one never waits', () => {
    const { young, ripe } = open()
    expect(young.holds(file('a', START - 60_000))).toBe(false)
    vi.advanceTimersByTime(100_000)
    expect(ripe).toEqual([])
  })

  test('the earliest decides, in whatever order they came; each in its time', () => {
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

  test('one that changes waits anew', () => {
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

  test('a time in the future: its age is counted from the last change of its inode, and it goes', () => {
    const { young, ripe } = open()
    const odd = { ...file('a', START + 10 * 365 * 86_400_000), ctimeNs: BigInt(START) * 1_000_000n }
    expect(young.holds(odd)).toBe(true)
    vi.advanceTimersByTime(61_000)
    expect(ripe).toEqual(['a'])
    expect(young.holds(odd)).toBe(false)
  })

  test('more than there is room for wait all the same: the next comparison finds them', () => {
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

  test('closed, nothing is given back any more', () => {
    const { young, ripe } = open()
    young.holds(file('a', START))
    young.close()
    vi.advanceTimersByTime(100_000)
    expect([ripe, vi.getTimerCount()]).toEqual([[], 0])
  })
})
