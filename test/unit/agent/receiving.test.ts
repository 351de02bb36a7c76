import { expect, test } from 'vitest'
import { commandHandlers } from '../../../core/agent/commands.ts'
import {
  receiverConfig,
  receivingState,
  refuseReceiving,
  withReceived,
} from '../../../core/agent/parts/receiving/receiving.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { getDataLayout } from '../../../core/settings/data-directory.ts'
import { defaultSettings, receiveSettingsSchema, settingsSchema } from '../../../core/settings/schema.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { DEFAULT_RULES } from '../../../core/store/quota/admission.ts'
import { toOutcome } from '../../support/agent/answers.ts'
import { fakeAgent } from '../../support/agent/fake-agent.ts'
import { senderWith } from '../../support/agent/status.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const receive = receiveSettingsSchema.parse({ directory: '/srv/store' })
const running = {
  port: 7766,
  fingerprint: 'f',
  storeDirectory: '/srv/store',
  receivedFiles: 0,
  receivedBytes: 0,
  refusedConnections: 0,
  store: { problems: [], failures: 0 },
}

test('receiver state: a receiver that cannot run keeps its list of senders', () => {
  const before = receivingState({ receive }, 1)
  if (before === null) throw new Error('no state')
  const sender = senderWith('station', { connected: true })
  const runs = withReceived(before, { ...running, senders: [sender] }, 2)
  expect(runs).toMatchObject({ isRunning: true, problem: null, senders: [sender] })
  const problem = message('transfer.storeInUse', { path: '/srv/store' })
  expect(withReceived(runs, { problem }, 3)).toMatchObject({
    isRunning: false,
    since: 3,
    problem,
    senders: [sender],
  })
  expect(receivingState({ receive: null }, 1)).toBeNull()
})

test('receiver configuration: the settings become rules of the store, and the address of isocket clients', () => {
  const given = {
    ...receive,
    ...{ quotaBytes: 500, quotaBytesOf: { attic: 900 }, quotaFilesOf: { attic: 7, constructor: 3 } },
    ...{ keepFree: '5%', isocketPort: 7777, lockDays: 90 },
  }
  const layout = getDataLayout('/data')
  const { rules, isocket, host } = receiverConfig(defaultSettings, given, layout, 'nas')
  expect(rules.floor.percent).toBe(5)
  expect(rules.lockDays).toBe(90)
  expect(rules.quota).toEqual({
    each: { bytes: 500, files: null },
    of: { attic: { bytes: 900, files: 7 }, constructor: { bytes: null, files: 3 } },
  })
  expect([host, isocket]).toEqual(['0.0.0.0', { host: '127.0.0.1', port: 7777 }])
  const usual = receiverConfig(defaultSettings, receive, layout, 'nas')
  expect(usual).toMatchObject({ isocket: null, rules: { ...DEFAULT_RULES, keep: defaultSettings.keep } })
})

test.each([
  ['/srv/store/inner', true],
  ['/srv/store', true],
  ['/srv', true],
  ['/srv/store-2', false],
  ['/home', false],
])('receiver store: /srv/store is refused only where it overlaps the source %s: %s', (path, isRefused) => {
  const sources = [{ path, name: 'data' }] as Parameters<typeof refuseReceiving>[0]['sources']
  const refuse = () => refuseReceiving({ sources }, receive)
  if (isRefused) expect(refuse).toThrow(/protected folder data/)
  else expect(refuse).not.toThrow()
})

test('receiver store: a new directory behind a link into a source is refused', async () => {
  const store = openSettings(temporaryDirectory())
  const sources = [{ id: 's', path: '/data', name: 'data' }]
  store.set(settingsSchema.parse({ ...store.get(), sources }))
  const { agent, started } = fakeAgent(store)
  agent.start()
  const linked = { ...receive, directory: '/link/store' }
  const refused = toOutcome(commandHandlers(agent).setReceiving({ receive: linked }))

  const checker = started.find(({ name }) => name === 'checker')
  const facts = { kind: 'directory', readable: true, mayWrite: true, store: null, code: null }
  for (const [path, real] of [
    ['/link/store', null],
    ['/link', '/data/inner'],
  ] as const) {
    const asked = await until(`a look at ${path}`, () =>
      checker?.heard.find((one) => one.type === 'request' && (one.input as { path: string }).path === path),
    )
    if (asked?.type === 'request')
      checker?.posts({ type: 'response', id: asked.id, output: { ...facts, real } })
  }
  expect(await refused).toMatchObject({ done: false, sentence: { key: 'refuse.receiveInSource' } })
})
