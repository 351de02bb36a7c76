import { expect, test, vi } from 'vitest'
import {
  type ClockReading,
  changeBetween,
  isOwnAddress,
  ownAddresses,
  readClocks,
  watchWake,
} from '../../../core/send/destinations/keep-connected.ts'

const home = ['192.168.1.7', 'fe80::1']
const at = (wall: number, steady: number, addresses: readonly string[] = home): ClockReading => ({
  wall,
  steady,
  addresses,
})
const before = at(1_000_000, 5_000)

test.each([
  ['the next look', at(1_001_000, 6_000), null],
  ['a busy second', at(1_012_000, 17_000), null],
  ['asleep: the steady clock stands still', at(4_601_000, 6_000), 'slept'],
  ['stopped: both clocks went on', at(1_031_000, 36_000), 'slept'],
  ['a clock that was put back', at(1_000, 6_000), null],
  ['stopped while the clock was put back', at(1_000, 40_000), 'slept'],
  ['another network', at(1_001_000, 6_000, ['10.0.0.3']), 'network'],
  ['the network is gone', at(1_001_000, 6_000, []), 'network'],
  ['asleep, and awake in another network', at(4_601_000, 6_000, ['10.0.0.3']), 'slept'],
] as const)('%s', (_what, after, expected) => {
  expect(changeBetween(before, after)).toBe(expected)
})

test.each([
  ['192.168.1.7', true],
  ['::ffff:192.168.1.7', true],
  ['192.168.1.8', false],
  ['fe80::1', true],
  ['127.0.0.1', true],
  ['::1', true],
  ['::ffff:127.0.0.5', true],
])('%s may still live: %s', (address, expected) => {
  expect(isOwnAddress(address, home)).toBe(expected)
})

test('what is looked at is this computer', () => {
  expect(readClocks().addresses).toEqual(ownAddresses())
  expect(ownAddresses().some((address) => address.startsWith('127.'))).toBe(false)
})

test('each change is told once, with what is there now', () => {
  vi.useFakeTimers()
  try {
    let now = before
    const told: [string, readonly string[]][] = []
    const stop = watchWake(
      (change, { addresses }) => told.push([change, addresses]),
      () => now,
    )
    now = at(9_000_000, 6_000)
    vi.advanceTimersByTime(6_000)
    now = at(9_001_000, 7_000, ['10.0.0.3'])
    vi.advanceTimersByTime(6_000)
    expect(told).toEqual([
      ['slept', home],
      ['network', ['10.0.0.3']],
    ])
    stop()
    now = at(99_000_000, 8_000)
    vi.advanceTimersByTime(6_000)
    expect(told).toHaveLength(2)
  } finally {
    vi.useRealTimers()
  }
})
