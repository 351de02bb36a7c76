import { expect, onTestFinished, test, vi } from 'vitest'
import { createLimitedLog } from '../../../core/lib/async/limited-log.ts'

function setUp() {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const told: string[] = []
  const log = createLimitedLog((text) => told.push(text))
  const flood = (count: number, text: string) => {
    for (let line = 1; line <= count; line += 1) log(`${text} ${line}`)
  }
  return { told, log, flood }
}

test('limited log: a flood is shown by its first 20 lines, then by a summary with its size', () => {
  const { told, flood } = setUp()
  flood(1_000, 'flood')
  expect([told.length, told.at(-1)]).toEqual([20, 'flood 20'])
  vi.advanceTimersByTime(10_000)
  expect(told.slice(20)).toEqual(['980 more of the same kind, the last one: flood 1000'])
  flood(20, 'then')
  vi.advanceTimersByTime(60_000)
  expect([told.length, told.at(-1)]).toEqual([41, 'then 20'])
  expect(vi.getTimerCount()).toBe(0)
})

test('limited log: the end writes the pending summary at once, and only once', () => {
  const { told, log, flood } = setUp()
  flood(22, 'flood')
  log.end()
  log.end()
  expect(told.slice(20)).toEqual(['2 more of the same kind, the last one: flood 22'])
  expect(vi.getTimerCount()).toBe(0)
})
