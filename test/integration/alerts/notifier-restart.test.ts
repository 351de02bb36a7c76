// @module-tag story
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Notice } from '../../../core/alerts/incident.ts'
import {
  createIncident,
  createNotice,
  notifierConfig,
  recording,
  type StoredConfig,
  telling,
} from '../../support/alerts/notifier-config.ts'
import { databaseFile, posted, startNotifier } from '../../support/alerts/notifier-world.ts'
import { type Recorded, recordingServer } from '../../support/servers/recording-server.ts'
import { until } from '../../support/until.ts'

// What a notifier knows of what an earlier one has told, however that one ended.

const script = path.resolve(import.meta.dirname, '../../support/alerts/notifier-process.ts')

describe('notifier after a restart', () => {
  test('waiting notifications are sent, in order', async () => {
    const server = await recordingServer()
    server.answer({ status: 503, headers: { 'Retry-After': '3600' } })
    const config = notifierConfig(server.origin, { hook: {} }, { file: databaseFile() })
    const before = startNotifier(config)
    const incident = createIncident('a')
    await before.notifier.commit(recording([incident]))
    const others = ['b', 'c', 'd', 'e', 'f'].map((id) => createNotice('failed', createIncident(id)))
    await before.notifier.commit(telling([createNotice('failed', incident), ...others]))
    await until('the attempt to be written down', async () => {
      const [entry] = (await before.page()).entries
      return entry?.deliveries[0]?.attempts === 1
    })
    await before.notifier.stop()
    server.answer({ status: 200 })
    const after = startNotifier(config)
    expect(await after.comesTo('a', 'hook failed delivered')).toMatchObject({ attempts: 2 })
    await until('the last', () => posted(server.requests).includes('failed f'))
    const inOrder = ['a', 'a', 'b', 'c', 'd', 'e', 'f'].map((id) => `failed ${id}`)
    expect(posted(server.requests)).toEqual(inOrder)
    const [first, second] = server.requests.map(({ headers }) => headers['x-holdfast-delivery'])
    expect(second).toBe(first)
  })

  test('each channel has the condition of its last attempt, also of a test', async () => {
    const server = await recordingServer()
    server.answer(({ path }) => ({ status: path === '/refusing' ? 401 : 200 }))
    const config = notifierConfig(
      server.origin,
      { hook: {}, refusing: {}, changed: {}, unused: {} },
      { file: databaseFile() },
    )
    const before = startNotifier(config)
    for (const id of ['hook', 'refusing', 'changed']) await before.notifier.test(id)
    const [hook, refusing, changed, unused] = config.channels
    if (!hook || !refusing || !changed || !unused) throw new Error('no channels')
    // Deliveries with other settings do not describe the present ones.
    const other = { ...changed, options: { ...changed.options, url: `${server.origin}/other` } }
    const channels = [hook, refusing, other, unused]
    before.notifier.configure({ ...config, channels })
    const conditions = (one: typeof before) =>
      Object.fromEntries(one.states().map(({ id, condition, at }) => [id, `${condition} ${at}`]))
    await until('the change', () => /^unused \d/.test(conditions(before).changed ?? ''))
    const known = conditions(before)
    expect(known.hook).toMatch(/^ok \d/)
    expect(known.refusing).toMatch(/^refused \d/)
    expect(known.unused).toBe('unused null')
    await before.notifier.stop()
    const after = startNotifier({ ...config, channels })
    await until('the conditions of before', () => conditions(after).hook === known.hook)
    expect(conditions(after)).toEqual(known)
    expect(after.states().find(({ id }) => id === 'refusing')?.sentence).toMatchObject({
      key: 'channel.rejected',
    })
  })

  test('delivered notifications are known: the recovery is sent, and none is sent twice', async () => {
    const server = await recordingServer()
    server.answer(({ path }) => ({ status: path === '/refusing' ? 401 : 200 }))
    const config = notifierConfig(
      server.origin,
      { hook: {}, refusing: {}, spare: { standby: true } },
      { file: databaseFile(), native: true },
    )
    const before = startNotifier(config)
    const incident = createIncident('a')
    const failed = createNotice('failed', incident)
    await before.notifier.commit(recording([incident]))
    await before.notifier.commit(telling([failed]))
    for (const done of ['native failed delivered', 'hook failed delivered', 'spare failed delivered'])
      await before.comesTo('a', done)
    await before.notifier.stop()
    const after = startNotifier(config)
    await after.notifier.commit(telling([createNotice('recovered', incident)]))
    for (const done of [
      'native recovered delivered',
      'hook recovered delivered',
      'refusing recovered untold',
      'spare recovered delivered',
    ])
      await after.comesTo('a', done)
    expect(posted(server.requests, 'hook')).toEqual(['failed a', 'recovered a'])
    expect(posted(server.requests, 'spare')).toEqual(['failed a', 'recovered a'])
    expect(posted(server.requests, 'refusing')).toEqual(['failed a'])
    expect(before.shown).toHaveLength(1)
    expect(after.shown).toMatchObject([{ title: 'Recovered: /data/a' }])
    expect(await after.deliveries('a')).toHaveLength(8)
    await after.notifier.stop()
    const last = startNotifier(config)
    await last.notifier.commit(telling([createNotice('over', incident)]))
    await last.comesTo('a', 'hook over untold')
    expect(posted(server.requests, 'hook')).toHaveLength(2)
  })

  test('a failure before it and a recovery after it are one summary', async () => {
    const server = await recordingServer()
    server.answer({ status: 500, headers: { 'Retry-After': '1' } })
    const config = notifierConfig(server.origin, { hook: {} }, { file: databaseFile() })
    const before = startNotifier(config)
    const incident = createIncident('a')
    await before.notifier.commit(recording([incident]))
    await before.notifier.commit(telling([createNotice('failed', incident)]))
    await until('an attempt', () => server.requests.length === 1)
    await before.notifier.stop()
    const between = startNotifier(config)
    await between.notifier.commit(telling([createNotice('recovered', incident)]))
    await between.comesTo('a', 'hook summary waiting')
    await between.notifier.stop()
    server.answer({ status: 200 })
    const tried = server.requests.length
    const after = startNotifier(config)
    await after.comesTo('a', 'hook summary delivered')
    expect(posted(server.requests.slice(tried))).toEqual(['summary a'])
    expect(await after.deliveries('a')).toEqual(['hook failed merged', 'hook summary delivered'])
  })
})

/** Runs a notifier as a process of its own that is killed as soon as the server was asked, before it answers. */
async function killedWhileSending(config: StoredConfig, notices: Notice[], requests: Recorded[]) {
  const child = spawn(process.execPath, [script, JSON.stringify({ config, notices })], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  const ended = once(child, 'exit')
  await until(`the server to be asked; it said ${said}`, () => requests.length > 0)
  child.kill('SIGKILL')
  expect(await ended).toEqual([null, 'SIGKILL'])
}

describe('notifier killed between sending and marking', () => {
  test('a webhook gets the notification again, with the same delivery id', async () => {
    const server = await recordingServer()
    server.answer({ status: 200, isSilent: true })
    const config = notifierConfig(server.origin, { hook: {} }, { file: databaseFile() })
    const incident = createIncident('a')
    const failed = createNotice('failed', incident)
    await killedWhileSending(config, [failed], server.requests)
    server.answer({ status: 200 })
    const { notifier, comesTo, deliveries } = startNotifier(config)
    await notifier.commit(recording([incident]))
    await comesTo('a', 'hook failed delivered')
    await notifier.commit(telling([createNotice('recovered', incident)]))
    await comesTo('a', 'hook recovered delivered')
    expect(posted(server.requests)).toEqual(['failed a', 'failed a', 'recovered a'])
    const [first, second, third] = server.requests.map(({ headers, body }) => {
      expect(headers['x-holdfast-delivery']).toBe(JSON.parse(body).delivery)
      return JSON.parse(body)
    })
    expect(second).toEqual(first)
    expect(third.delivery).not.toBe(first.delivery)
    expect(await deliveries('a')).toHaveLength(2)
  })

  test('LINE gets the same retry key, and its 409 counts as delivered', async () => {
    const server = await recordingServer()
    server.answer({ status: 200, isSilent: true })
    const config = notifierConfig(server.origin, { line: { type: 'line' } }, { file: databaseFile() })
    const incident = createIncident('a')
    await killedWhileSending(config, [createNotice('failed', incident)], server.requests)
    server.answer(({ method }) => ({ status: method === 'POST' ? 409 : 200 }))
    const { notifier, comesTo } = startNotifier(config)
    await notifier.commit(recording([incident]))
    expect(await comesTo('a', 'line failed delivered')).toMatchObject({ attempts: 1 })
    const pushes = server.requests.filter(({ method }) => method === 'POST')
    expect(pushes).toHaveLength(2)
    const [first, second] = pushes.map(({ headers }) => headers['x-line-retry-key'])
    expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/)
    expect(second).toBe(first)
  })
})
