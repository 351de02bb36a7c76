import { expect, test } from 'vitest'
import { createDelays } from '../../../core/send/progress/progress.ts'
import { DELAY_SECONDS } from '../../../core/send/sender-messages.ts'

test('delays of files: each is counted below the first bound that it does not exceed', () => {
  const now = Date.UTC(2026, 10, 20)
  const delays = createDelays()
  const changedBefore = (seconds: number) => ({ ctimeNs: BigInt(now - seconds * 1_000) * 1_000_000n })
  const last = DELAY_SECONDS.at(-1) ?? Number.NaN
  delays.sent([], now)
  expect(delays.read()).toEqual({ counts: [...DELAY_SECONDS, 0].map(() => 0), seconds: 0 })
  delays.sent(DELAY_SECONDS.map(changedBefore), now)
  expect(delays.read().counts).toEqual([...DELAY_SECONDS.map(() => 1), 0])
  // One of the future has no delay, and one beyond all bounds counts for itself.
  delays.sent([changedBefore(-60), changedBefore(last + 1)], now)
  const { counts, seconds } = delays.read()
  expect(counts).toEqual([2, ...DELAY_SECONDS.slice(1).map(() => 1), 1])
  expect(seconds).toBe(DELAY_SECONDS.reduce((sum, one) => sum + one, 0) + last + 1)
})
