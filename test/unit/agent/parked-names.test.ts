import { expect, test } from 'vitest'
import { noTotals } from '../../../core/ledger/ledger-messages.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { fakeAgent } from '../../support/agent/fake-agent.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const report = {
  fingerprint: null,
  connection: { state: 'connected', since: 1, problem: null },
  totals: { s: { ...noTotals, parkedFiles: 1 } },
  lastFile: {},
  transfers: [],
  rates: {},
  left: {},
  leftOfAll: null,
  nextDue: {},
}
const file = {
  ...{ id: 1, source: 's', destination: 'b', path: 'x/lost.dat', size: 1, modifiedAt: 1 },
  ...{ state: 'parked', attempts: 9, sentAt: null, removedAt: null, reason: null },
}

test('parked files: a failed request for their names is repeated at the next report', async () => {
  const store = openSettings(temporaryDirectory())
  const destinations = ['a', 'b'].map((id) => ({ id, kind: 'folder', name: id, path: `/mnt/${id}` }))
  const sources = [{ id: 's', path: '/data', name: 'data' }]
  store.set(settingsSchema.parse({ ...store.get(), sources, destinations }))
  const { agent, started } = fakeAgent(store)
  agent.start()
  const [first, second] = started.filter(({ name }) => name === 'sender')
  const asked = () =>
    (first?.heard ?? []).flatMap((one) => (one.type === 'request' && one.name === 'files' ? [one.id] : []))

  second?.says(report)
  await until('the first question', () => asked().length === 1)
  const sentence = { key: 'agent.workerAway', params: { worker: 'sender' } }
  first?.posts({ type: 'failure', id: asked()[0], sentence })
  await until('another one, at the next report', () => {
    second?.says(report)
    return asked().length === 2
  })
  first?.posts({ type: 'response', id: asked()[1], output: { files: [file], older: null } })
  await until('its name', () => agent.store.state.parked[0]?.path === 'x/lost.dat')
  second?.says(report)
  expect(asked()).toHaveLength(2)
})
