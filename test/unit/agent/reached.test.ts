import { expect, it } from 'vitest'
import { BEGUN } from '../../../core/restore/restore-messages.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { fakeAgent } from '../../support/agent/fake-agent.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const receiver = { id: 'vm', kind: 'receiver', name: 'vm', host: 'vm', port: 1, fingerprint: 'a'.repeat(64) }

function agentWithReceiver() {
  const settings = openSettings(temporaryDirectory())
  settings.set(
    settingsSchema.parse({ destinations: [receiver], sources: [{ id: 's', path: '/data', name: 'data' }] }),
  )
  const fake = fakeAgent(settings)
  fake.answering.add('restorer')
  fake.agent.start()
  const [sender = expect.fail()] = fake.started.filter(({ name }) => name === 'sender')
  sender.posts({ type: 'alive' })
  const connection = (state: string) =>
    sender.says({
      ...{ fingerprint: null, connection: { state, since: 1, problem: null }, totals: {}, lastFile: {} },
      ...{ nextDue: {}, transfers: [], rates: {}, left: {}, leftOfAll: null },
    })
  const stops = () => sender.heard.filter(({ type }) => type === 'stop').length
  return { ...fake, connection, stops, restores: fake.agent.restores }
}

it('a destination that can be listed: its sender retries at once if it was unreachable', async () => {
  const { restores, connection, stops, started, answering } = agentWithReceiver()
  answering.delete('restorer')
  const list = async () => {
    const listed = restores.ask('folders', { destination: 'vm' }, {})
    const restorer = started.find(({ name }) => name === 'restorer')
    const request = restorer?.heard.findLast(({ type }) => type === 'request')
    restorer?.posts({ ...request, type: 'response', output: { folders: [] } })
    await listed
  }
  connection('connected')
  await list()
  expect(stops()).toBe(0)
  connection('unreachable')
  await list()
  expect(stops()).toBe(1)
})

it('a restore that receives files: the sender of its destination retries at once, once', async () => {
  const { restores, connection, stops, says } = agentWithReceiver()
  connection('unreachable')
  const choice = { folder: null, path: null, version: null, at: null }
  await restores.start({ ...choice, destination: 'vm', to: temporaryDirectory() })
  says('restorer', { ...BEGUN, totalFiles: 3 })
  expect(stops()).toBe(0)
  says('restorer', { ...BEGUN, files: 1 })
  says('restorer', { ...BEGUN, files: 2 })
  expect(stops()).toBe(1)
})
