import { describe, expect, test } from 'vitest'
import {
  createIncident,
  createNotice,
  notifierConfig,
  recording,
  telling,
} from '../../support/alerts/notifier-config.ts'
import { databaseFile, posted, startNotifier } from '../../support/alerts/notifier-world.ts'
import { type Recorded, recordingServer } from '../../support/servers/recording-server.ts'
import { until } from '../../support/until.ts'

// A notifier with its store on the disk, and a web server for what it tells.

const isPost = ({ method }: Recorded) => method === 'POST'

test('notifier: each channel gets a repeated notification once', async () => {
  const server = await recordingServer()
  const config = notifierConfig(
    server.origin,
    { hook: {}, notify: { type: 'line-notify' }, line: { type: 'line' } },
    { file: databaseFile() },
  )
  const { notifier, comesTo, deliveries } = startNotifier(config)
  const incident = createIncident('a')
  const failed = createNotice('failed', incident)
  await notifier.commit(recording([incident]))
  await Promise.all([notifier.commit(telling([failed, failed])), notifier.commit(telling([failed]))])
  for (const id of ['hook', 'notify', 'line']) await comesTo('a', `${id} failed delivered`)
  await notifier.commit(telling([failed]))
  await notifier.commit(telling([createNotice('recovered', incident)]))
  for (const id of ['hook', 'notify', 'line']) await comesTo('a', `${id} recovered delivered`)
  const paths = server.requests.filter(isPost).map(({ path }) => path)
  expect(paths.sort()).toEqual(
    ['/hook', '/line/v2/bot/message/push', '/notify/api/notify'].flatMap((path) => [path, path]),
  )
  expect(await deliveries('a')).toHaveLength(6)
  const hooked = server.requests.filter(({ path }) => path === '/hook').map(({ body }) => JSON.parse(body))
  expect(hooked).toMatchObject([
    { id: failed.id, what: 'failed', about: 'a', computer: 'lab-3', incident: { endedAt: null } },
    { what: 'recovered', about: 'a', incident: { endedAt: expect.any(String) } },
  ])
})

test('notifier: a failure and its recovery while the server is down are sent as one summary', async () => {
  const server = await recordingServer()
  server.answer({ status: 500, headers: { 'Retry-After': '1' } })
  const config = notifierConfig(server.origin, { hook: {} }, { file: databaseFile() })
  const { notifier, comesTo, deliveries, states } = startNotifier(config)
  const incident = createIncident('a')
  await notifier.commit(recording([incident]))
  await notifier.commit(telling([createNotice('failed', incident)]))
  await comesTo('a', 'hook failed waiting')
  await until('the first attempt to fail', () => states()[1]?.condition === 'retrying')
  await notifier.commit(telling([createNotice('recovered', incident)]))
  await until('the summary to be tried', () => posted(server.requests).includes('summary a'))
  const tried = server.requests.length
  server.answer({ status: 200 })
  const { attempts } = await comesTo('a', 'hook summary delivered')
  expect(posted(server.requests.slice(tried))).toEqual(['summary a'])
  expect(attempts).toBe(posted(server.requests).filter((one) => one === 'summary a').length)
  expect(await deliveries('a')).toEqual(['hook failed merged', 'hook summary delivered'])
  await until('the channel to be well', () => states()[1]?.condition === 'ok' && states()[1]?.waiting === 0)
})

test('notifier: the pause that Retry-After asks for is longer than the notifier’s own, and kept', {
  tags: 'story',
}, async () => {
  const server = await recordingServer()
  const cameAt: number[] = []
  server.answer(() => {
    cameAt.push(performance.now())
    return cameAt.length === 1 ? { status: 429, headers: { 'Retry-After': '7' } } : { status: 200 }
  })
  const config = notifierConfig(server.origin, { hook: {} }, { file: databaseFile() })
  const { notifier, comesTo } = startNotifier(config)
  const incident = createIncident('a')
  await notifier.commit(recording([incident]))
  await notifier.commit(telling([createNotice('failed', incident)]))
  await until('the first attempt', () => cameAt.length === 1)
  // Another one does not make it hurry.
  await notifier.commit(telling([createNotice('failed', createIncident('b'))]))
  await comesTo('a', 'hook failed delivered', 70_000)
  const [first = 0, second = 0] = cameAt
  // Its own would be 5 s.
  expect(second - first).toBeGreaterThan(6_900)
  await until('the other one', () => posted(server.requests).includes('failed b'))
  expect(posted(server.requests)).toEqual(['failed a', 'failed a', 'failed b'])
})

test('notifier: the recovery of a refused failure is not sent', { tags: 'story' }, async () => {
  const server = await recordingServer()
  server.answer({ status: 401 })
  const config = notifierConfig(server.origin, { hook: {} }, { file: databaseFile() })
  const { notifier, comesTo, logs, states } = startNotifier(config)
  const incident = createIncident('a')
  await notifier.commit(recording([incident]))
  await notifier.commit(telling([createNotice('failed', incident)]))
  const refused = await comesTo('a', 'hook failed refused')
  expect(refused).toMatchObject({ attempts: 1, reason: { key: 'channel.rejected' } })
  server.answer({ status: 200 })
  await notifier.commit(telling([createNotice('recovered', incident)]))
  expect(await comesTo('a', 'hook recovered untold')).toMatchObject({ attempts: 0, reason: null })
  expect(posted(server.requests)).toEqual(['failed a'])
  expect(logs.filter((line) => line.startsWith('warn Channel hook: '))).toHaveLength(1)
  await until('that to be said', () => states()[1]?.condition === 'refused' && states()[1]?.waiting === 0)
  expect(states()[1]).toMatchObject({ id: 'hook', secrets: ['url'] })
})

describe('standby channel', () => {
  const monthly = { status: 429, body: '{"message": "You have reached your monthly limit."}' }

  test('a notification that another channel refused is sent, regardless of order, and so is its recovery', async () => {
    const server = await recordingServer()
    server.answer(({ path }) => (path.startsWith('/line/') ? monthly : { status: 200 }))
    const config = notifierConfig(
      server.origin,
      {
        spare: { standby: true },
        line: { type: 'line' },
        last: { standby: true },
      },
      { file: databaseFile() },
    )
    const { notifier, comesTo, deliveries } = startNotifier(config)
    const incident = createIncident('a')
    await notifier.commit(recording([incident]))
    await notifier.commit(telling([createNotice('failed', incident)]))
    await comesTo('a', 'line failed refused')
    await comesTo('a', 'spare failed delivered')
    await notifier.commit(telling([createNotice('recovered', incident)]))
    await comesTo('a', 'spare recovered delivered')
    await comesTo('a', 'line recovered untold')
    const toHooks = server.requests.filter(({ path }) => !path.startsWith('/line/'))
    expect(toHooks.map(({ path }) => path)).toEqual(['/spare', '/spare'])
    expect(posted(toHooks)).toEqual(['failed a', 'recovered a'])
    expect(server.requests.filter(isPost)).toHaveLength(3)
    await comesTo('a', 'last recovered untold')
    expect(await deliveries('a')).not.toContain('last failed delivered')
  })

  test('a standby that is refused is replaced by the next enabled one', { tags: 'story' }, async () => {
    const server = await recordingServer()
    server.answer(({ path }) => ({ status: path === '/last' ? 200 : 403 }))
    const config = notifierConfig(
      server.origin,
      { main: {}, off: { standby: true, enabled: false }, spare: { standby: true }, last: { standby: true } },
      { file: databaseFile() },
    )
    const { notifier, comesTo } = startNotifier(config)
    const incident = createIncident('a')
    await notifier.commit(recording([incident]))
    await notifier.commit(telling([createNotice('failed', incident)]))
    await comesTo('a', 'last failed delivered')
    expect(server.requests.map(({ path }) => path)).toEqual(['/main', '/spare', '/last'])
  })

  test('a failure and recovery that ended before the refusal are sent as one summary', async () => {
    const server = await recordingServer()
    server.answer(({ path }) =>
      path === '/main' ? { status: 503, headers: { 'Retry-After': '1' } } : { status: 200 },
    )
    const wanted = { main: {}, spare: { standby: true } }
    const config = notifierConfig(server.origin, wanted, { file: databaseFile() })
    const { notifier, comesTo } = startNotifier(config)
    const incident = createIncident('a')
    await notifier.commit(recording([incident]))
    await notifier.commit(telling([createNotice('failed', incident)]))
    await until('the first attempt', () => server.requests.length === 1)
    await notifier.commit(telling([createNotice('recovered', incident)]))
    await comesTo('a', 'spare recovered untold')
    server.answer(({ path }) => ({ status: path === '/main' ? 401 : 200 }))
    await comesTo('a', 'main summary refused')
    await comesTo('a', 'spare summary delivered')
    expect(posted(server.requests, 'spare')).toEqual(['summary a'])
  })
})

test('notifier: a channel whose address is changed loses its state, including an attempt under way', async () => {
  const server = await recordingServer()
  server.answer({ status: 401 })
  const configFor = (path: string) =>
    notifierConfig(server.origin, { hook: {} }, { secrets: { hook: { url: server.origin + path } } })
  const { notifier, states } = startNotifier(configFor('/wrong'))
  expect(await notifier.test('hook')).toMatchObject({ delivered: false })
  await until('that to be said', () => states()[1]?.condition === 'refused')
  const renamed = configFor('/wrong')
  for (const channel of renamed.channels) channel.name = 'Another name'
  notifier.configure(renamed)
  const all = { before: null, most: 1, severity: null, kinds: null, source: null, text: '', lasts: null }
  // A slow disk may miss the notifier's own time limit.
  await until('its database to answer', () => notifier.timeline(all))
  expect(states()[1]?.condition).toBe('refused')
  server.answer(() => {
    notifier.configure(configFor('/another'))
    return { status: 401 }
  })
  expect(await notifier.test('hook')).toMatchObject({ delivered: false })
  await until('it to be forgotten', () => states()[1]?.condition !== 'refused')
  expect(states()[1]).toMatchObject({ condition: 'unused', sentence: null })
})

describe('system notifications', () => {
  test('no notification is shown where they are off', { tags: 'story' }, async () => {
    const server = await recordingServer()
    const config = notifierConfig(server.origin, { hook: {} }, { file: databaseFile(), native: false })
    const { notifier, shown, states } = startNotifier(config)
    await notifier.commit(telling([createNotice('failed', createIncident('a'))]))
    await until('the other channel', () => states()[1]?.condition === 'ok')
    expect(shown).toEqual([])
    expect(states()[0]).toMatchObject({ id: 'native', condition: 'unused' })
    // Neither is that of a channel that is removed before it is stored.
    const stored = notifier.commit(telling([createNotice('failed', createIncident('b'))]))
    notifier.configure({ ...config, channels: [], native: true })
    await stored
    await notifier.commit(telling([createNotice('failed', createIncident('c'))]))
    await until('the next to be shown', () => shown.length > 0)
    expect(shown).toMatchObject([{ about: 'c' }])
  })

  test('a notification is shown while another channel does not answer', async () => {
    const server = await recordingServer()
    server.answer({ status: 200, isSilent: true })
    const config = notifierConfig(server.origin, { hook: {} }, { file: databaseFile(), native: true })
    const { notifier, shown } = startNotifier(config)
    const incident = createIncident('a')
    const [failed, recovered] = [createNotice('failed', incident), createNotice('recovered', incident)]
    await notifier.commit(telling([failed]))
    await until('it to be shown', () => shown.length === 1)
    await until('the server to be asked', () => server.requests.length === 1)
    await notifier.commit(telling([failed, recovered]))
    await until('its end to be shown', () => shown.length === 2)
    expect(shown).toMatchObject([
      { about: 'a', incident: 'a', title: 'Read-only: /data/a', urgent: true },
      { about: 'a', incident: 'a', title: 'Recovered: /data/a', urgent: false },
    ])
    expect(server.requests).toHaveLength(1)
  })
})

test('notifier: a test returns its own result, for each channel and for one that does not exist', {
  tags: 'story',
}, async () => {
  const server = await recordingServer()
  server.answer({ status: 401 })
  const config = notifierConfig(server.origin, { hook: {} }, { file: databaseFile(), native: true })
  const { notifier, shown } = startNotifier(config)
  expect(await notifier.test('hook')).toMatchObject({
    delivered: false,
    sentence: { key: 'channel.rejected' },
  })
  server.answer({ status: 200 })
  expect(await notifier.test('hook')).toMatchObject({ delivered: true, sentence: { key: 'alert.tested' } })
  expect(await notifier.test('native')).toMatchObject({ delivered: true })
  const { channels, secrets } = notifierConfig(server.origin, { other: {} })
  const [other] = channels
  if (other === undefined) throw new Error('there is no channel')
  expect(await notifier.try(other, secrets.other ?? {})).toMatchObject({
    delivered: true,
    sentence: { key: 'alert.tested' },
  })
  expect(await notifier.test('gone')).toMatchObject({
    delivered: false,
    sentence: { key: 'alert.noChannel' },
  })
  expect(shown).toMatchObject([{ title: 'Test from Holdfast' }])
  expect(server.requests.map(({ body }) => JSON.parse(body).what)).toEqual(['test', 'test', 'test'])
})

test('notifier without channels: the next one shows the recovery of a shown failure', async () => {
  const config = notifierConfig('', {}, { file: databaseFile(), native: true })
  const first = startNotifier(config)
  const incident = createIncident('a')
  await first.notifier.commit(telling([createNotice('failed', incident)]))
  await until('it to be shown', () => first.states()[0]?.condition === 'ok')
  await first.notifier.stop()
  const next = startNotifier(config)
  await next.notifier.commit(telling([createNotice('recovered', incident)]))
  await until('its end to be shown', () => next.shown.length === 1)
  expect(next.shown).toMatchObject([{ about: 'a', urgent: false }])
})
