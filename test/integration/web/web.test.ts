import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import net from 'node:net'
import { hostname } from 'node:os'
import path from 'node:path'
import { connect } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { commands, isQuery } from '../../../core/agent/contract.ts'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import { getDataLayout } from '../../../core/settings/data-directory.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'
import { chooseLength } from '../../support/long.ts'
import { freePort } from '../../support/servers/sftp.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'
import { bearer, startWebAgent } from '../../support/web.ts'

/** Opens a stream of state; resolves with its status once the headers have arrived. */
function openStream(port: number, headers: Record<string, string>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path: '/api/events', headers, agent: false }, resolve)
    request.on('error', reject)
    onTestFinished(() => void request.destroy())
  })
}

test('web page: a browser signs in, sees the state, changes it, and is signed out', async () => {
  const { ask, signIn, operator, port, state } = await startWebAgent()
  const page = await ask('GET', '/')
  expect(page.status).toBe(200)
  expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; /)
  const [, script = ''] = /src="\.?(\/assets\/[^"]+\.js)"/.exec(page.text) ?? []
  const { headers } = await ask('GET', script, { headers: { 'accept-encoding': 'gzip' } })
  const { headers: again } = await ask('GET', script.replace('.js', '%2ejs'), {
    headers: { 'accept-encoding': 'gzip' },
  })
  expect(again['content-length']).toBe(headers['content-length'])
  expect((await ask('GET', script)).headers['content-encoding']).toBeUndefined()
  expect(headers).toMatchObject({
    'cache-control': expect.stringContaining('immutable'),
    'content-encoding': 'gzip',
  })

  expect((await ask('GET', '/api/session')).status).toBe(401)
  const signedIn = await ask('POST', '/api/session', { body: { token: operator } })
  expect(signedIn.json?.output).toMatchObject({ role: 'operator', name: 'ada' })
  expect(signedIn.headers['set-cookie']?.[0]).toMatch(/; HttpOnly; SameSite=Strict$/)
  const cookie = await signIn(operator)

  const stream = await openStream(port, cookie)
  let received = ''
  stream.on('data', (chunk) => {
    received += chunk
  })
  await until('the present revision', () =>
    /^event: patch\ndata: \{"base":(\d+),"revision":\1,"changes":\{\}\}$/m.test(received),
  )
  const paused = await ask('POST', '/api/commands/pause', { headers: cookie, body: { minutes: null } })
  expect(paused).toMatchObject({ status: 200, json: { output: {} } })
  expect((await state()).settings.pause).not.toBeNull()
  await until('the patch', () => /^event: patch\ndata: \{"base":\d+.*"pause":\{/m.test(received))
  const list = { before: null, most: 1 }
  const changed = await ask('POST', '/api/commands/changes', { headers: cookie, body: list })
  const [change] = commands.changes.output.parse(changed.json?.output).entries
  expect(change).toMatchObject({ by: { via: 'page', name: 'ada' }, sentence: { key: 'change.pause' } })
  const refused = await ask('POST', '/api/commands/addSource', {
    headers: cookie,
    body: { path: '/no/such' },
  })
  expect(refused).toMatchObject({ status: 400, json: { sentence: { key: 'refuse.missing' } } })

  expect((await ask('DELETE', '/api/session', { headers: cookie })).status).toBe(200)
  const replayed = await ask('POST', '/api/commands/resume', { headers: cookie, body: {} })
  expect(replayed).toMatchObject({ status: 401, json: { sentence: { key: 'web.signIn' } } })
  expect((await state()).settings.pause).not.toBeNull()
})

test('web page: a request from another page, host or directory is refused, and so is one without a token', async () => {
  const { ask, signIn, operator, port, state } = await startWebAgent('127.0.0.1', ['station.example'])
  const cookie = await signIn(operator)
  const pause = (headers: Record<string, string>) =>
    ask('POST', '/api/commands/pause', { headers: { ...cookie, ...headers }, body: { minutes: null } })
  const foreign: [string, Record<string, string>, number][] = [
    ['no token', { cookie: '' }, 401],
    ['another cookie', { cookie: 'holdfast-session=AAAA' }, 401],
    ['a wrong token', { cookie: '', authorization: 'Bearer hf_wrong' }, 401],
    ['another origin', { origin: 'http://evil.example' }, 403],
    ['another port', { origin: 'http://127.0.0.1:1' }, 403],
    ['no origin', { origin: 'null' }, 403],
    ['another site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a form', { 'x-holdfast': '', 'content-type': 'text/plain', origin: 'http://evil.example' }, 403],
    ['a rebound name', { host: `evil.example:${port}` }, 421],
    ['a name that contains an own one', { host: 'station.example.evil.example' }, 421],
  ]
  for (const [what, headers, status] of foreign)
    expect([what, (await pause(headers)).status]).toEqual([what, status])
  expect((await state()).settings.pause).toBeNull()
  const read = await ask('GET', '/api/events', { headers: { ...cookie, host: 'evil.example' } })
  expect(read.status).toBe(421)
  for (const outside of [
    '/../../package.json',
    '/%2e%2e/%2e%2e/package.json',
    '/..%2f..%2fpackage.json',
    '/assets/..%5c..%5c..%5cpackage.json',
    '/%00index.html',
    '/%zz',
    '//etc/hostname',
  ])
    expect([outside, (await ask('GET', outside)).status]).toEqual([outside, 404])
  const large = await ask('POST', '/api/commands/browse', {
    headers: cookie,
    body: { path: 'x'.repeat(5e6) },
  }).then(
    ({ status }) => status,
    // The connection may be closed before all was sent.
    (error: NodeJS.ErrnoException) => error.code,
  )
  expect([413, 'EPIPE', 'ECONNRESET']).toContain(large)

  const own = { host: `station.example:${port}`, origin: `http://station.example:${port}` }
  expect((await pause({ ...own, origin: `https://station.example:${port}` })).status).toBe(403)
  expect((await pause({ ...own, 'sec-fetch-site': 'same-origin' })).status).toBe(200)
  expect((await state()).settings.pause).not.toBeNull()
})

test('web page: a viewer reads, and no command that changes something is run', async () => {
  const { ask, viewer, operator, port, data, state, command } = await startWebAgent()
  const before = (await state()).settings
  const headers = bearer(viewer)
  for (const name of Object.keys(commands)) {
    const { status } = await ask('POST', `/api/commands/${name}`, { headers, body: {} })
    // 400: the input is missing.
    expect([name, isQuery(name) ? [200, 400].includes(status) : status]).toEqual([
      name,
      isQuery(name) ? true : 403,
    ])
  }
  expect((await ask('GET', '/api/diagnostics', { headers })).status).toBe(403)
  expect((await state()).settings).toEqual(before)
  const snapshot = await ask('POST', '/api/commands/snapshot', { headers, body: {} })
  expect(snapshot.status).toBe(200)
  expect(snapshot.text).not.toContain(operator)
  const stream = await openStream(port, bearer(viewer))
  let received = ''
  stream.on('data', (chunk) => {
    received += chunk
  })
  await command('addWebToken', { name: 'bo', role: 'viewer' })
  await until('the patch', () => /"webTokens":.*"bo"/.test(received))
  const { webTokens } = settingsSchema.parse(
    JSON.parse(readFileSync(path.join(data, 'settings.json'), 'utf8')),
  )
  expect(webTokens).toHaveLength(3)
  for (const { digest } of webTokens) expect(`${snapshot.text}${received}`).not.toContain(digest)
  expect((await ask('GET', '/metrics')).status).toBe(401)
  const metrics = await ask('GET', '/metrics', { headers })
  expect(metrics.text).toMatch(/^holdfast_agent_status\{level="\w+"\} 1$/m)
  expect(metrics.text).toContain('holdfast_agent_waiting_files{destination="embedded"} 0')
  expect(metrics.text).not.toContain('holdfast_receiver_')
  const receive = { directory: temporaryDirectory('store'), port: await freePort() }
  await command('setReceiving', { receive })
  await until('the receiver', async () => (await state()).receiving?.isRunning)
  const { text } = await ask('GET', '/metrics', { headers })
  expect(text).toMatch(/^holdfast_receiver_healthy 1$/m)
  expect(text).toMatch(/^holdfast_receiver_store_free_bytes \d+$/m)
  const described = await ask('GET', '/api/openapi.json', { headers })
  const api = z.object({ paths: z.record(z.string(), z.unknown()) }).parse(described.json)
  expect(Object.keys(api.paths).sort()).toEqual(
    [
      '/events',
      '/overview',
      '/cloudevents',
      ...Object.keys(commands).map((name) => `/commands/${name}`),
    ].sort(),
  )
  const unknown = await ask('POST', '/api/commands/constructor', { headers: bearer(operator), body: {} })
  expect(unknown.json).toMatchObject({ sentence: { key: 'agent.unknownCommand' } })
})

test('web page: a viewer gets the manifest of a source; a destination that has none of its files is refused', async () => {
  const { ask, viewer, state, command } = await startWebAgent()
  const source = path.join(temporaryDirectory('web-source'), 'scans')
  mkdirSync(source)
  writeFileSync(path.join(source, 'one'), 'content of one')
  await command('addSource', { path: source, digests: ['sha256'] })
  const isStored = async () => {
    const { totals, sources } = await state()
    return totals.sentFiles === 1 && sources[0]?.settings.id
  }
  const id = await until('the file to be stored', isStored, 90_000)
  const getManifest = (input: object) =>
    ask('POST', '/api/commands/manifest', { headers: bearer(viewer), body: { id, ...input } })
  const made = await getManifest({ form: 'sha256sum' })
  const text = execFileSync('sha256sum', ['one'], { cwd: source, encoding: 'utf8' })
  expect(made.json?.output).toEqual({
    ...{ files: 1, bytes: 14, leftOut: 0, damaged: 0, notDurable: 0 },
    texts: [{ name: 'sha256sums.txt', text }],
  })
  const without = await getManifest({ form: 'md5sum', destination: 'embedded' })
  expect(without.json?.output).toMatchObject({ files: 0, leftOut: 1 })
  const elsewhere = await getManifest({ form: 'sha256sum', destination: 'nowhere' })
  expect([elsewhere.status, elsewhere.json?.sentence?.key]).toEqual([400, 'fixity.notThere'])
})

test('metrics: the oldest waiting file, and after it was sent the delay until it was durable', async () => {
  const { ask, viewer, command } = await startWebAgent()
  const source = temporaryDirectory('source')
  await command('addSource', { path: source })
  await command('pause', { minutes: null })
  const file = path.join(source, 'old')
  writeFileSync(file, 'old')
  utimesSync(file, 1_000_000, 1_000_000)
  const metrics = async () => (await ask('GET', '/metrics', { headers: bearer(viewer) })).text
  const oldest = /^holdfast_agent_oldest_waiting_timestamp_seconds\{destination="embedded"\} 1000000$/m
  await until('the waiting file', async () => oldest.test(await metrics()))
  expect(await metrics()).toMatch(/^holdfast_agent_durable_seconds_count\{destination="embedded"\} 0$/m)
  await command('resume', {})
  const durable = /^holdfast_agent_durable_seconds_count\{destination="embedded"\} 1$/m
  await until('the sent file', async () => durable.test(await metrics()))
  // Its change is that of its metadata: the time of modification was set.
  expect(await metrics()).toMatch(/^holdfast_agent_durable_seconds_bucket\{.*le="300".*\} 1$/m)
  await until('no waiting file', async () => !oldest.test(await metrics()))
  const sent = /^holdfast_agent_source_sent_bytes\{source=".*"\} 3$/m
  await until('its bytes', async () => sent.test(await metrics()))
})

test('web page: sessions of two agents on one host name do not replace each other', async () => {
  const [one, other] = [await startWebAgent(), await startWebAgent()]
  const [first, second] = [await one.signIn(one.operator), await other.signIn(other.operator)]
  expect(first.cookie.split('=')[0]).not.toBe(second.cookie.split('=')[0])
  const headers = { cookie: `${first.cookie}; ${second.cookie}` }
  for (const { ask } of [one, other]) expect((await ask('GET', '/api/session', { headers })).status).toBe(200)
})

test('web page: a removed token ends its sessions and streams', { tags: 'story' }, async () => {
  const { ask, signIn, operator, viewer, port } = await startWebAgent()
  const cookie = await signIn(viewer)
  const stream = await openStream(port, cookie)
  const ended = once(stream.resume(), 'end')
  const removed = await ask('POST', '/api/commands/removeWebToken', {
    headers: bearer(operator),
    body: { id: 'eve' },
  })
  expect(removed.status).toBe(200)
  await ended
  expect((await ask('GET', '/api/session', { headers: cookie })).status).toBe(401)
  expect((await ask('POST', '/api/session', { body: { token: viewer } })).status).toBe(401)
})

test('web page: guesses, open streams and slow requests are limited, and others are still served', async () => {
  const { ask, signIn, operator, port } = await startWebAgent()
  const guesses = new Map<number, number>()
  for (let index = 0; index < chooseLength(1_000, 10_000); index += 50) {
    const tries = Array.from({ length: 50 }, (_, at) =>
      ask('POST', '/api/session', { body: { token: `hf_${index + at}` } }),
    )
    for (const { status } of await Promise.all(tries)) guesses.set(status, (guesses.get(status) ?? 0) + 1)
  }
  expect([...guesses.keys()].sort()).toEqual([401, 429])
  // Ten a minute; the tries may take more than one.
  expect(guesses.get(401)).toBeLessThan(100)
  const cookie = await signIn(operator)

  const streams = await Promise.all(
    Array.from({ length: 1_000 }, () => openStream(port, cookie).catch(() => null)),
  )
  const open = streams.filter((stream) => stream?.statusCode === 200)
  // One token gets half of them.
  expect(open).toHaveLength(32)
  expect((await ask('GET', '/api/session', { headers: cookie })).status).toBe(200)
  for (const stream of open) stream?.destroy()
  await until('room for another stream', async () => (await openStream(port, cookie)).statusCode === 200)

  const slow = Array.from({ length: 100 }, () => {
    const socket = net.connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ')
    return once(socket.resume(), 'close')
  })
  expect((await ask('GET', '/api/session', { headers: cookie })).status).toBe(200)
  await Promise.all(slow)
})

test('web page: beyond loopback it has TLS with the certificate of this computer', {
  tags: 'story',
}, async () => {
  const { address, data, port, ask } = await startWebAgent('0.0.0.0', ['station.example'])
  expect(address).toBe(`https://station.example:${port}/`)
  for (const host of [hostname().toUpperCase(), `station.example:${port}`])
    expect([host, (await ask('GET', '/', { headers: { host } })).status]).toEqual([host, 200])
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { fingerprint } = await loadIdentity(getDataLayout(data).identity)
  expect(socket.getPeerCertificate().fingerprint256.replaceAll(':', '').toLowerCase()).toBe(fingerprint)
  socket.destroy()
})

test('web page: a port that is in use is reported, and the page comes once it is free', async () => {
  const { command, state, port } = await startWebAgent()
  const taken = await freePort()
  const other = net.createServer().listen(taken, '127.0.0.1')
  await once(other, 'listening')
  await command('changeSettings', { web: { port: taken } })
  const problem = await until('the problem', async () => (await state()).web?.problem)
  expect(problem).toMatchObject({ key: 'web.cannotListen' })
  other.close()
  await until('the page', async () => (await state()).web?.address === `http://127.0.0.1:${taken}/`)
  await command('changeSettings', { web: { on: false } })
  await until('the end', async () => (await state()).web === null)
  const closed = net.connect(port, '127.0.0.1')
  await expect(once(closed, 'connect')).rejects.toThrow(/ECONNREFUSED/)
})
