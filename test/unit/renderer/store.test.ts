import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Bridge } from '../../../core/agent/contract.ts'
import type { AppState, StatePatch, StateSnapshot } from '../../../core/agent/state/schema.ts'
import { createStateStore } from '../../../renderer/state/store.ts'
import { until } from '../../support/until.ts'
import { emptyState, sourceState } from './fake-state.ts'

/** An agent whose answers the test gives by hand. */
function fakeAgent() {
  const patchListeners = new Set<(patch: StatePatch) => void>()
  const staleListeners = new Set<() => void>()
  const waiting: { answer: (snapshot: StateSnapshot) => void; fail: (reason: Error) => void }[] = []
  let asked = 0
  const bridge = {
    call: () => {
      asked += 1
      return new Promise((answer, fail) => waiting.push({ answer, fail }))
    },
    on: (event: 'patch' | 'stale', listener: (payload: unknown) => void) => {
      const listeners: Set<(payload: never) => void> = event === 'patch' ? patchListeners : staleListeners
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    // The store uses these two of the bridge, one command and two events.
  } as unknown as Pick<Bridge, 'call' | 'on'>
  return {
    bridge,
    asked: () => asked,
    listeners: () => patchListeners.size + staleListeners.size,
    async answer(revision: number, state: AppState = emptyState()) {
      const next = await until('a question for the snapshot', () => waiting.shift())
      next.answer({ revision, state })
    },
    async fail(reason: string) {
      const next = await until('a question for the snapshot', () => waiting.shift())
      next.fail(new Error(reason))
    },
    interrupt() {
      for (const listener of staleListeners) listener()
    },
    patch(base: number, revision: number, changes: StatePatch['changes']) {
      for (const listener of patchListeners) listener({ base, revision, changes })
    },
  }
}

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

function startStore(agent: ReturnType<typeof fakeAgent>) {
  const store = createStateStore(agent.bridge, 20)
  stops.push(store.start())
  const revision = () => store.get().snapshot?.revision
  return { store, revision, at: (wanted: number) => until(`revision ${wanted}`, () => revision() === wanted) }
}

describe('state store', () => {
  test('the state is empty until the snapshot arrives, and then follows the patches', async () => {
    const agent = fakeAgent()
    const { store, at } = startStore(agent)
    expect(store.get()).toEqual({ snapshot: null, unreachable: null })
    await agent.answer(5)
    await at(5)
    agent.patch(5, 6, { rate: 100 })
    agent.patch(6, 9, { version: '2' })
    expect(store.get().snapshot).toMatchObject({ revision: 9, state: { rate: 100, version: '2' } })
    expect(agent.asked()).toBe(1)
  })

  test('a patch after a gap is not applied, and a new snapshot is requested', async () => {
    const agent = fakeAgent()
    const { store, at } = startStore(agent)
    await agent.answer(5)
    await at(5)
    agent.patch(7, 8, { rate: 800 })
    expect(store.get().snapshot).toMatchObject({ revision: 5, state: { rate: 0 } })
    await agent.answer(8, emptyState({ rate: 800 }))
    await at(8)
    agent.patch(8, 9, { rate: 900 })
    expect(store.get().snapshot?.state.rate).toBe(900)
    expect(agent.asked()).toBe(2)
  })

  test('a patch that arrives before its snapshot is not lost', async () => {
    const agent = fakeAgent()
    const { at } = startStore(agent)
    agent.patch(5, 6, { rate: 1 })
    await agent.answer(5)
    await agent.answer(6, emptyState({ rate: 1 }))
    await at(6)
  })

  test('a patch that the snapshot already contains leaves the state unchanged', async () => {
    const agent = fakeAgent()
    const { store, at } = startStore(agent)
    agent.patch(5, 6, { rate: 1 })
    await agent.answer(6, emptyState({ rate: 1 }))
    await at(6)
    const before = store.get()
    agent.patch(5, 6, { rate: 1 })
    expect(store.get()).toBe(before)
    expect(agent.asked()).toBe(1)
  })

  test('after an interruption a snapshot replaces the state, also of an agent that counts from the beginning', async () => {
    const agent = fakeAgent()
    const { at } = startStore(agent)
    await agent.answer(5)
    await at(5)
    agent.interrupt()
    await agent.answer(2)
    await at(2)
  })

  test('a snapshot that was requested before an interruption is requested again', async () => {
    const agent = fakeAgent()
    const { at } = startStore(agent)
    agent.interrupt()
    await agent.answer(5)
    await agent.answer(6)
    await at(6)
    expect(agent.asked()).toBe(2)
  })

  test('an unreachable agent is reported and asked again, and the report is cleared when it answers', async () => {
    const agent = fakeAgent()
    const { store, at } = startStore(agent)
    await agent.fail('no agent')
    await until('the reason', () => store.get().unreachable?.params.reason === 'no agent')
    await agent.answer(1)
    await at(1)
    expect(store.get().unreachable).toBeNull()
  })

  test('listeners are notified of changes until they unsubscribe', async () => {
    const agent = fakeAgent()
    const { store, at } = startStore(agent)
    const listener = vi.fn()
    const leave = store.subscribe(listener)
    await agent.answer(1)
    await at(1)
    expect(listener).toHaveBeenCalledTimes(1)
    leave()
    agent.patch(1, 2, { rate: 2 })
    expect(listener).toHaveBeenCalledTimes(1)
  })

  test('a stopped store removes its listener and ignores a pending answer', async () => {
    const agent = fakeAgent()
    const store = createStateStore(agent.bridge, 20)
    const seen: (number | undefined)[] = []
    store.subscribe(() => seen.push(store.get().snapshot?.revision))
    const stop = store.start()
    stop()
    expect(agent.listeners()).toBe(0)
    await agent.answer(1)
    stops.push(store.start())
    await agent.answer(2)
    await until('revision 2', () => store.get().snapshot?.revision === 2)
    expect(seen).toEqual([2])
  })

  test('unchanged parts keep their identity across a patch', async () => {
    const agent = fakeAgent()
    const { store, at } = startStore(agent)
    const sources = [sourceState('a', '/a'), sourceState('b', '/b')]
    await agent.answer(1, emptyState({ sources }))
    await at(1)
    const [a, b] = store.get().snapshot?.state.sources ?? []
    const changed = structuredClone(sources).map((source, index) =>
      index === 0 ? source : { ...source, rate: 7 },
    )
    agent.patch(1, 2, { sources: changed })
    const [a2, b2] = store.get().snapshot?.state.sources ?? []
    expect(a2).toBe(a)
    expect(b2).not.toBe(b)
    expect(b2?.rate).toBe(7)
    expect(b2?.checked).toBe(b?.checked)
  })
})
