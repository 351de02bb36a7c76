import { expect, test, vi } from 'vitest'
import {
  type ClockReading,
  changeBetween,
  isOwnAddress,
  ownAddresses,
  readClocks,
  watchWake,
} from '../../../core/backends/keep-connected.ts'

const home = ['192.168.1.7', 'fe80::1']
const at = (wall: number, steady: number, addresses: readonly string[] = home): ClockReading => ({
  wall,
  steady,
  addresses,
})
const before = at(1_000_000, 5_000)

test.each([
  ['a check one second later', at(1_001_000, 6_000), null],
  ['a check 12 s later', at(1_012_000, 17_000), null],
  ['a steady clock that stood still for an hour', at(4_601_000, 6_000), 'slept'],
  ['a gap of 31 s on both clocks', at(1_031_000, 36_000), 'slept'],
  ['a wall clock set back', at(1_000, 6_000), null],
  ['a gap of 35 s with the wall clock set back', at(1_000, 40_000), 'slept'],
  ['a new network address', at(1_001_000, 6_000, ['10.0.0.3']), 'network'],
  ['a lost network', at(1_001_000, 6_000, []), 'network'],
  ['a sleep that ends in another network', at(4_601_000, 6_000, ['10.0.0.3']), 'slept'],
] as const)('sleep and network watch: %s gives $2', (_what, after, expected) => {
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
])('own addresses: %s belongs to this computer: %s', (address, expected) => {
  expect(isOwnAddress(address, home)).toBe(expected)
})

test('own addresses: the clock readings have the addresses of this computer, without loopback', () => {
  expect(readClocks().addresses).toEqual(ownAddresses())
  expect(ownAddresses().some((address) => address.startsWith('127.'))).toBe(false)
})

test('sleep and network watch: each change is reported once with the current addresses', () => {
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
