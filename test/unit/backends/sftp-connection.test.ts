import { createServer } from 'node:http'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { connectSftp } from '../../../core/backends/sftp/connect.ts'
import { setProxy } from '../../../core/lib/network/tunnel.ts'
import { startLyingSftp } from '../../support/servers/lying-sftp.ts'
import { until } from '../../support/until.ts'

const OTHER_KEY = `SHA256:${'A'.repeat(43)}`

/** An SSH server with keys of these lengths; `connect` logs in with what the test changes. */
async function begin(keyBits: readonly (256 | 384)[] = [256]) {
  const server = await startLyingSftp('secret', undefined, keyBits)
  onTestFinished(() => server.stop())
  const ending = new AbortController()
  onTestFinished(() => ending.abort())
  type Login = Parameters<typeof connectSftp>[0]
  const connect = async (
    changes: Partial<Login> = {},
    secrets: Record<string, string> = { password: 'secret' },
  ) => {
    const connection = await connectSftp(
      {
        ...{ name: 'nas', host: '127.0.0.1', port: server.port, user: 'station', path: '', hideNames: false },
        ...{ login: 'password', keyFile: null, hostKey: server.hostKey },
        ...changes,
      },
      secrets,
      ending.signal,
    )
    onTestFinished(() => void connection.client.destroy())
    return connection
  }
  return { server, connect, ending }
}

/** An address for documentation (RFC 5737): only the proxy of the tests reaches it. */
const FAR = '192.0.2.1'

/** Starts an HTTP proxy, which connects to this computer whatever it is asked for. Returns what it was asked for. */
async function startProxy(): Promise<string[]> {
  const asked: string[] = []
  const proxy = createServer().on('connect', ({ url = '' }, client) => {
    asked.push(url)
    const far = connectTcp(Number(new URL(`tcp://${url}`).port), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      far.pipe(client).pipe(far)
    })
    for (const socket of [far, client]) socket.on('error', () => [far, client].map((one) => one.destroy()))
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void proxy.close())
  setProxy({
    ...{ address: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, user: '', password: '' },
    except: [],
  })
  onTestFinished(() => setProxy(null))
  return asked
}

test.each([
  ['directly', '127.0.0.1'],
  ['through a proxy', FAR],
])('SFTP connection: made %s, it ends with its signal', async (_, host) => {
  const asked = await startProxy()
  const { server, connect, ending } = await begin()
  const { ended, isToItself } = await connect({ host })
  expect([asked, isToItself]).toEqual(host === FAR ? [[`${FAR}:${server.port}`], false] : [[], true])
  let isOver = false
  void ended.then(() => {
    isOver = true
  })
  ending.abort()
  await until('it has ended', () => isOver)
})

test.each([
  ['with another password', {}, { password: 'other' }, 'transfer.sftp.loginRefused'],
  ['without the password', {}, {}, 'transfer.sftp.secretMissing'],
  [
    'to a server with another key than the pinned one',
    { hostKey: OTHER_KEY },
    undefined,
    'transfer.sftp.otherHostKey',
  ],
  ['to a server whose key is not known yet', { hostKey: '' }, {}, 'transfer.sftp.newHostKey'],
  ['with a key that is none', { login: 'key' }, { key: 'none' }, 'transfer.sftp.badKey'],
  ['with a key file that is missing', { login: 'file', keyFile: '/none/key' }, {}, 'transfer.sftp.keyFile'],
  ['without an agent', { login: 'agent' }, {}, 'transfer.sftp.noAgent'],
] as const)('SFTP connection: a login %s is refused', async (_, changes, secrets, key) => {
  vi.stubEnv('SSH_AUTH_SOCK', undefined)
  onTestFinished(() => void vi.unstubAllEnvs())
  const { connect } = await begin()
  await expect(connect(changes, secrets)).rejects.toMatchObject({ sentence: { key } })
})

test('SFTP connection: each key of a server can be the pinned one, and the first one is named where none is', async () => {
  const { server, connect } = await begin([256, 384])
  const [first, second] = server.hostKeys
  for (const hostKey of [second, first, second])
    expect((await connect({ hostKey: hostKey ?? '' })).isToItself).toBe(true)
  await expect(connect({ hostKey: OTHER_KEY })).rejects.toMatchObject({
    sentence: { key: 'transfer.sftp.otherHostKey', params: { found: first } },
  })
})
