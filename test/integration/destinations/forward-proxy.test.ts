import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { testDestination } from '../../../core/backends/open.ts'
import { reachBucket } from '../../../core/backends/s3/s3-store.ts'
import { createTestEvent } from '../../../core/events/cloud-event.ts'
import { openDeliverer } from '../../../core/events/deliver.ts'
import { createWords } from '../../../core/lib/i18n/words.ts'
import { openTunnel, setProxy } from '../../../core/lib/network/tunnel.ts'
import { readState } from '../../support/agent/two-receivers.ts'
import { attempt, givenFor } from '../../support/alerts/channels.ts'
import { headless } from '../../support/alerts/headless.ts'
import { receiverKind } from '../../support/destinations/receiver-kind.ts'
import { sftpKind, sftpServer } from '../../support/destinations/sftp-kind.ts'
import { webdavKind } from '../../support/destinations/webdav-kind.ts'
import { canStartProxy, FAR, PROXY_USER, startForwardProxy } from '../../support/servers/forward-proxy.ts'
import { hasMailServer, startMailServer } from '../../support/servers/mail-server.ts'
import { MQTT_USER, startMosquitto, subscribe } from '../../support/servers/mosquitto.ts'
import { recordingServer } from '../../support/servers/recording-server.ts'
import { freePort } from '../../support/servers/sftp.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const { signal } = new AbortController()
const english = createWords('en')

/** Uses a proxy in this process until the test is over. */
function through(address: string, changes: Partial<Parameters<typeof setProxy>[0] & object> = {}): void {
  setProxy({ address, ...PROXY_USER, except: [], ...changes })
}
beforeEach(() => () => setProxy(null))

const far = (origin: string) => origin.replace('127.0.0.1', FAR)

describe.skipIf(!canStartProxy)('proxy towards other networks', () => {
  beforeAll(async () => {
    await Promise.all([sftpKind.start?.(), webdavKind.start?.()])
  })
  afterAll(async () => {
    await Promise.all([sftpKind.stop?.(), webdavKind.stop?.()])
  })

  test.each(['http', 'socks5'] as const)(
    '%s: a receiver, an SFTP and a WebDAV server, which only the proxy reaches, pass their tests',
    async (kind) => {
      const { address } = await startForwardProxy(kind)
      for (const { name, open } of [receiverKind, sftpKind, webdavKind]) {
        const home = await makeHome(temporaryDirectory(name))
        const place = await open(home)
        const { id: _, ...settings } = place.settings()
        const there = 'url' in settings ? { url: far(settings.url) } : { host: FAR }
        const destination = { ...settings, ...there } as Parameters<typeof testDestination>[0]
        const options = { identity: home.identity, name: 'station-3', secrets: place.secrets, signal }
        setProxy(null)
        expect(await testDestination(destination, options), name).toMatchObject({ works: false })
        through(address)
        const { works, sentence, found } = await testDestination(destination, options)
        expect([works, english(sentence)], name).toEqual([true, expect.anything()])
        expect(english(found.notes[0] ?? sentence)).toContain('leads through the proxy 127.0.0.1:')
      }
    },
  )

  test.each(['http', 'socks5'] as const)(
    '%s: a bucket is listed, and a webhook is delivered',
    { tags: 'story' },
    async (kind) => {
      const { address } = await startForwardProxy(kind)
      through(address)
      const server = await recordingServer()
      server.answer({ status: 200, body: '<ListBucketResult></ListBucketResult>' })
      const endpoint = far(server.origin)
      const bucket = { ...{ name: 'cloud', bucket: 'b', prefix: '', storageClass: '', folder: 'station' } }
      const { store } = await reachBucket(
        { ...bucket, endpoint, region: 'here', pathStyle: true, certificate: null } as Parameters<
          typeof reachBucket
        >[0],
        { accessKey: 'a', secretKey: 's' },
      )
      store.close()
      expect(await attempt('webhook', givenFor('webhook', endpoint))).toMatchObject({ did: 'delivered' })
      expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'POST'])
    },
  )

  test.each(['http', 'socks5'] as const)(
    '%s: a tunnel stays open after the time limit for opening it',
    async (kind) => {
      const { address } = await startForwardProxy(kind)
      through(address)
      const server = createServer((socket) => void socket.pipe(socket))
      const port = await freePort()
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
      onTestFinished(() => void server.close())
      const opening = new AbortController()
      const tunnel = await openTunnel({ host: FAR, port }, opening.signal)
      if (tunnel === null) throw new Error('no proxy is on the way')
      onTestFinished(() => void tunnel.destroy())
      opening.abort()
      tunnel.write('still')
      let received = ''
      tunnel.on('data', (bytes) => {
        received += String(bytes)
      })
      await until('the echo', () => received === 'still')
      expect(tunnel.destroyed).toBe(false)
    },
  )

  test.skipIf(!hasMailServer).each(['http', 'socks5'] as const)(
    '%s: a mail is delivered without TLS, with STARTTLS and with TLS',
    async (kind) => {
      const { address } = await startForwardProxy(kind)
      through(address)
      const server = await startMailServer(temporaryDirectory('mail'))
      onTestFinished(() => server.stop())
      const { fingerprint } = server
      for (const [security, port] of Object.entries(server.ports)) {
        const certificate = security === 'none' ? {} : { certificate: fingerprint }
        const given = givenFor('mail', `http://${FAR}:${port}`)
        const outcome = await attempt('mail', {
          ...given,
          options: { ...given.options, security, ...certificate },
        })
        expect([security, outcome]).toEqual([security, { did: 'delivered', note: null }])
      }
      expect(server.mails()).toHaveLength(3)
    },
  )

  test('socks5: an MQTT broker gets an event', async () => {
    const { address } = await startForwardProxy('socks5')
    through(address)
    const broker = await startMosquitto()
    onTestFinished(() => broker.stop())
    const subscriber = await subscribe(broker.port, 'holdfast/#')
    onTestFinished(() => void subscriber.stop())
    const options = { broker: `mqtt://${FAR}:${broker.port}`, user: MQTT_USER.user }
    const sink = {
      id: 's',
      name: 's',
      kind: 'mqtt' as const,
      options,
      enabled: true,
      command: [],
      types: null,
    }
    const deliverer = openDeliverer(
      { ...sink, sources: null, since: null },
      { computer: 'c', secrets: { password: MQTT_USER.password } },
    )
    onTestFinished(() => deliverer.close())
    const delivered = await deliverer.deliver([createTestEvent('origin', 'id', Date.now())], signal)
    expect(delivered).toEqual({ done: true })
    await until('the event', () => subscriber.messages().length > 0)
  })

  test.each(['http', 'socks5'] as const)(
    '%s: a wrong password gives a sentence with the command that mends it',
    { tags: 'story' },
    async (kind) => {
      const { address } = await startForwardProxy(kind)
      through(address, { password: 'wrong' })
      const outcome = await attempt('webhook', givenFor('webhook', `http://${FAR}:8080`))
      if (outcome.did !== 'retry') throw new Error(outcome.did)
      const text = english(outcome.reason)
      expect(text).toMatch(/^The proxy 127\.0\.0\.1:\d+ refused the connection to far\.test:8080: /)
      expect(text).toContain(`proxy set ${address} --user NAME`)
      expect(text).not.toContain('wrong')
      expect(createWords('zh-TW', 'window')(outcome.reason)).toContain('「設定」›「網路」')
    },
  )

  test('an exception is reached directly, and nothing reaches the proxy', async () => {
    const proxy = await startForwardProxy('http')
    through(proxy.address, { except: [FAR] })
    const outcome = await attempt('webhook', givenFor('webhook', `http://${FAR}:8080`))
    expect(outcome).toMatchObject({ did: 'retry', reason: { key: 'channel.unreachable' } })
    const server = await recordingServer()
    through(proxy.address)
    expect(await attempt('webhook', givenFor('webhook', server.origin))).toMatchObject({ did: 'delivered' })
    expect(proxy.log()).not.toMatch(/Request/)
  })

  test('an agent uses the proxy that `holdfast settings proxy set` stores for the transfer and the restore of files', async () => {
    const { address } = await startForwardProxy('http')
    const source = temporaryDirectory('source')
    writeFileSync(path.join(source, 'one.txt'), 'one')
    const home = headless({ sources: [{ id: 'a', path: source, name: 'source' }] })
    home.startAgent()
    await until('the agent to run', () => readState(home.directory))
    const { port, user, keyFile, hostKey, root } = sftpServer()
    const folder = path.join(root, 'proxied')
    mkdirSync(folder)
    const target = `${user}@${FAR}:${port}:${folder}`
    const add = [
      'destinations',
      'add',
      'sftp',
      target,
      '--name',
      'nas',
      '--key-file',
      keyFile,
      '--host-key',
      hostKey,
    ]
    expect((await home.run(add)).code).toBe(1)
    const secret = path.join(temporaryDirectory('secret'), 'password')
    writeFileSync(secret, PROXY_USER.password)
    const shown = await home.says([
      'settings',
      'proxy',
      'set',
      address,
      '--user',
      PROXY_USER.user,
      '--secret',
      `password=${secret}`,
    ])
    expect(shown).toContain(`Connections go through ${address}.`)
    expect(shown).toContain('with a stored password')
    expect(readFileSync(path.join(home.directory, 'settings.json'), 'utf8')).not.toContain(
      PROXY_USER.password,
    )
    expect(await home.says(add)).toContain('leads through the proxy')
    await until('the file', () => readState(home.directory).then(({ totals }) => totals.sentFiles === 1))
    const to = temporaryDirectory('back')
    await home.says(['restore', 'source', '--from', 'nas', '--to', to])
    expect(readFileSync(path.join(to, 'one.txt'), 'utf8')).toBe('one')
    const wrong = path.join(temporaryDirectory('secret'), 'password')
    writeFileSync(wrong, 'wrong')
    await home.says([
      'settings',
      'proxy',
      'set',
      address,
      '--user',
      PROXY_USER.user,
      '--secret',
      `password=${wrong}`,
    ])
    await until('the destination to be away', async () => {
      const [nas] = (await readState(home.directory)).destinations
      return nas?.connection.problem?.key === 'proxy.login'
    })
    const off = JSON.parse(await home.says(['settings', 'proxy', 'off', '--json']))
    expect(off).toMatchObject({ use: 'none', address, through: null, hasPassword: true })
  })
})

test('`holdfast settings proxy` sets addresses, exceptions and the environment without an agent, and refuses what it cannot use', async () => {
  const home = headless()
  const read = async (...words: string[]) =>
    JSON.parse(await home.says(['settings', 'proxy', ...words, '--json']))
  const secret = path.join(temporaryDirectory('secret'), 'password')
  writeFileSync(secret, PROXY_USER.password)
  const set = ['set', 'proxy.example.org:3128', '--user', 'station', '--secret', `password=${secret}`]
  expect(await read(...set)).toMatchObject({ use: 'address', user: 'station', hasPassword: true })
  expect(await read('except', 'lab.example.org', '10.0.0.0/8')).toMatchObject({
    except: ['lab.example.org', '10.0.0.0/8'],
    through: 'http://proxy.example.org:3128',
  })
  expect(await read('except', '--remove', '10.0.0.0/8')).toMatchObject({ except: ['lab.example.org'] })
  for (const [address, why] of [
    ['ftp://proxy', 'is no address of a proxy'],
    ['http://station:word@proxy:1', 'Put it into a file'],
  ] as const) {
    const { code, err } = await home.run(['settings', 'proxy', 'set', address])
    expect([code, err]).toEqual([2, expect.stringContaining(why)])
  }
  expect(await read('set', 'socks5://other:1080')).toMatchObject({ user: '', hasPassword: false })
  const { code, out } = await home.run(['settings', 'proxy', 'environment'])
  expect([code, out]).toEqual([0, expect.stringContaining('none of HTTPS_PROXY')])
})

test('a proxy that does not answer is named, with the target', async () => {
  const port = await freePort()
  setProxy({ address: `http://127.0.0.1:${port}`, user: '', password: '', except: [] })
  const outcome = await attempt('webhook', givenFor('webhook', 'http://far.example:80'))
  expect(outcome).toMatchObject({
    did: 'retry',
    reason: {
      key: 'proxy.unreachable',
      params: { proxy: `127.0.0.1:${port}`, address: 'far.example:80', reason: 'ECONNREFUSED' },
    },
  })
})

test('a proxy that is silent ends with the time limit of the channel', async () => {
  const server = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await until('it listens', () => server.listening)
  const at = server.address()
  if (at === null || typeof at === 'string') throw new Error('no port')
  setProxy({ address: `socks5://127.0.0.1:${at.port}`, user: '', password: '', except: [] })
  const outcome = await attempt('webhook', givenFor('webhook', 'http://far.example:80'), {}, 300)
  expect(outcome).toMatchObject({ did: 'retry', reason: { key: 'channel.silent' } })
})
