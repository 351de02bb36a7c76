import { expect, onTestFinished, test, vi } from 'vitest'
import type { Agent } from '../../../core/agent/agent.ts'
import { Healing } from '../../../core/agent/parts/healing/healing.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { receiver, stateWith } from '../../support/agent/status.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** An agent with two destinations, whose senders give a plan when they are told to. */
function begin() {
  let state: AppState = stateWith({
    destinations: ['a', 'b'].map((id) => ({ ...receiver, id, name: `the ${id}` })),
  })
  const asked: string[] = []
  const plans: (() => void)[] = []
  const agent = {
    host: { starter: { start: () => expect.fail('nothing is to be fetched') } },
    log: () => undefined,
    layout: { healing: temporaryDirectory('healing') },
    store: {
      get state() {
        return state
      },
      update: (changes: Partial<AppState>) => {
        state = { ...state, ...changes }
      },
    },
    settings: { get: () => ({ sources: [] }) },
    senders: {
      requestOf: async (id: string, request: string) => {
        asked.push(`${request} ${id}`)
        await new Promise<void>((resolve) => plans.push(resolve))
        return { files: [], resent: 2, sentAgain: [], lost: [], skipped: 0, next: null }
      },
    },
  }
  const healing = new Healing(agent as unknown as Agent)
  onTestFinished(() => healing.end())
  const find = (id: string) => state.destinations.find((one) => one.id === id)?.healing
  return { healing, asked, find, plan: () => plans.shift()?.() }
}

test('healing: destinations are healed one at a time, and each shows its result', async () => {
  const { healing, asked, find, plan } = begin()
  healing.start('a', null)
  healing.start('b', null)
  expect([find('a')?.isRunning, find('b')?.isRunning]).toEqual([true, true])
  await vi.waitFor(() => expect(asked).toEqual(['planHealing a']))
  plan()
  await vi.waitFor(() => expect(asked).toEqual(['planHealing a', 'planHealing b']))
  expect(find('a')).toMatchObject({ isRunning: false, healed: 0, resent: 2, failed: 0, failures: [] })
  plan()
  await vi.waitFor(() => expect(find('b')).toMatchObject({ isRunning: false, resent: 2 }))
  healing.start('a', null)
  await vi.waitFor(() => expect(asked).toEqual(['planHealing a', 'planHealing b', 'planHealing a']))
})
