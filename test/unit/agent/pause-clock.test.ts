import { expect, test } from 'vitest'
import { createPauseClock } from '../../../core/agent/settings/pause-clock.ts'

const MINUTE = 60_000
const since = 1_000_000_000_000
const pause = { since, until: since + 15 * MINUTE }

// Minutes of the clock on the wall and of the steady one, since the pause was first seen.
test.each([
  ['in the middle', 10, 10, false],
  ['its end', 15, 15, true],
  ['the computer slept through it', 600, 1, true],
  ['the clock was put forward', 16, 1, true],
  ['the clock was put back: not yet', -600, 14, false],
  ['the clock was put back: 15 minutes are over all the same', -600, 15, true],
])('%s', (_what, wall, steady, expected) => {
  const clock = createPauseClock()
  expect(clock.isOver(pause, since, 7)).toBe(false)
  expect(clock.isOver(pause, since + wall * MINUTE, 7 + steady * MINUTE)).toBe(expected)
})

test('after a restart with a clock that was put back it is no longer than it was asked for', () => {
  const clock = createPauseClock()
  const wall = since - 24 * 60 * MINUTE
  expect(clock.isOver(pause, wall, 0)).toBe(false)
  expect(clock.isOver(pause, wall + 15 * MINUTE, 15 * MINUTE)).toBe(true)
})

test('one without an end is never over, and the next one is counted anew', () => {
  const clock = createPauseClock()
  clock.isOver(pause, since, 0)
  expect(clock.isOver({ since, until: null }, since + 1e12, 1e12)).toBe(false)
  expect(clock.isOver(null, since, 1e12)).toBe(false)
  expect(clock.isOver(pause, since, 1e12)).toBe(false)
  const longer = { since, until: since + 30 * MINUTE }
  expect(clock.isOver(longer, since + MINUTE, 1e12 + 16 * MINUTE)).toBe(false)
})
