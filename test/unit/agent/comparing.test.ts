import { expect, test } from 'vitest'
import { settingsSchema } from '../../../core/settings/schema.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { fakeAgent } from '../../support/agent/fake-agent.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const FILE = '/lists/sums.txt'
const ASKED = { id: 's', destination: 'disk' }

function agentWithFolder() {
  const settings = openSettings(temporaryDirectory())
  const destination = { id: 'disk', kind: 'folder', name: 'disk', path: temporaryDirectory('disk') }
  const sources = [{ id: 's', path: '/data', name: 'data' }]
  settings.set(settingsSchema.parse({ destinations: [destination], sources }))
  const { agent, started } = fakeAgent(settings)
  agent.start()
  const known = new Set<unknown>()
  /** Waits for the next request of this name to a restorer. */
  const request = (name: string) =>
    until(name, () => {
      for (const { heard, posts } of started.filter((one) => one.name === 'restorer'))
        for (const told of heard)
          if (told.type === 'request' && told.name === name && !known.has(told)) {
            known.add(told)
            return { input: told.input, answer: (answer: object) => posts({ id: told.id, ...answer }) }
          }
      return null
    })
  const answer = async (name: string, output: object) => {
    const { input, answer } = await request(name)
    answer({ type: 'response', output })
    return input
  }
  const stops = () => started.flatMap(({ heard }) => heard).filter(({ type }) => type === 'stop').length
  return { agent, request, answer, stops, show: () => agent.store.state.comparison }
}

const compared = {
  ...{ isEnded: false, files: 1, bytes: 5, totalFiles: 3, damaged: 0, missing: 0, unreadable: 0 },
  differences: [],
}
const folders = { folders: [{ name: 'data (2)', source: 's' }] }

test('comparison with a list: the folder of the source is compared in another process, to its end', async () => {
  const { agent, answer, show } = agentWithFolder()
  agent.comparing.start(ASKED, FILE)
  expect(show()).toMatchObject({ phase: 'running', source: 's', file: FILE, totalFiles: null })
  expect(agent.comparing.isReading('disk')).toBe(true)
  expect(() => agent.comparing.start(ASKED, FILE)).toThrow('Another list is being checked')
  await answer('folders', folders)
  expect(await answer('compare', {})).toMatchObject({
    folder: 'data (2)',
    manifest: FILE,
    from: { destination: { id: 'disk' } },
  })
  await answer('compared', compared)
  await until('the progress', () => show()?.totalFiles === 3)
  const end = { ...compared, isEnded: true, files: 3, damaged: 1 }
  await answer('compared', end)
  await until('the end', () => show()?.phase === 'done')
  expect(show()).toMatchObject({ files: 3, damaged: 1, sentence: null })
  expect(agent.comparing.isReading('disk')).toBe(false)
})

test('comparison with a list: it fails with the reason, and a new one may start', async () => {
  const { agent, request, show } = agentWithFolder()
  agent.comparing.start({ ...ASKED, destination: 'gone' }, FILE)
  await until('the refusal', () => show()?.phase === 'failed')
  agent.comparing.start(ASKED, FILE)
  const sentence = { key: 'restore.emptyThere', params: {} }
  const listing = await request('folders')
  listing.answer({ type: 'failure', sentence })
  await until('the failure', () => show()?.phase === 'failed')
  expect(show()).toMatchObject({ sentence })
})

test('comparison with a list: stopping ends its process, and a later answer changes nothing', async () => {
  const { agent, request, answer, stops, show } = agentWithFolder()
  agent.comparing.start(ASKED, FILE)
  await answer('folders', folders)
  await answer('compare', {})
  const asked = await request('compared')
  void agent.comparing.stop()
  await until('the stop', () => stops() === 1)
  asked.answer({ type: 'response', output: { ...compared, isEnded: true } })
  await agent.comparing.stop()
  expect(show()?.phase).toBe('stopped')
})
