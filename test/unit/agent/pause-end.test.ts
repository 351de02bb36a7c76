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
  ['in the middle', 10, false],
  ['its end', 15, true],
  ['the computer slept through it', 600, true],
  ['the clock was set by some seconds', -0.5, false],
  ['the clock was put back to before it began', -600, true],
])('%s', (_what, minutes, expected) => expect(isOverAfter(minutes)).toBe(expected))

test('one without an end is never over', () => {
  expect(isOverAfter(1e6, { since, until: null })).toBe(false)
  expect(isOverAfter(-600, { since, until: null })).toBe(false)
})

afterEach(() => void vi.useRealTimers())

test('on a full disk it ends all the same, without a try to write; the next change writes it', async () => {
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
