// @module-tag story
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { type ChannelType, channelTypes } from '../../../core/alerts/channels/catalog.ts'
import type { ChannelInput, ChannelOutcome } from '../../../core/alerts/channels/channel.ts'
import { attempt, givenFor, said } from '../../support/alerts/channels.ts'
import { localCertificate } from '../../support/servers/certificate.ts'
import { type Recorded, type Reply, recordingServer } from '../../support/servers/recording-server.ts'

// What every channel that goes over the network makes of what can happen there.

const httpTypes = channelTypes.filter((type) => type !== 'mail' && type !== 'command')
const networkTypes: readonly ChannelType[] = [...httpTypes, 'mail']

const delivered = { did: 'delivered', note: null } as const
const refused = (key: string) => ({ did: 'refused', reason: { key } })
const retry = (key: string, afterMs: number | null = null) => ({ did: 'retry', afterMs, reason: { key } })

const SIX_HOURS = 6 * 3_600_000

/** What is answered, and what that is to every channel, or to LINE. */
const answers: { status: number; headers?: Record<string, string>; is: object; atLine?: object }[] = [
  { status: 200, is: delivered },
  { status: 204, is: delivered },
  { status: 400, is: refused('channel.refused') },
  { status: 401, is: refused('channel.rejected') },
  { status: 403, is: refused('channel.rejected') },
  { status: 404, is: refused('channel.refused') },
  { status: 408, is: retry('channel.failing') },
  { status: 409, is: refused('channel.refused'), atLine: delivered },
  { status: 410, is: refused('channel.refused') },
  { status: 425, is: retry('channel.failing') },
  { status: 429, is: retry('channel.busy') },
  { status: 429, headers: { 'Retry-After': '7' }, is: retry('channel.busy', 7_000) },
  { status: 429, headers: { 'Retry-After': '0' }, is: retry('channel.busy', 1_000) },
  { status: 429, headers: { 'Retry-After': '999999999999' }, is: retry('channel.busy', SIX_HOURS) },
  {
    status: 429,
    headers: { 'Retry-After': 'Fri, 31 Dec 2100 23:59:59 GMT' },
    is: retry('channel.busy', SIX_HOURS),
  },
  {
    status: 429,
    headers: { 'Retry-After': 'Fri, 31 Dec 1999 23:59:59 GMT' },
    is: retry('channel.busy', 1_000),
  },
  { status: 429, headers: { 'Retry-After': 'soon, 5' }, is: retry('channel.busy') },
  { status: 500, is: retry('channel.failing') },
  { status: 503, headers: { 'Retry-After': '120' }, is: retry('channel.failing', 120_000) },
]

/** Whatever it was given, an end point may say it all. */
function echo(request: Recorded): string {
  return JSON.stringify({ message: `You sent ${JSON.stringify(request)}`, description: request.path })
}

function expectNoSecret(outcome: ChannelOutcome, { secrets }: Pick<ChannelInput, 'secrets'>): void {
  const told = `${said(outcome)} ${JSON.stringify(outcome)}`
  for (const secret of Object.values(secrets)) expect(told).not.toContain(secret)
  expect(told).not.toMatch(/\D4711|S3cr/)
}

describe.each(httpTypes)('%s channel', (type) => {
  test.each(answers)(
    'answer $status $headers is classified as delivered, refused or retry',
    async ({ status, headers = {}, is, atLine }) => {
      const server = await recordingServer()
      server.answer({ status, headers, body: status === 204 ? '' : echo })
      const given = givenFor(type, server.origin)
      const outcome = await attempt(type, given)
      expect(outcome).toMatchObject(type === 'line' ? (atLine ?? is) : is)
      expect(server.requests.filter(({ method }) => method === 'POST')).toHaveLength(1)
      expectNoSecret(outcome, given)
      if (outcome.did === 'delivered') return
      expect(outcome.reason.params).toMatchObject({ host: new URL(server.origin).host, status })
      expect(String(outcome.reason.params.answer).length).toBeLessThanOrEqual(200)
      expect(String(outcome.reason.params.answer)).not.toBe('')
    },
  )

  test.each([301, 302, 303, 307, 308])('redirect %i is not followed', async (status) => {
    const [server, elsewhere] = [await recordingServer(), await recordingServer()]
    server.answer({ status, headers: { Location: `${elsewhere.origin}/there` }, body: echo })
    const given = givenFor(type, server.origin)
    const outcome = await attempt(type, given)
    expect(outcome).toMatchObject(refused('channel.moved'))
    expectNoSecret(outcome, given)
    expect(elsewhere.requests).toEqual([])
  })

  test.each([
    ['a success', 200, delivered],
    ['a failure', 500, retry('channel.failing')],
  ])('the body of %s is read only up to a limit', async (_, status, is) => {
    const server = await recordingServer()
    server.answer({ status, flood: 10 * 1024 * 1024 })
    const outcome = await attempt(type, givenFor(type, server.origin), {}, 5_000)
    expect(outcome).toMatchObject(is)
    // What is more than was read the system's buffers took; LINE was asked for its quota, too.
    expect(server.flooded() / server.requests.length).toBeLessThan(8 * 1024 * 1024)
    if (outcome.did !== 'delivered') expect(outcome.reason.params.answer).toBe(`${'x'.repeat(199)}…`)
  })

  test.each<[string, Reply]>([
    ['nothing', { status: 500 }],
    ['no text', { status: 500, body: '\u0000\u0001\ufffd\u001b[31m\u202eback' }],
    ['half a JSON text', { status: 500, body: '{"message": "wh' }],
    ['an odd JSON text', { status: 500, body: '[null, {"parameters": 1}]' }],
    ['a page', { status: 500, body: `<html>${'<'.repeat(60_000)}</html>` }],
  ])('an answer of %s is retried with an error text without control characters', async (_, reply) => {
    const server = await recordingServer()
    server.answer(reply)
    const outcome = await attempt(type, givenFor(type, server.origin))
    expect(outcome).toMatchObject(retry('channel.failing'))
    // biome-ignore lint/suspicious/noControlCharactersInRegex: there must be none.
    expect(said(outcome)).not.toMatch(/[\u0000-\u0009\u001b\u202e]/)
  })
})

/** In every channel at once: each of them waits as long as it may. */
async function everywhere(
  types: readonly ChannelType[],
  withinMs: number,
  origin: (type: ChannelType) => Promise<string>,
): Promise<Record<string, ChannelOutcome>> {
  const attempts = types.map(async (type) => {
    const given = givenFor(type, await origin(type))
    const outcome = await attempt(type, given, {}, withinMs)
    expectNoSecret(outcome, given)
    return [type, outcome] as const
  })
  return Object.fromEntries(await Promise.all(attempts))
}

test.each([
  ['a success', 200, delivered],
  ['a refusal', 400, refused('channel.refused')],
  ['a failure', 500, retry('channel.failing')],
])('HTTP channels: %s is recognised although its body arrives slowly', async (_, status, is) => {
  const server = await recordingServer()
  server.answer({ status, drip: 'slow ' })
  const outcomes = await everywhere(httpTypes, 700, async () => server.origin)
  for (const type of httpTypes) {
    const outcome = outcomes[type]
    expect({ type, outcome }).toMatchObject({ type, outcome: is })
    if (outcome?.did !== 'delivered') expect(outcome?.reason.params.answer).toMatch(/^slow slow/)
  }
})

test('network channels: a server that does not answer gives a timeout', async () => {
  const server = await recordingServer()
  server.answer({ status: 200, isSilent: true })
  const origins = (type: ChannelType) => (type === 'mail' ? silentServer() : Promise.resolve(server.origin))
  const outcomes = await everywhere(networkTypes, 150, origins)
  for (const type of networkTypes) {
    expect({ type, outcome: outcomes[type] }).toMatchObject({ type, outcome: retry('channel.silent') })
    // Mail has more steps, and more time.
    const limit = type === 'mail' ? expect.any(Number) : 150
    expect(outcomes[type]).toMatchObject({ reason: { params: { limit } } })
  }
})

describe.each(networkTypes)('%s channel, connection failures', (type) => {
  test('an aborted attempt ends as a retry', async () => {
    const controller = new AbortController()
    const given = givenFor(type, await silentServer(() => controller.abort()), controller.signal)
    expect(await attempt(type, given, {}, 60_000)).toMatchObject(retry('channel.stopped'))
    expect(await attempt(type, given, {}, 60_000)).toMatchObject(retry('channel.stopped'))
  })

  test('a refused connection is retried', async () => {
    const origin = await closedPort()
    const given = givenFor(type, origin)
    const outcome = await attempt(type, given)
    expect(outcome).toMatchObject(retry('channel.unreachable'))
    expect(said(outcome)).toContain(new URL(origin).host)
    expect(said(outcome)).toContain('connection refused')
    expectNoSecret(outcome, given)
  })

  test('an unknown host name is retried', async () => {
    const given = givenFor(type, 'http://does-not-exist.invalid:8080')
    const outcome = await attempt(type, given, {}, 5_000)
    expect(outcome).toMatchObject(retry('channel.unreachable'))
    expect(said(outcome)).toContain('does-not-exist.invalid')
    expectNoSecret(outcome, given)
  })

  test('a server without a trusted certificate receives nothing', async () => {
    const server = await recordingServer(await localCertificate())
    const { options, ...rest } = givenFor(type, server.origin)
    const given = { ...rest, options: { ...options, security: 'tls' } }
    const outcome = await attempt(type, given, {}, 2_000)
    // A mail server greets first, which this one never does; mail.test.ts has one that does.
    const isMail = type === 'mail'
    expect(outcome).toMatchObject(retry(isMail ? 'channel.silent' : 'channel.certificate'))
    if (!isMail) expect(said(outcome)).toMatch(/self-signed|certificate/)
    expect(server.requests).toEqual([])
    expectNoSecret(outcome, given)
  })

  test('a connection that is cut is retried', async () => {
    const given = givenFor(type, await silentServer((socket) => socket.destroy()))
    const outcome = await attempt(type, given)
    expect(outcome).toMatchObject(retry('channel.unreachable'))
    expectNoSecret(outcome, given)
  })

  // Channels run in the main process: Vitest fails if an error reaches it in any other way than as an outcome.
  test.each([
    ['before its answer', ''],
    ['within the head of its answer', 'HTTP/1.1 20'],
    ['within the body of its answer', 'HTTP/1.1 500 Error\r\nContent-Length: 99\r\n\r\n{"message"'],
    ['after its greeting', '220 here ESMTP\r\n'],
    ['within its greeting', '220-here'],
  ])('a server that resets the connection %s is no error of the process', async (_, said) => {
    const reset = (socket: Socket) => socket.write(said, () => setTimeout(() => socket.resetAndDestroy(), 20))
    const outcome = await attempt(type, givenFor(type, await silentServer(reset)))
    expect(outcome.did).not.toBe('delivered')
  })
})

test.each(httpTypes)(
  '%s channel: an invalid address or token fails, and does not appear in the error',
  async (type) => {
    for (const bad of ['http://[S3cret4711', 'ftp://127.0.0.1/S3cret4711', 'S3cret4711\nX: y\u{1f9ef}']) {
      const { options, secrets, signal } = givenFor(type, 'http://127.0.0.1:1')
      const isTokens = 'token' in secrets
      if (isTokens && !bad.includes('\n')) continue
      const given = { options, secrets: isTokens ? { token: bad } : { ...secrets, url: bad }, signal }
      const outcome = await attempt(type, given)
      expect(outcome.did).not.toBe('delivered')
      // A bot's token stands in the address, which takes any text.
      if (type !== 'telegram') expect(outcome).toMatchObject(refused('channel.invalid'))
      expectNoSecret(outcome, given)
    }
  },
)

/** Takes connections, and says nothing. */
async function silentServer(onTaken: (socket: Socket) => void = () => undefined): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    setTimeout(() => onTaken(socket), 20)
  })
  return listen(server.unref())
}

async function closedPort(): Promise<string> {
  const server = createServer()
  const origin = await listen(server)
  server.close()
  await once(server, 'close')
  return origin
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
