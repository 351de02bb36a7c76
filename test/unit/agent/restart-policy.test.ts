import { expect, test } from 'vitest'
import { decideRestart } from '../../../core/agent/workers/supervisor.ts'

const MINUTE = 60_000

test('restart policy: a worker that ends soon is restarted with growing delays, finally every 2 minutes', () => {
  let failures = 0
  const ends = Array.from({ length: 12 }, () => {
    const restart = decideRestart(failures, 5 * MINUTE)
    failures = restart.failures
    return restart
  })
  expect(ends.slice(0, 4).map(({ delayMs }) => delayMs)).toEqual([200, 400, 800, 1_600])
  expect(ends.at(-1)).toEqual({ failures: 12, delayMs: 2 * MINUTE, isHopeless: true })
  expect(ends.findIndex(({ isHopeless }) => isHopeless)).toBe(10)
})

test('restart policy: a run of 11 minutes resets the delay', () => {
  expect(decideRestart(11, 11 * MINUTE)).toEqual({ failures: 1, delayMs: 200, isHopeless: false })
})

test('restart policy: a worker that progressed waits no longer than it ran, and counts as failed after as many ends', () => {
  expect(decideRestart(3, 500, true)).toEqual({ failures: 4, delayMs: 500, isHopeless: false })
  expect(decideRestart(1, 3_000, true)).toEqual({ failures: 2, delayMs: 400, isHopeless: false })
  expect(decideRestart(3, 10, true)).toMatchObject({ delayMs: 200 })
  expect(decideRestart(10, 3_000, true)).toEqual({ failures: 11, delayMs: 3_000, isHopeless: true })
})
