import { afterEach, expect, test, vi } from 'vitest'
import { startPatience } from '../../../cli/restore/patience.ts'

/** A patience of five seconds, and what has become of it. */
function setUp() {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  let now = 0
  let isOver = false
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  const patience = startPatience(5_000, () => {
    isOver = true
  })
  const stand = (ms: number) => {
    now += ms
  }
  const pass = (ms: number) => {
    for (let left = ms; left > 0; left -= 100) {
      now += 100
      vi.advanceTimersByTime(100)
    }
  }
  return { patience, pass, stand, isOver: () => isOver }
}

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

test('event timeout: it expires after the given silence, and each event restarts it', () => {
  const { patience, pass, isOver } = setUp()
  pass(4_500)
  patience.heard()
  pass(4_500)
  expect(isOver()).toBe(false)
  pass(2_000)
  expect(isOver()).toBe(true)
})

test('event timeout: a process that was suspended gets the full time again', () => {
  const { pass, stand, isOver } = setUp()
  pass(4_500)
  stand(60_000)
  pass(4_500)
  expect(isOver()).toBe(false)
  pass(2_000)
  expect(isOver()).toBe(true)
})
