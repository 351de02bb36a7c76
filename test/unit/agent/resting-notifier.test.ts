import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { settingsSchema } from '../../../core/settings/schema.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { fakeAgent } from '../../support/agent/fake-agent.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const MINUTE_MS = 60_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function agentAtRest() {
  const fake = fakeAgent(openSettings(temporaryDirectory()))
  fake.answering.add('notifier')
  fake.agent.start()
  // What does not say that it lives would be replaced.
  setInterval(() => {
    for (const { posts } of fake.started) posts({ type: 'alive' })
  }, 1_000)
  return {
    ...fake,
    notifiers: () => fake.started.filter(({ name }) => name === 'notifier'),
    condition: () => fake.agent.store.state.workers.notifier.condition,
  }
}

const nothing = { incidents: [] }

it('idle notifier: it starts with a request and stops a minute after the last one', async () => {
  const { agent, says, notifiers, condition } = agentAtRest()
  await vi.advanceTimersByTimeAsync(MINUTE_MS)
  expect(notifiers()).toHaveLength(0)

  await agent.alerting.notifier.ask('record', nothing)
  await vi.advanceTimersByTimeAsync(2 * MINUTE_MS)
  // It has not reported that it is idle.
  expect(notifiers()[0]?.heard.map(({ type }) => type)).toEqual(['configure', 'request'])

  await agent.alerting.notifier.ask('record', nothing)
  says('notifier', { isIdle: true })
  await vi.advanceTimersByTimeAsync(MINUTE_MS - 2_000)
  expect(condition()).not.toBe('off')
  await vi.advanceTimersByTimeAsync(6_000)
  expect(condition()).toBe('off')
  expect(notifiers()).toHaveLength(1)

  await agent.alerting.notifier.ask('record', nothing)
  expect(notifiers().map(({ heard }) => heard.map(({ type }) => type))).toEqual([
    ['configure', 'request', 'request', 'stop'],
    ['configure', 'request'],
  ])
})

it('idle notifier: a request during its stop is answered by the next process', async () => {
  const { agent, says, notifiers } = agentAtRest()
  await agent.alerting.notifier.ask('record', nothing)
  says('notifier', { isIdle: true })
  await vi.advanceTimersByTimeAsync(MINUTE_MS + 1_000)
  expect(notifiers()[0]?.heard.at(-1)).toEqual({ type: 'stop' })
  const answer = agent.alerting.notifier.ask('record', nothing)
  await vi.advanceTimersByTimeAsync(4_000)
  await expect(answer).resolves.toBeDefined()
  expect(notifiers()).toHaveLength(2)
})

it('idle notifier: a request after the agent has stopped fails and starts no process', async () => {
  const { agent, says, notifiers } = agentAtRest()
  await agent.alerting.notifier.ask('record', nothing)
  says('notifier', { isIdle: true })
  await vi.advanceTimersByTimeAsync(MINUTE_MS + 1_000)
  const stopped = agent.stop()
  await vi.advanceTimersByTimeAsync(10_000)
  await stopped
  await expect(agent.alerting.notifier.ask('record', nothing)).rejects.toThrow()
  expect(notifiers()).toHaveLength(1)
})

it('idle notifier: a new channel keeps the process running', async () => {
  const { agent, says, notifiers, condition } = agentAtRest()
  await agent.alerting.notifier.ask('record', nothing)
  await vi.advanceTimersByTimeAsync(MINUTE_MS + 1_000)
  says('notifier', { isIdle: true })
  const channel = { id: 'ping', type: 'ping', name: 'Ping', options: {} }
  agent.change((settings) =>
    settingsSchema.parse({ ...settings, alerts: { ...settings.alerts, channels: [channel] } }),
  )
  await vi.advanceTimersByTimeAsync(5_000)
  expect(condition()).not.toBe('off')
  expect(notifiers()).toHaveLength(1)
})

it('notifier with a channel: it starts with the agent and does not wait for a request', async () => {
  const settings = openSettings(temporaryDirectory())
  const channel = { id: 'ping', type: 'ping', name: 'Ping', options: {} }
  settings.set(settingsSchema.parse({ alerts: { channels: [channel] } }))
  const { agent, started } = fakeAgent(settings)
  agent.start()
  await vi.advanceTimersByTimeAsync(1_000)
  expect(started.filter(({ name }) => name === 'notifier')).toHaveLength(1)
})

it('notifier reports: an unused native channel keeps the result and time of its last delivery', async () => {
  const { agent, says } = agentAtRest()
  await agent.alerting.notifier.ask('record', nothing)
  const native = { id: 'native', condition: 'ok', at: 5, sentence: null, waiting: 0, secrets: [] }
  says('notifier', { channels: [native] })
  says('notifier', { channels: [{ ...native, condition: 'unused', at: null, waiting: 1 }] })
  expect(agent.store.state.channels).toEqual([{ ...native, waiting: 1 }])
})
