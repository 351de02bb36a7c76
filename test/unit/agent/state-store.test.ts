import { describe, expect, it, vi } from 'vitest'
import { initialState } from '../../../core/agent/state/next-state.ts'
import type { AppState, StatePatch } from '../../../core/agent/state/schema.ts'
import { createStateStore } from '../../../core/agent/state/state-store.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'
import { applyPatch } from '../../../renderer/state/patch.ts'

const initial = initialState('terminal', '1', defaultSettings, '/store')

function withStore(test: (store: ReturnType<typeof createStateStore>, patches: StatePatch[]) => void) {
  vi.useFakeTimers()
  const store = createStateStore(initial, () => ({}))
  const patches: StatePatch[] = []
  store.subscribe((patch) => patches.push(patch))
  test(store, patches)
  store.stop()
  vi.useRealTimers()
}

describe('state store', () => {
  it('the patches applied in order give the state', () =>
    withStore((store, patches) => {
      let view: AppState = store.snapshot().state
      for (let rate = 1; rate <= 10; rate += 1) {
        store.update({ rate })
        vi.advanceTimersByTime(300)
      }
      for (const patch of patches) view = { ...view, ...patch.changes } as AppState
      expect(view).toEqual(store.state)
      expect(patches.every(({ base, revision }) => revision === base + 1)).toBe(true)
    }))

  it('a patch of a long list has only the changed items, and a view applies them in place', () =>
    withStore((store, patches) => {
      const path = (id: string) => ({ id, path: `/${id}`, checked: null, delays: [] })
      store.update({ checkedPaths: ['a', 'b', 'c'].map(path) })
      let view = store.snapshot()
      store.update({ rate: 1, checkedPaths: [path('a'), { ...path('b'), delays: [5] }, path('c')] })
      vi.advanceTimersByTime(1000)
      const patch = patches.at(-1)
      expect(patch?.changes).toEqual({ rate: 1 })
      expect(patch?.items).toEqual({ checkedPaths: { 1: { ...path('b'), delays: [5] } } })
      store.update({ checkedPaths: ['a', 'c'].map(path) })
      vi.advanceTimersByTime(1000)
      for (const one of patches.slice(-2)) {
        const applied = applyPatch(view, one)
        if (applied.kind === 'applied') view = applied.snapshot
      }
      expect(view.state).toEqual(store.state)
    }))

  it('patches are sent at most four times a second', () =>
    withStore((store, patches) => {
      for (let step = 1; step <= 1000; step += 1) {
        store.update({ rate: step })
        vi.advanceTimersByTime(1)
      }
      vi.advanceTimersByTime(250)
      expect(patches.length).toBeLessThanOrEqual(6)
      expect(patches.at(-1)?.changes.rate).toBe(1000)
    }))

  it('a refresh sends only derived values that changed with time', () => {
    vi.useFakeTimers({ now: 0 })
    const store = createStateStore(initial, () => ({ rate: Math.floor(Date.now() / 60_000) }))
    const patches: StatePatch[] = []
    store.subscribe((patch) => patches.push(patch))
    for (let second = 0; second < 150; second += 1) {
      vi.advanceTimersByTime(1_000)
      store.refresh()
    }
    expect(patches.map(({ changes }) => changes)).toEqual([{ rate: 1 }, { rate: 2 }])
    store.stop()
    vi.useRealTimers()
  })

  it('an update without a change sends no patch', () =>
    withStore((store, patches) => {
      store.update({ rate: 0, sources: [] })
      vi.advanceTimersByTime(1000)
      expect(patches).toEqual([])
    }))

  it('the revision of a snapshot is the base of the next patch', () =>
    withStore((store, patches) => {
      store.update({ rate: 7 })
      const { revision, state } = store.snapshot()
      expect(state.rate).toBe(7)
      store.update({ rate: 8 })
      vi.advanceTimersByTime(1000)
      expect(patches.at(-1)?.base).toBe(revision)
    }))
})
