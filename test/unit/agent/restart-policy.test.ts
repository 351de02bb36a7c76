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
