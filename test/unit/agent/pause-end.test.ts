import { afterEach, expect, test, vi } from 'vitest'
import { settingsInForce } from '../../../core/agent/settings/pause-end.ts'
import { defaultSettings, type Settings } from '../../../core/settings/schema.ts'
import type { SettingsStore } from '../../../core/settings/store.ts'
import { fakeAgent } from '../../support/fake-agent.ts'

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

/** Settings with this pause, and how another one takes its place. */
function open(first: Settings['pause']) {
  const { store } = storeWith(first)
  const settings = settingsInForce(store)
  const put = (next: Settings['pause']) => void settings.set({ ...settings.get(), pause: next })
  return { settings, put }
}

// Minutes of the clock on the wall and of the steady one, since the pause was first seen.
test.each([
  ['in the middle', 10, 10, false],
  ['its end', 15, 15, true],
  ['the computer slept through it', 600, 1, true],
  ['the clock was put forward', 16, 1, true],
  ['the clock was put back: not yet', -600, 14, false],
  ['the clock was put back: 15 minutes are over all the same', -600, 15, true],
])('%s', (_what, wall, steady, expected) => {
  const { settings } = open(pause)
  expect(settings.endPause(since, 7)).toBe(false)
  expect(settings.endPause(since + wall * MINUTE, 7 + steady * MINUTE)).toBe(expected)
  expect(settings.get().pause).toEqual(expected ? null : pause)
  // It ends once.
  expect(settings.endPause(since + wall * MINUTE, 7 + steady * MINUTE)).toBe(false)
})

test('after a restart with a clock that was put back it is no longer than it was asked for', () => {
  const { settings } = open(pause)
  const wall = since - 24 * 60 * MINUTE
  expect(settings.endPause(wall, 0)).toBe(false)
  expect(settings.endPause(wall + 15 * MINUTE, 15 * MINUTE)).toBe(true)
})

test('one without an end is never over, and the next one is counted anew', () => {
  const { settings, put } = open(pause)
  settings.endPause(since, 0)
  put({ since, until: null })
  expect(settings.endPause(since + 1e12, 1e12)).toBe(false)
  const longer = { since, until: since + 30 * MINUTE }
  put(longer)
  expect(settings.endPause(since, 1e12)).toBe(false)
  expect(settings.endPause(since + MINUTE, 1e12 + 16 * MINUTE)).toBe(false)
  expect(settings.get().pause).toEqual(longer)
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
