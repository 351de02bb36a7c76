import { describe, expect, it } from 'vitest'
import { chooseTimeouts, dueAt, SUSPICION_MS, tickAfter } from '../../../core/check/scheduler/timetable.ts'

const timetable = { startMs: 500, intervalMs: 10_000 }

describe('timetable', () => {
  it('puts tick k at start + k·interval', () => {
    expect([0, 1, 7].map((tick) => dueAt(timetable, tick))).toEqual([500, 10_500, 70_500])
  })

  it.each([
    ['on time', 0, 500, 1],
    ['a little late', 3, 30_517, 4],
    ['a little early, as timers may be', 3, 30_499.4, 4],
    ['late by three ticks', 1, 45_000, 5],
    ['exactly at a later tick, which is still to come', 1, 40_500, 4],
  ])('waits for the next tick when the last one fired %s', (_, tick, nowMs, next) => {
    expect(tickAfter(timetable, tick, nowMs)).toBe(next)
  })

  it('does not drift over a million late ticks', () => {
    let tick = 0
    for (let fired = 0; fired < 1_000_000; fired += 1)
      tick = tickAfter(timetable, tick, dueAt(timetable, tick) + 3)
    expect(dueAt(timetable, tick)).toBe(500 + 1_000_000 * 10_000)
  })
})

describe('check timeouts', () => {
  it.each([1, 2, 5, 10, 60, 600, 3_600])(
    'detect a hang within the interval of %d s plus one second',
    (seconds) => {
      const intervalMs = seconds * 1_000
      const { timeoutMs, spotCheckEveryMs } = chooseTimeouts(intervalMs)
      const untilBegun = spotCheckEveryMs === null ? intervalMs : spotCheckEveryMs + SUSPICION_MS
      expect(untilBegun + timeoutMs).toBeLessThan(intervalMs + 1_000)
      expect(timeoutMs).toBeGreaterThanOrEqual(Math.min(900, intervalMs))
      expect(timeoutMs).toBeLessThanOrEqual(5_000)
    },
  )
})
