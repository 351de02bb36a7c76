import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createWebApp, type WebContext } from '../../../core/agent/web/server.ts'
import { Sessions } from '../../../core/agent/web/sessions.ts'
import { defaultSettings, webProxySchema } from '../../../core/settings/schema.ts'
import { createToken } from '../../../core/settings/web-tokens.ts'

const LIFE_MS = 20_000
const STREAMS = 64

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A page whose events never come, as from a disk that hangs. */
function openApp(more: Partial<WebContext> = {}) {
  const { settings, token: own } = createToken(defaultSettings, { name: 'ada', role: 'viewer' }, 1)
  let tokens = settings.webTokens
  const addToken = (name: string) => {
    const added = createToken({ ...defaultSettings, webTokens: tokens }, { name, role: 'viewer' }, 1)
    tokens = added.settings.webTokens
    return added.token
  }
  const signals: AbortSignal[] = []
  const context = {
    ...{ names: [], isSecure: false, isSocket: false, proxy: webProxySchema.parse({}), page: '/page' },
    sessions: new Sessions(() => ({ webTokens: tokens, web: settings.web }), 'test'),
    subscribe: () => () => undefined,
    async *followEvents(_since: string, _filter: unknown, signal: AbortSignal) {
      signals.push(signal)
      yield []
      await new Promise(() => undefined)
    },
    logDefect: (error: unknown) => {
      throw error
    },
    ...more,
  } as unknown as WebContext
  const app = createWebApp(context)
  const incoming = { socket: { remoteAddress: '127.0.0.1' }, headers: { host: 'localhost' } }
  const ask = async (
    path: string,
    method = 'GET',
    { token = own, headers = {} }: { token?: string | undefined; headers?: Record<string, string> } = {},
  ) =>
    app.request(path, { method, headers: { authorization: `Bearer ${token}`, ...headers } }, {
      incoming,
    } as never)
  const removeToken = () => {
    tokens = []
  }
  return { ask, addToken, removeToken, signals }
}

async function openReader(response: Response) {
  const reader = response.body?.getReader()
  if (reader === undefined) throw new Error('no body')
  const decoder = new TextDecoder()
  const read = async () => {
    const { done, value } = await reader.read()
    return done ? null : decoder.decode(value)
  }
  expect(await read()).toBe('retry: 1000\n\n')
  return { read, cancel: () => reader.cancel() }
}

test('event stream: a client that disconnects while no event comes leaves no timer', async () => {
  const { ask, signals } = openApp()
  const { read, cancel } = await openReader(await ask('/api/cloudevents'))
  expect(await read()).toBe(':\n\n')
  await vi.advanceTimersByTimeAsync(LIFE_MS)
  expect(await read()).toBe(':\n\n')
  await cancel()
  expect(signals[0]?.aborted).toBe(true)
  await vi.advanceTimersByTimeAsync(2 * LIFE_MS)
  expect(vi.getTimerCount()).toBe(0)
})

test('event streams: one token leaves half of the rest to others, and gets its own back', async () => {
  const { ask, addToken } = openApp()
  const openAll = async (token?: string) => {
    const opened: Response[] = []
    for (;;) {
      const response = await ask('/api/cloudevents', 'GET', { token })
      if (response.status !== 200) return opened
      opened.push(response)
    }
  }
  const first = await openAll()
  const second = await openAll(addToken('eve'))
  const third = await openAll(addToken('bob'))
  expect([first, second, third].map(({ length }) => length)).toEqual([32, 16, 8])
  for (const { body } of first) await body?.cancel()
  expect(await openAll()).toHaveLength(20)
})

test.each([
  ['http://localhost', {}, 401],
  ['http://localhost:80', {}, 403],
  ['https://localhost', {}, 403],
  ['http://localhost:8420', {}, 403],
  ['http://localhost.evil.example', {}, 403],
  ['null', {}, 403],
  ['https://localhost', { isSecure: true }, 401],
  ['http://localhost', { isSecure: true }, 403],
])(
  'page: a command from the origin %s is answered with its scheme, host and port: %j, %i',
  async (origin, more, status) => {
    const { ask } = openApp(more)
    const headers = { origin, 'x-holdfast': '1', authorization: 'Bearer hf_other' }
    expect((await ask('/api/commands/pause', 'POST', { headers })).status).toBe(status)
  },
)

test('event stream: a removed token ends it while no event comes, also if the client reads nothing', async () => {
  const { ask, removeToken, signals } = openApp()
  const { read } = await openReader(await ask('/api/cloudevents'))
  expect(await read()).toBe(':\n\n')
  await ask('/api/cloudevents')
  removeToken()
  await vi.advanceTimersByTimeAsync(LIFE_MS)
  expect(await read()).toBeNull()
  expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  expect(vi.getTimerCount()).toBe(0)
})

test.each(['/api/cloudevents', '/api/events', '/api/overview'])(
  'HEAD %s: the answer has the type of a stream, and takes the place of none',
  async (path) => {
    const { ask } = openApp()
    for (let index = 0; index <= STREAMS; index += 1) {
      const { status, headers } = await ask(path, 'HEAD')
      expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    }
    const { status, body } = await ask('/api/cloudevents')
    expect(status).toBe(200)
    await body?.cancel()
  },
)
