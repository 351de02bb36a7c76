import { execFile } from 'node:child_process'
import { chmodSync, chownSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import net from 'node:net'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { commands } from '../../../core/agent/contract.ts'
import { holdfast, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { type ApacheServer, startApacheProxy } from '../../support/servers/apache.ts'
import { startNginx } from '../../support/servers/nginx.ts'
import { freePort } from '../../support/servers/sftp.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'
import { type Ask, bearer, startWebAgent } from '../../support/web.ts'

const HEADER = 'X-Remote-User'
const own = {
  origin: 'https://station.example',
  'x-forwarded-host': 'station.example',
  'x-forwarded-proto': 'https',
}

/** Sends a command through the proxy, as a page does; returns its status, text and cookies. */
function askThrough(
  proxy: Pick<ApacheServer, 'port' | 'user' | 'password'>,
  command: string,
  input: unknown,
  headers = {},
) {
  return new Promise<{ status: number; cookies: string; text: string }>((resolve, reject) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', port: proxy.port, method: 'POST', path: `/api/${command}`, agent: false },
        ...{ auth: `${proxy.user}:${proxy.password}`, rejectUnauthorized: false },
        headers: {
          host: 'station.example',
          origin: 'https://station.example',
          'x-holdfast': '1',
          ...headers,
        },
      },
      async (response) => {
        const cookies = String(response.headers['set-cookie'] ?? '')
        const text = (await response.toArray()).join('')
        resolve({ status: response.statusCode ?? 0, cookies, text })
      },
    )
    sent.on('error', reject)
    sent.end(JSON.stringify(input))
  })
}

/** Returns the latest recorded change. */
async function lastChange(ask: Ask, token: string) {
  const body = { before: null, most: 1 }
  const { json } = await ask('POST', '/api/commands/changes', { headers: bearer(token), body })
  return commands.changes.output.parse(json?.output).entries[0]
}

const proxies = {
  Apache: (socket: string) => startApacheProxy(`unix:${socket}|http://localhost/`, HEADER),
  'nginx, as documented,': startNginx,
}

test.each(Object.entries(proxies))(
  'reverse proxy: %s signs in its user, who is in the record of changes, through a socket',
  async (_name, start) => {
    const socket = path.join(temporaryDirectory('socket'), 'web.sock')
    const proxy = { addresses: ['unix'], userHeader: HEADER, operators: ['ada'] }
    const { ask, operator, address, state } = await startWebAgent('127.0.0.1', ['station.example'], {
      socket,
      proxy,
    })
    expect(address).toBe(`unix:${socket}`)
    expect(statSync(socket).mode & 0o777).toBe(0o660)
    if (process.getuid?.() === 0) {
      // Apache's processes run as www-data if root starts it: the socket's group lets them in.
      const group = await promisify(execFile)('id', ['-g', 'www-data'])
      chmodSync(path.dirname(socket), 0o755)
      chownSync(socket, 0, Number(group.stdout))
    }
    const server = await start(socket)
    onTestFinished(() => server.stop())

    const paused = await askThrough(server, 'commands/pause', { minutes: null })
    expect(paused).toMatchObject({ status: 200 })
    expect((await state()).settings.pause).not.toBeNull()
    expect(await lastChange(ask, operator)).toMatchObject({ by: { via: 'page', name: 'ada' } })
    // The proxy replaces the header of a browser.
    const forged = await askThrough(server, 'commands/resume', {}, { [HEADER]: 'eve' })
    expect(forged.status).toBe(200)
    expect(await lastChange(ask, operator)).toMatchObject({ by: { name: 'ada' } })
    const foreign = await askThrough(
      server,
      'commands/pause',
      { minutes: null },
      { origin: 'https://evil.example' },
    )
    expect(foreign.status).toBe(403)
    const rebound = await askThrough(server, 'commands/pause', { minutes: null }, { host: 'evil.example' })
    expect(rebound.status).toBe(421)
    const signedIn = await askThrough(server, 'session', { token: operator })
    expect(signedIn.cookies).toMatch(/; Secure;? ?/)
  },
)

test('reverse proxy: its headers are ignored from every other address', async () => {
  const { ask, operator, command } = await startWebAgent('127.0.0.1', ['station.example'], {
    proxy: {
      addresses: ['10.0.0.5', '192.0.2.0/24', 'fd00::/8', 'unix'],
      userHeader: HEADER,
      role: 'operator',
    },
  })
  const session = (headers: Record<string, string>) => ask('GET', '/api/session', { headers })
  expect((await session({ [HEADER]: 'ada' })).status).toBe(401)
  const pause = await ask('POST', '/api/commands/pause', {
    headers: { ...bearer(operator), ...own },
    body: { minutes: null },
  })
  expect(pause.status).toBe(403)
  const signedIn = await ask('POST', '/api/session', {
    headers: { 'x-forwarded-proto': 'https' },
    body: { token: operator },
  })
  expect(signedIn.headers['set-cookie']?.[0]).not.toContain('Secure')

  await command('changeSettings', { web: { proxy: { addresses: ['127.0.0.0/8'] } } })
  const user = async (headers: Record<string, string>) =>
    (await session(headers).catch(() => null))?.json?.output
  await until('the user', async () => (await user({ [HEADER]: 'ada' })) !== undefined)
  expect(await user({ [HEADER]: 'ada' })).toMatchObject({ name: 'ada', role: 'operator', by: 'proxy' })
  expect(await user({ [HEADER]: Buffer.from('王小明').toString('latin1') })).toMatchObject({ name: '王小明' })
  for (const nobody of ['', ' ', 'x'.repeat(101)]) expect(await user({ [HEADER]: nobody })).toBeUndefined()
  const changed = await ask('POST', '/api/commands/resume', {
    headers: { ...own, [HEADER]: 'ada' },
    body: {},
  })
  expect(changed.status).toBe(200)
})

test('reverse proxy: a viewer among its users changes nothing, and names are compared exactly', {
  tags: 'story',
}, async () => {
  const proxy = { addresses: ['127.0.0.1'], userHeader: HEADER, operators: ['ada'] }
  const { ask } = await startWebAgent('127.0.0.1', [], { proxy })
  const pause = async (name: string) =>
    (await ask('POST', '/api/commands/pause', { headers: { [HEADER]: name }, body: { minutes: null } }))
      .status
  expect(await pause('eve')).toBe(403)
  expect(await pause('Ada')).toBe(403)
  expect(await pause('eve, ada')).toBe(403)
  expect(await pause('ada')).toBe(200)
})

test('reverse proxy: wrong tokens are counted for the browser behind it', async () => {
  const { ask } = await startWebAgent('127.0.0.1', [], { proxy: { addresses: ['127.0.0.1', '10.0.0.5'] } })
  const guess = async (forwarded: string) =>
    (
      await ask('POST', '/api/session', {
        headers: { 'x-forwarded-for': forwarded },
        body: { token: 'hf_wrong' },
      })
    ).status
  for (let index = 0; index < 10; index++)
    // The browser invents addresses; the proxies add its own.
    expect(await guess(`203.0.113.${index}, 198.51.100.7, 10.0.0.5`)).toBe(401)
  expect(await guess('198.51.100.7')).toBe(429)
  expect(await guess('198.51.100.8')).toBe(401)
})

test('web socket file: the one of a killed agent is replaced; a live one and other files are left', async () => {
  const directory = temporaryDirectory('socket')
  const socket = path.join(directory, 'web.sock')
  const [first, second] = [path.join(directory, 'first'), path.join(directory, 'second')]
  const killed = startHoldfast(['agent', '--data', first])
  startHoldfast(['agent', '--data', second])
  for (const data of [first, second]) await untilState(data, 'the agent', () => true)
  const served = await holdfast(['settings', 'web', 'on', '--socket', socket, '--data', first])
  expect(served).toContain(`unix:${socket}`)
  const turnOn = (...words: string[]) => startHoldfast(['settings', 'web', 'on', ...words, '--data', second])
  const refused = turnOn('--socket', socket)
  expect(await refused.ended()).toBe(1)
  expect(refused.err()).toContain(`The socket ${socket} is served by another program.`)
  killed.child.kill('SIGKILL')
  await killed.ended()
  const printed = () => holdfast(['settings', 'web', '--data', second])
  await until('the socket', async () => (await printed()).startsWith(`unix:${socket}`))
  const connection = net.connect(socket)
  await until('the connection', () => connection.readyState === 'open')
  connection.destroy()

  const file = path.join(directory, 'file')
  writeFileSync(file, 'precious')
  const taken = turnOn('--socket', file)
  expect(await taken.ended()).toBe(1)
  expect(taken.err()).toContain(`cannot be served on the socket ${file}`)
  expect(statSync(file).size).toBe(8)
  const missing = turnOn('--socket', path.join(directory, 'none', 'web.sock'))
  expect(await missing.ended()).toBe(1)
  const back = turnOn('--host', '127.0.0.1', '--port', String(await freePort()))
  expect(await back.ended()).toBe(0)
  expect(back.out()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/m)
})

test('holdfast settings web on: the proxies are printed, and options that contradict each other are refused', async () => {
  const data = temporaryDirectory('data')
  const web = ['--data', data]
  const words = [
    'settings',
    'web',
    'on',
    '--proxy',
    '10.0.0.5,10.1.0.0/16',
    '--user-header',
    HEADER,
    '--operator',
    'ada',
  ]
  const printed = await holdfast([...words, ...web])
  expect(printed).toContain('Trusted proxies: 10.0.0.5, 10.1.0.0/16')
  expect(printed).toContain('Operators among them: ada')
  await holdfast(['settings', 'web', 'on', '--user-role', 'operator', ...web])
  const changed = JSON.parse(await holdfast(['settings', 'web', '--json', ...web]))
  expect(changed.settings.proxy).toEqual({
    ...{ addresses: ['10.0.0.5', '10.1.0.0/16'], userHeader: HEADER, role: 'operator', operators: ['ada'] },
  })
  await holdfast(['settings', 'web', 'on', '--no-proxy', ...web])
  const wrong: [string[], string][] = [
    [['--user-header', HEADER], 'need a proxy'],
    [['--proxy', '10.0.0.300'], 'It must be an IP address'],
    [['--proxy', '10.0.0.0/33'], 'It must be an IP address'],
    [['--proxy', '127.0.0.1', '--user-header', 'X Remote'], 'the name of a header'],
    [['--socket', '/run/web.sock', '--port', '1'], "cannot be used with option '--port"],
    [['--socket', `/${'x'.repeat(103)}`], 'too long'],
  ]
  for (const [options, reason] of wrong) {
    const refused = startHoldfast(['settings', 'web', 'on', ...options, ...web])
    expect([options, await refused.ended()]).toEqual([options, 2])
    expect(refused.err()).toContain(reason)
  }
})
