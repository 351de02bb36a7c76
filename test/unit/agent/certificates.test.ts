import { expect, it } from 'vitest'
import { type Settings, settingsSchema } from '../../../core/settings/schema.ts'
import type { SettingsStore } from '../../../core/settings/settings-store.ts'
import { fakeAgent } from '../../support/agent/fake-agent.ts'

function createAgent(first: Settings) {
  let current = first
  const store: SettingsStore = {
    file: '/data/settings.json',
    notice: null,
    get: () => current,
    set: (next) => {
      current = next
      return next
    },
    tryWriting: () => undefined,
  }
  const fake = fakeAgent(store)
  fake.agent.start()
  const workers = (name: string) => fake.started.filter((worker) => worker.name === name)
  const heard = () => fake.started.reduce((count, worker) => count + worker.heard.length, 0)
  return { ...fake, workers, heard }
}

const saying = (fingerprint: string) => ({
  fingerprint,
  connection: { state: 'connecting', since: 1, problem: null },
  ...{ totals: {}, lastFile: {}, transfers: [], rates: {}, left: {}, leftOfAll: null, nextDue: {} },
})

const receiver = (id: string) => ({
  id,
  kind: 'receiver' as const,
  name: id,
  host: id,
  port: 1,
  fingerprint: 'a'.repeat(64),
})

it('worker configurations: different certificates in the reports of two senders cause no message to a worker', () => {
  const { workers, heard } = createAgent(
    settingsSchema.parse({
      destinations: ['nas', 'cellar'].map(receiver),
      sources: [{ id: 's', path: '/data', name: 'data' }],
    }),
  )
  const senders = workers('sender')
  expect(senders).toHaveLength(2)
  for (const [index, sender] of senders.entries()) sender.says(saying(`certificate ${index}`))
  const before = heard()
  for (let round = 0; round < 5; round += 1)
    for (const [index, sender] of senders.entries()) sender.says(saying(`certificate ${index}`))
  expect(heard()).toBe(before)
})
