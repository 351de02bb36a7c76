import { describe, expect, it } from 'vitest'
import { STALL_MS } from '../../../core/check/lanes/crew.ts'
import { afterRead, isSteady, unknownSteadiness } from '../../../core/check/lanes/steadiness.ts'
import { patienceOf, SUSPICION_MS } from '../../../core/check/schedule/patience.ts'

describe('a path', () => {
  it('is steady once it has answered in a thread of its own, not while it takes long', () => {
    expect(isSteady(unknownSteadiness)).toBe(false)
    expect(isSteady(afterRead(unknownSteadiness, false, 3))).toBe(true)
    expect(isSteady(afterRead(unknownSteadiness, false, 4_000))).toBe(false)
  })

  it('stalls the lanes ever more rarely if it does so again and again', () => {
    let state = unknownSteadiness
    const between: number[] = []
    let own = 0
    for (let read = 0; read < 100; read += 1) {
      const wasQuick = isSteady(state)
      state = afterRead(state, wasQuick, STALL_MS + 10)
      if (wasQuick) between.push(own)
      own = wasQuick ? 0 : own + 1
    }
    expect(between.slice(0, 6)).toEqual([1, 1, 2, 4, 8, 16])
  })

  it('is forgiven with time', () => {
    const stalled = afterRead(afterRead(unknownSteadiness, false, 1), true, 100)
    expect(stalled.penalty).toBe(2)
    expect(afterRead(afterRead(stalled, false, 1), true, 1).penalty).toBe(1)
  })
})

describe('patience', () => {
  it.each([1, 2, 5, 10, 60, 600, 3_600])('finds a hang within %d s and one more', (seconds) => {
    const intervalMs = seconds * 1_000
    const { timeoutMs, lookEveryMs } = patienceOf(intervalMs)
    const untilBegun = lookEveryMs === null ? intervalMs : lookEveryMs + SUSPICION_MS
    expect(untilBegun + timeoutMs).toBeLessThan(intervalMs + 1_000)
    expect(timeoutMs).toBeGreaterThanOrEqual(Math.min(900, intervalMs))
    expect(timeoutMs).toBeLessThanOrEqual(5_000)
  })
})
