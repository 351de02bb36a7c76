import { expect, test } from 'vitest'
import { settingsSchema } from '../../../core/settings/schema.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { fakeAgent } from '../../support/agent/fake-agent.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('workers of an agent without sources and destinations: only the checker runs', () => {
  const { agent, started } = fakeAgent(openSettings(temporaryDirectory()))
  agent.start()
  expect(started.map(({ name }) => name)).toEqual(['checker'])
  const sources = [{ id: 's', path: '/data', name: 'data' }]
  agent.change((settings) => settingsSchema.parse({ ...settings, sources }))
  expect(started.map(({ name }) => name)).toEqual(['checker', 'scanner', 'sender'])
})
