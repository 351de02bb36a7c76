import { describe, expect, it } from 'vitest'
import { decideRestart, RESTARTS_PER_HOUR } from '../../../core/agent/workers/restart-policy.ts'

describe('restart policy', () => {
  it('waits longer after each quick end, up to half a minute', () => {
    const delays = Array.from({ length: 10 }, (_, count) => {
      const restarts = Array.from({ length: count }, (_, index) => 1000 + index)
      return decideRestart(restarts, 1900, 2000).delayMs
    })
    expect(delays.slice(0, 4)).toEqual([200, 400, 800, 1600])
    expect(delays.at(-1)).toBe(30_000)
  })

  it('starts anew after a run that lasted', () => {
    expect(decideRestart([1000, 2000, 3000], 4000, 100_000).delayMs).toBe(200)
  })

  it('never restarts more often than it may in an hour', () => {
    const restarts = Array.from({ length: RESTARTS_PER_HOUR }, (_, index) => index * 1000)
    expect(decideRestart(restarts, 59_000, 60_000)).toEqual({ delayMs: 3_540_000, exhausted: true })
    expect(decideRestart(restarts, 59_000, 3_700_000).exhausted).toBe(false)
  })
})
