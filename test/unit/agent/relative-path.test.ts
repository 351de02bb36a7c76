import { expect, test } from 'vitest'
import { commandHandlers } from '../../../core/agent/commands.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { toOutcome } from '../../support/agent/answers.ts'
import { fakeAgent } from '../../support/agent/fake-agent.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('added folder: a relative path is refused, as the agent has another working directory', async () => {
  const { agent } = fakeAgent(openSettings(temporaryDirectory()))
  const { addSource, addCheckedPath } = commandHandlers(agent)
  const refused = { done: false, sentence: { key: 'refuse.relative', params: { path: 'data' } } }
  expect(await toOutcome(addSource({ path: 'data' }))).toMatchObject(refused)
  expect(await toOutcome(addCheckedPath({ path: 'data' }))).toMatchObject(refused)
})
