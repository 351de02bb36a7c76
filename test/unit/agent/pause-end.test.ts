import { afterEach, expect, test, vi } from 'vitest'
import { defaultSettings, type Settings } from '../../../core/settings/schema.ts'
import type { SettingsStore } from '../../../core/settings/settings-store.ts'
import { settingsInForce } from '../../../core/settings/settings-store.ts'
import { fakeAgent } from '../../support/agent/fake-agent.ts'

const MINUTE = 60_000
const since = 1_000_000_000_000
const pause = { since, until: since + 15 * MINUTE }

function storeWith(first: Settings['pause']) {
  const disk = { isFull: false, tries: 0 }
  let written: Settings = { ...defaultSettings, pause: first }
  const store: SettingsStore = {
    file: '/data/settings.json',
    notice: null,
    get: () => written,
    set: (next) => {
      disk.tries += 1
      if (disk.isFull) throw new Error('ENOSPC: no space left on device')
      written = next
      return next
    },
    tryWriting: () => undefined,
  }
  return { store, disk, written: () => written }
}

/** Whether a pause is over so many minutes after it began. */
function isOverAfter(minutes: number, of: Settings['pause'] = pause): boolean {
  vi.useFakeTimers({ now: since + minutes * MINUTE })
  const { pause: left } = settingsInForce(storeWith(of).store).get()
  expect(left).toEqual(left === null ? null : of)
  return left === null
}

test.each([
  ['it stays in force before its end', 10, false],
  ['it ends at its end time', 15, true],
  ['it has ended when the computer slept past its end time', 600, true],
  ['it stays in force when the clock is set back by some seconds', -0.5, false],
  ['it ends when the clock is set back to long before its start', -600, true],
])('pause with an end: %s', (_what, minutes, expected) => expect(isOverAfter(minutes)).toBe(expected))

test('pause without an end: it stays in force at any time', () => {
  expect(isOverAfter(1e6, { since, until: null })).toBe(false)
  expect(isOverAfter(-600, { since, until: null })).toBe(false)
})

afterEach(() => void vi.useRealTimers())

test('pause with an end: it ends on a full disk without a write, and the next settings change saves it', async () => {
  vi.useFakeTimers()
  const at = Date.now()
  const { store, disk, written } = storeWith({ since: at - MINUTE, until: at + 500 })
  const { agent, notices } = fakeAgent(store)
  disk.isFull = true
  agent.start()
  expect(agent.store.state.settings.pause).not.toBeNull()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(agent.store.state.settings.pause).toBeNull()
  expect([disk.tries, notices()]).toEqual([0, []])
  expect(() => agent.change((settings) => ({ ...settings, notifications: false }))).toThrow('ENOSPC')
  disk.isFull = false
  agent.change((settings) => ({ ...settings, notifications: false }))
  expect(written()).toMatchObject({ pause: null, notifications: false })
})
