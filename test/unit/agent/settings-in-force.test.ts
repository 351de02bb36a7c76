import { afterEach, describe, expect, it, vi } from 'vitest'
import { defaultSettings, type Settings } from '../../../core/settings/schema.ts'
import type { SettingsStore } from '../../../core/settings/store.ts'
import { fakeAgent } from '../../support/fake-agent.ts'

/** Settings with a pause that is over, on a disk that can be filled, and an agent that goes by them. */
function agentAfterItsPause() {
  const disk = { isFull: true, tries: 0 }
  const since = Date.now() - 60_000
  let written: Settings = { ...defaultSettings, pause: { since, until: since + 1_000 } }
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
  return { ...fakeAgent(store), disk, written: () => written }
}

describe('the end of a pause on a full disk', () => {
  afterEach(() => void vi.useRealTimers())

  it('comes all the same; it is told once, and the file follows when there is room', async () => {
    vi.useFakeTimers()
    const { disk, agent, logged, notices, written } = agentAfterItsPause()
    agent.start()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(agent.store.state.settings.pause).toBeNull()
    expect(agent.settings.get().pause).toBeNull()
    expect(notices()).toEqual([expect.stringContaining('/data/settings.json cannot be written: ENOSPC')])
    await vi.advanceTimersByTimeAsync(600_000)
    expect(logged.filter((text) => text.includes('ENOSPC'))).toHaveLength(1)
    expect(disk.tries).toBeLessThan(15)
    expect(() => agent.change((settings) => ({ ...settings, notifications: false }))).toThrow('ENOSPC')
    disk.isFull = false
    await vi.advanceTimersByTimeAsync(300_000)
    expect(written()).toMatchObject({ pause: null, notifications: true })
    expect(notices()).toEqual([])
  })

  it('is written with the next change, if that comes first', async () => {
    vi.useFakeTimers()
    const { disk, agent, notices, written } = agentAfterItsPause()
    agent.start()
    await vi.advanceTimersByTimeAsync(60_000)
    disk.isFull = false
    agent.change((settings) => ({ ...settings, notifications: false }))
    expect(written()).toMatchObject({ pause: null, notifications: false })
    expect(notices()).toEqual([])
  })
})
