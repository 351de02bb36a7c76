import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { askAgain, retryMs } from '../../../renderer/state/ask-again.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('askAgain: a failed question is repeated within five seconds until it is answered', async () => {
  const answers = [retryMs, retryMs, null]
  const ask = vi.fn(async () => answers.shift() ?? null)
  askAgain(ask, 100)
  expect(ask).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(100)
  expect(ask).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(5_000)
  expect(ask).toHaveBeenCalledTimes(2)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(ask).toHaveBeenCalledTimes(3)
})

test('askAgain: a cancelled question is not repeated, even if an answer was pending', async () => {
  const held = Promise.withResolvers<number | null>()
  const ask = vi.fn(() => held.promise)
  const end = askAgain(ask, 0)
  await vi.advanceTimersByTimeAsync(0)
  end()
  held.resolve(retryMs)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(ask).toHaveBeenCalledTimes(1)
  expect(vi.getTimerCount()).toBe(0)
})
