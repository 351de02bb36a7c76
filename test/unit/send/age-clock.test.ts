import { expect, test } from 'vitest'
import { createAgeClock } from '../../../core/send/delete-after-send/removals.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const START = Date.UTC(2026, 10, 23)

function clockAt(start: number) {
  const at = { wall: start, up: 1000 }
  const now = createAgeClock(
    () => at.wall,
    () => at.up,
  )
  return (wall: number, up = wall) => {
    at.wall += wall
    at.up += up
    return now() - start
  }
}

test('age clock: time advances when the wall clock and the uptime advance together', () => {
  const after = clockAt(START)
  expect([after(HOUR), after(3 * DAY)]).toEqual([HOUR, HOUR + 3 * DAY])
})

test('age clock: a wall clock set ahead makes files no older, and set back no younger', () => {
  const after = clockAt(START)
  expect(after(31 * DAY, 1000)).toBe(1000)
  expect(after(DAY)).toBe(DAY + 1000)
  expect(after(-31 * DAY, 1000)).toBe(DAY)
})

test('age clock: a wall clock corrected from 1970 to the present is accepted', () => {
  const after = clockAt(Date.UTC(1970, 0, 2))
  expect(after(20_000 * DAY, 1000)).toBe(20_000 * DAY)
})
