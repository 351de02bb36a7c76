import { expect, onTestFinished, test, vi } from 'vitest'
import { RESTS_AFTER_MS } from '../../../core/agent/workers/supervisor.ts'
import { type Settings, settingsSchema } from '../../../core/settings/schema.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { fakeAgent } from '../../support/agent/fake-agent.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const startAgent = () => {
  const fake = fakeAgent(openSettings(temporaryDirectory()))
  fake.agent.start()
  const change = (part: object) =>
    fake.agent.change((settings): Settings => settingsSchema.parse({ ...settings, ...part }))
  const conditions = () =>
    Object.fromEntries(
      Object.entries(fake.agent.store.state.workers).map(([name, { condition }]) => [name, condition]),
    )
  return { ...fake, change, conditions, names: () => fake.started.map(({ name }) => name) }
}
const off = { checker: 'off', scanner: 'off', sender: 'off', receiver: 'off' }

test('workers of an agent without settings: none runs, and each starts with what needs it', () => {
  const { names, change, conditions } = startAgent()
  expect(names()).toEqual([])
  expect(conditions()).toEqual(off)
  change({ checkedPaths: [{ id: 'c', path: '/data' }] })
  expect(names()).toEqual(['checker'])
  change({ sources: [{ id: 's', path: '/other', name: 'other' }] })
  expect(names()).toEqual(['checker', 'scanner', 'sender'])
})

test('workers of an agent that only receives: the receiver alone runs, whatever it reports', async () => {
  const { names, change, conditions, agent, started } = startAgent()
  change({ receive: { directory: '/store' } })
  const store = {
    problems: [{ key: 'transfer.healthNotWritable', params: { reason: 'EROFS' } }],
    failures: 2,
  }
  const received = { receivedFiles: 0, receivedBytes: 0, refusedConnections: 0 }
  const receiver = await until('the receiver starts', () => started[0])
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  receiver.says({ port: 1, fingerprint: '', storeDirectory: '/store', ...received, store, senders: [] })
  agent.alerting.evaluate()
  // The checker would be asked for a second sample by then.
  await vi.advanceTimersByTimeAsync(RESTS_AFTER_MS)
  expect(names()).toEqual(['receiver'])
  expect(conditions()).toEqual({ ...off, receiver: 'starting' })
})

test('a checker without paths: stops after a while, and counts as off', async () => {
  const { change, conditions, started } = startAgent()
  change({ checkedPaths: [{ id: 'c', path: '/data' }] })
  started[0]?.posts({ type: 'ready', pid: 1 })
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  change({ checkedPaths: [] })
  expect(conditions()).toEqual({ ...off, checker: 'running' })
  // It does not answer, and is abandoned.
  await vi.advanceTimersByTimeAsync(2 * RESTS_AFTER_MS)
  expect(started[0]?.heard.at(-1)).toEqual({ type: 'stop' })
  expect(conditions()).toEqual(off)
})
