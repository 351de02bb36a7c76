import { expect, test } from 'vitest'
import { commandHandlers } from '../../../core/agent/commands.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { fakeAgent } from '../../support/agent/fake-agent.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const id = 'a'.repeat(64)
const receiver = { kind: 'receiver', id, fingerprint: id, name: 'nas', host: '127.0.0.1', port: 9 }
const sources = ['one', 'two'].map((name) => ({ id: name, path: `/${name}`, name }))

test('agent for a command: each change is saved, and none starts a worker', async () => {
  const settings = openSettings(temporaryDirectory())
  settings.set(settingsSchema.parse({ destinations: [receiver], sources }))
  const { agent, shown, started } = fakeAgent(settings, 'command')
  agent.proposals.receive(id, { id: 'b', by: 'ada', text: '{"send":{"bytesPerSecond":5000}}' })
  const handlers = commandHandlers(agent)
  await handlers.removeSource({ id: 'one' })
  await handlers.pause({ minutes: 10 })
  await handlers.acceptProposal({ destination: id, proposal: 'b' })
  expect(settings.get()).toMatchObject({ sources: [{ id: 'two' }], send: { bytesPerSecond: 5000 } })
  expect(settings.get().pause).not.toBeNull()
  expect(await agent.stop()).toBe(true)
  expect([started, shown]).toEqual([[], []])
})
