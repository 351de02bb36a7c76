import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { commandHandlers } from '../../../core/agent/commands.ts'
import type { CommandInput } from '../../../core/agent/contract.ts'
import { buildOverview } from '../../../core/agent/parts/computers/overview.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { createWords, englishWords } from '../../../core/lib/i18n/words.ts'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import { parseWebAddress } from '../../../core/settings/computers.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { toOutcome } from '../../support/agent/answers.ts'
import { fakeAgent } from '../../support/agent/fake-agent.ts'
import { incident, NOW, stateWith } from '../../support/agent/status.ts'
import { hastenClock } from '../../support/hasten.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const words = message('status.disk.read-only', { name: 'Photos' })
const failing = {
  ...{ computer: 'station', version: '2.0', level: 'failing', sentence: 'Photos is read-only.', words },
  senders: { failing: 1, well: 3 },
}
const event = (data: object) => `event: overview\ndata: ${JSON.stringify(data)}\n\n`

/** Starts a page that accepts the token "right"; `requests` has what it received. */
async function startPage(isSecure = false) {
  const requests: (string | undefined)[] = []
  const streams: ServerResponse[] = []
  let answer: object | number = failing
  const listener: RequestListener = (request: IncomingMessage, response) => {
    const { authorization } = request.headers
    requests.push(authorization)
    const status = authorization === 'Bearer right' ? (typeof answer === 'number' ? answer : 200) : 401
    response.writeHead(status)
    if (status !== 200) return response.end()
    streams.push(response)
    return response.write([answer as object].flat().map(event).join(''))
  }
  const { certificate: cert, key, fingerprint } = await loadIdentity(temporaryDirectory('identity'))
  const server = isSecure ? createSecureServer({ cert, key }, listener) : createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = () => {
    server.closeAllConnections()
    server.close()
  }
  onTestFinished(stop)
  const { port } = server.address() as AddressInfo
  return {
    ...{ requests, streams, fingerprint, stop },
    address: `${isSecure ? 'https' : 'http'}://127.0.0.1:${port}/`,
    answersWith: (next: object | number) => {
      answer = next
    },
    says: (text: string) => streams.at(-1)?.write(text),
  }
}

function startAgent() {
  hastenClock()
  const { agent } = fakeAgent(openSettings(temporaryDirectory()))
  agent.start()
  const handlers = commandHandlers(agent)
  return {
    agent,
    handlers,
    add: (input: Pick<CommandInput<'addComputer'>, 'address'> & Partial<CommandInput<'addComputer'>>) =>
      handlers.addComputer({ token: 'right', certificate: null, ...input }),
    computer: () => agent.store.state.computers[0],
    sentence: () => englishWords(agent.store.snapshot().state.computers[0]?.status?.sentence ?? words),
    lasting: () => agent.store.state.incidents.filter(({ endedAt }) => endedAt === null),
  }
}

const keyOf = async (refused: Promise<unknown>) => {
  const outcome = await toOutcome(refused)
  return outcome.done ? null : outcome.sentence.key
}

test('watched computer: its failure and the end of it are an incident here, in both languages', async () => {
  const page = await startPage()
  const { agent, add, lasting } = startAgent()
  expect(await add({ address: page.address })).toEqual({})
  expect(agent.settings.get().computers).toMatchObject([{ name: 'station', address: page.address }])
  const incident = await until('the incident', () => lasting()[0])
  expect(incident).toMatchObject({ kind: 'computer-failing', paths: expect.anything() })
  expect(englishWords(incident.sentence)).toBe('station: Photos is read-only.')
  expect(createWords('zh-TW')(incident.sentence)).toMatch(/^station：.*Photos.*唯讀/)
  const { status } = agent.store.snapshot().state
  expect(status).toMatchObject({ level: 'failing', failure: { kind: 'computer-failing' }, detail: words })
  expect(agent.store.state.computers[0]?.status?.senders).toEqual({ failing: 1, well: 3 })
  page.says(event({ ...failing, level: 'ok', sentence: 'All is well.', words: null }))
  await until('the end', () => lasting().length === 0)
  expect(agent.store.snapshot().state.status).toMatchObject({
    level: 'ok',
    sentence: { key: 'status.computersWell' },
  })
})

test('watched computer: a second failure while the first one lasts is an incident of its own, with its own end', async () => {
  const page = await startPage()
  const disk = (name: string) => ({
    id: name,
    sentence: `${name} is read-only.`,
    words: message('status.disk.read-only', { name }),
  })
  const report = (...names: string[]) => event({ ...failing, failures: names.map(disk) })
  page.answersWith({ ...failing, failures: [disk('Photos')] })
  const { add, lasting } = startAgent()
  await add({ address: page.address })
  const sentences = () =>
    lasting()
      .map(({ sentence }) => englishWords(sentence))
      .sort()
  await until('the first incident', () => lasting().length === 1)
  const [first] = lasting()
  page.says(report('Photos', 'Videos'))
  await until('the second incident', () => lasting().length === 2)
  expect(sentences()).toEqual(['station: Photos is read-only.', 'station: Videos is read-only.'])
  page.says(report('Videos'))
  await until('the end of the first one', () => lasting().length === 1)
  expect(sentences()).toEqual(['station: Videos is read-only.'])
  expect(lasting()[0]?.id).not.toBe(first?.id)
  page.says(event({ ...failing, level: 'ok', failures: [], sentence: 'All is well.', words: null }))
  await until('the end', () => lasting().length === 0)
})

test('watched computer: the cause of its disk’s failure is that of the incident here', async () => {
  const disk = message('status.disk.read-only', { name: 'Photos' })
  const causes = [message('cause.stoppedWriting', { type: 'ext4' })]
  const overview = buildOverview(stateWith({ incidents: [{ ...incident, cause: causes }] }), 'station', NOW)
  expect(overview.failures).toMatchObject([{ words: { key: disk.key }, causes }])
  const page = await startPage()
  page.answersWith(overview)
  const { add, lasting } = startAgent()
  await add({ address: page.address })
  await until('its incident', () => lasting().length === 1)
  const [first] = lasting()
  expect(first?.cause).toEqual(causes)
  const later = overview.failures?.map((one) => ({ ...one, causes: 'of a later version' }))
  page.says(event({ ...overview, failures: later }))
  await until('no cause', () => lasting()[0]?.cause?.length === 0)
  expect(lasting()).toMatchObject([{ id: first?.id }])
})

test('watched computer: of two overviews that come at once, the later one is shown', async () => {
  const page = await startPage()
  page.answersWith(failing)
  const { agent, add, computer, lasting } = startAgent()
  await add({ address: page.address })
  await until('the incident', () => lasting().length === 1)
  // A stalled tunnel hands over at once what has come meanwhile.
  const well = { ...failing, level: 'ok', sentence: 'All is well.', words: null }
  page.answersWith([failing, well])
  page.streams.at(-1)?.destroy()
  await until('the later one', () => computer()?.connection.state === 'connected' && lasting().length === 0)
  expect(computer()?.status).toMatchObject({ level: 'ok', failures: [] })
  expect(agent.store.snapshot().state.status).toMatchObject({ level: 'ok' })
})

test('watched computer: failures with ever new ids are a bounded number of incidents and notifications', async () => {
  const page = await startPage()
  page.answersWith({ ...failing, failures: [] })
  const { agent, add, computer } = startAgent()
  await add({ address: page.address })
  await until('its status', () => computer()?.status)
  const observe = (ids: readonly string[]) => {
    const failures = ids.map((id) => ({ id, sentence: message('status.disk.read-only', { name: id }) }))
    const state = agent.store.state.computers.map((one) => ({
      ...one,
      status: {
        ...one.status,
        level: ids.length > 0 ? 'failing' : 'ok',
        version: '1',
        senders: null,
        failures,
        sentence: words,
      } as const,
    }))
    agent.store.update({ computers: state })
    agent.alerting.evaluate()
  }
  for (let round = 0; round < 200; round += 1) {
    observe(Array.from({ length: 10 }, (_, index) => `${round}-${index}`))
    observe([])
  }
  const incidents = agent.store.state.incidents.filter(({ kind }) => kind === 'computer-failing')
  expect(incidents.length).toBeLessThan(25)
  const open = incidents.filter(({ endedAt }) => endedAt === null)
  expect(open.map(({ sentence }) => sentence.key)).toEqual(['condition.computerUnstable'])
})

test('watched computer: reports of other versions are shown as they came', async () => {
  const page = await startPage()
  page.answersWith({ ...failing, level: 'doomed', words: { key: 'status.unheardOf', params: {} }, more: 1 })
  const { add, computer, sentence } = startAgent()
  await add({ address: page.address })
  await until('its status', () => computer()?.status)
  expect(computer()?.status).toMatchObject({ level: 'attention' })
  expect(sentence()).toBe('Photos is read-only.')
  // A sentence without its parameter, and one that would insert another text.
  for (const [params, said] of [
    [{ key: 'status.since', params: {} }, 'As it came 1.'],
    [
      { key: 'status.disk.read-only', params: { name: '$t(status.nothingYet)' } },
      '$t(status.nothingYet) is read-only.',
    ],
  ] as const) {
    page.says(event({ ...failing, sentence: 'As it came 1.', words: params }))
    await until(said, () => sentence() === said)
  }
})

test('watched computer: what is no overview, or too long, ends the connection, and a later one follows', async () => {
  const page = await startPage()
  const { add, computer, handlers } = startAgent()
  await add({ address: page.address })
  for (const text of ['data: no JSON\n\n', 'data: {"level":"ok"}\n\n', `data: ${'x'.repeat(300_000)}`]) {
    const before = page.streams.length
    await until('a connection', () => computer()?.connection.state === 'connected')
    page.says(text)
    await until('another connection', () => page.streams.length > before)
  }
  await handlers.removeComputer({ id: 'station' })
  expect(computer()).toBeUndefined()
  await until('the end of the stream', () => page.streams.at(-1)?.destroyed)
})

test('watched computer: its token is sent only after its certificate was verified', async () => {
  const page = await startPage(true)
  const { agent, add, computer } = startAgent()
  const { address, fingerprint, requests } = page
  await expect(add({ address })).rejects.toMatchObject({
    sentence: { key: 's3.untrusted', params: { fingerprint } },
  })
  expect(await keyOf(add({ address, certificate: 'a'.repeat(64) }))).toBe('s3.wrongCertificate')
  expect(requests).toEqual([])
  expect(agent.settings.get().computers).toEqual([])
  expect(await add({ address, certificate: fingerprint, name: 'Roof' })).toEqual({})
  await until('the connection', () => computer()?.connection.state === 'connected')
  expect(new Set(requests)).toEqual(new Set(['Bearer right']))
  // Another certificate later is reported, and gets no token.
  const { id = '' } = agent.settings.get().computers[0] ?? {}
  const before = requests.length
  agent.change((settings) => ({
    ...settings,
    computers: settings.computers.map((one) => ({ ...one, certificate: 'b'.repeat(64) })),
  }))
  await until('the refusal', () => computer()?.connection.state === 'refused')
  expect(computer()).toMatchObject({ id, connection: { problem: { key: 's3.wrongCertificate' } } })
  expect(requests.length).toBe(before)
})

test('watched computer: a wrong token, another page and a dead address are refused, and nothing is stored', async () => {
  const page = await startPage()
  const { address } = page
  const { agent, add } = startAgent()
  expect(await keyOf(add({ address, token: 'wrong' }))).toBe('computer.wrongToken')
  page.answersWith(404)
  expect(await keyOf(add({ address }))).toBe('computer.noOverview')
  page.stop()
  expect(await keyOf(add({ address }))).toBe('computer.unreachable')
  expect(await keyOf(add({ address: 'http://192.0.2.1/' }))).toBe('computer.plain')
  expect(await keyOf(add({ address: 'ftp://station/' }))).toBe('computer.address')
  expect(agent.settings.get().computers).toEqual([])
  expect(agent.secrets.get()).toEqual({})
})

test('watched computer: its token is a secret, is replaced by adding it again, and is removed with it', async () => {
  const page = await startPage()
  const { address } = page
  const { agent, add, handlers, computer } = startAgent()
  await add({ address })
  const [{ id } = { id: '' }] = agent.settings.get().computers
  expect(agent.secrets.get()).toEqual({ [id]: { token: 'right' } })
  expect(JSON.stringify(agent.store.snapshot())).not.toContain('right')
  expect((await handlers.settingsText({})).text).not.toMatch(/computers|right/)
  await until('the connection', () => computer()?.connection.state === 'connected')
  await add({ address, name: 'Roof' })
  expect(agent.settings.get().computers).toMatchObject([{ id, name: 'Roof' }])
  const other = await startPage()
  expect(await keyOf(add({ address: other.address, name: 'roof' }))).toBe('computer.nameTaken')
  expect(Object.keys(agent.secrets.get())).toEqual([id])
  await handlers.removeComputer({ id: 'Roof' })
  expect(agent.secrets.get()).toEqual({})
  expect(await keyOf(handlers.removeComputer({ id: 'Roof' }))).toBe('computer.unknown')
})

test.each([
  ['station', 'https://station:8420/'],
  ['station:443', 'https://station/'],
  ['127.0.0.1', 'http://127.0.0.1:8420/'],
  ['https://Station.example/holdfast', 'https://station.example/'],
  ['http://[::1]:9000', 'http://[::1]:9000/'],
])('watched computer: the address "%s" is completed to %s', (given, address) => {
  expect(parseWebAddress(given)).toBe(address)
})
