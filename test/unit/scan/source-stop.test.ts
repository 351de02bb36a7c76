import { expect, onTestFinished, test, vi } from 'vitest'
import type { Ledger } from '../../../core/ledger/ledger.ts'
import { runSource } from '../../support/scan/source.ts'
import { open } from '../../support/store/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test.each(['continuous', 'batch'])('source (%s): after its end it uses the ledger no more', async (kind) => {
  const { ledger } = open()
  const calls: string[] = []
  const counted = new Proxy(ledger, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...words: unknown[]) => {
        calls.push(String(name))
        return value.apply(target, words)
      }
    },
  })
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const expected = [{ pattern: '{YYYY}{MM}{DD}.dat', everyMinutes: 1_440, withinMinutes: 60, zone: 'UTC' }]
  const running = runSource({ path: temporaryDirectory('source'), kind, expected }, counted as Ledger)
  const settle = async () => {
    for (let turns = 0; turns < 50; turns += 1) await new Promise((resolve) => setImmediate(resolve))
  }
  await settle()
  expect(calls.length).toBeGreaterThan(0)
  running.nudge()
  running.stop()
  await settle()
  calls.length = 0
  await vi.advanceTimersByTimeAsync(3_600_000)
  await settle()
  expect(calls).toEqual([])
})
