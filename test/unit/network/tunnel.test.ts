import { once } from 'node:events'
import { createServer as createPlainServer } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect, createServer as createSocketServer } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { openTunnel, setProxy } from '../../../core/lib/network/tunnel.ts'
import { localCertificate } from '../../support/servers/certificate.ts'
import { recordingServer } from '../../support/servers/recording-server.ts'
import { freePort } from '../../support/servers/sftp.ts'
import { until } from '../../support/until.ts'

test('tunnel through an https proxy: the certificate has to be for the proxy, not for the target', async () => {
  const certificate = await localCertificate()
  const trusted = getCACertificates('default')
  setDefaultCACertificates([...trusted, certificate.cert])
  onTestFinished(() => setDefaultCACertificates(trusted))
  const target = await recordingServer()
  const names: unknown[] = []
  const proxy = createServer(certificate).on('connect', ({ socket }, client) => {
    names.push((socket as TLSSocket).servername)
    const far = connect(Number(new URL(target.origin).port), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      far.pipe(client).pipe(far)
    })
  })
  const port = await freePort()
  await new Promise<void>((resolve) => proxy.listen(port, 'localhost', resolve))
  onTestFinished(() => void proxy.close())
  setProxy({ address: `https://localhost:${port}`, user: '', password: '', except: [] })
  onTestFinished(() => setProxy(null))
  const tunnel = await openTunnel({ host: 'far.example', port: 80 }, new AbortController().signal)
  tunnel?.write('GET / HTTP/1.1\r\nHost: far.example\r\nConnection: close\r\n\r\n')
  await new Promise((resolve) => tunnel?.resume().once('end', resolve))
  expect(names).toEqual(['localhost'])
  expect(target.requests).toHaveLength(1)
})

/** Starts a proxy that answers a request for a tunnel with this challenge, unless it has the login "a:b". */
async function startAsking(challenge: readonly string[]) {
  const logins: (string | undefined)[] = []
  const proxy = createPlainServer().on('connect', ({ headers }, client) => {
    logins.push(headers['proxy-authorization'])
    const isRight = headers['proxy-authorization'] === `Basic ${Buffer.from('a:b').toString('base64')}`
    const asked = challenge.map((one) => `Proxy-Authenticate: ${one}\r\n`).join('')
    client.end(isRight ? 'HTTP/1.1 200 OK\r\n\r\n' : `HTTP/1.1 407 Login\r\n${asked}\r\n`)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void proxy.close())
  onTestFinished(() => setProxy(null))
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const use = (password = 'b') => setProxy({ address, user: 'a', password, except: [] })
  const open = () => openTunnel({ host: 'far.example', port: 80 }, new AbortController().signal)
  return { logins, use, open }
}

test('tunnel: a password is sent to a proxy once it has asked for one in this form', async () => {
  const { logins, use, open } = await startAsking(['Negotiate', 'basic realm="a, Digest b"'])
  use()
  for (let times = 0; times < 2; times += 1) (await open())?.destroy()
  expect(logins).toEqual([undefined, 'Basic YTpi', 'Basic YTpi'])
  use('wrong')
  await expect(open()).rejects.toMatchObject({ sentence: { key: 'proxy.login' } })
})

test('tunnel: a proxy with other logins gets no password, and they are named', async () => {
  const { logins, use, open } = await startAsking(['Digest realm="x", nonce="y", qop="auth"', 'NTLM'])
  use()
  await expect(open()).rejects.toMatchObject({
    sentence: { key: 'proxy.otherLogin', params: { reason: 'Digest, NTLM' } },
  })
  expect(logins).toEqual([undefined])
})

/** Starts a SOCKS5 proxy (RFC 1928) that gives this reply with the target's greeting, and then returns what it receives. */
async function startSocks(reply: number, greeting = '') {
  const asked: string[] = []
  const proxy = createSocketServer((client) => {
    client.once('data', () => {
      client.write(Buffer.from([5, 0]))
      client.once('data', (request) => {
        // Version, command, reserved, type of address (3: a name), and the name's length come before the name.
        asked.push(request.subarray(5, 5 + (request[4] ?? 0)).toString())
        client.write(
          Buffer.concat([Buffer.from([5, reply, 0, 1, 127, 0, 0, 1, 0, 80]), Buffer.from(greeting)]),
        )
        client.pipe(client)
      })
    })
    client.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void proxy.close())
  const { port } = proxy.address() as AddressInfo
  setProxy({ address: `socks5://127.0.0.1:${port}`, user: '', password: '', except: [] })
  onTestFinished(() => setProxy(null))
  return { asked, open: () => openTunnel({ host: 'far.example', port: 80 }, new AbortController().signal) }
}

test('tunnel through a SOCKS5 proxy: the proxy connects to the target by its name', async () => {
  const { asked, open } = await startSocks(0)
  const tunnel = await open()
  onTestFinished(() => void tunnel?.destroy())
  expect(asked).toEqual(['far.example'])
  tunnel?.write('echo')
  const [answer] = await once(tunnel ?? expect.fail('no tunnel'), 'data')
  expect(String(answer)).toBe('echo')
})

test('tunnel through a SOCKS5 proxy: a greeting waits for a reader who comes later', async () => {
  const { open } = await startSocks(0, '220 mail')
  const tunnel = (await open()) ?? expect.fail('no tunnel')
  onTestFinished(() => void tunnel.destroy())
  tunnel.write(' and echo')
  let received = ''
  for (let turns = 0; turns < 10; turns += 1) await nextTurn()
  tunnel.on('data', (bytes) => {
    received += String(bytes)
  })
  await until('greeting and echo', () => received === '220 mail and echo')
})

test('tunnel through a SOCKS5 proxy: a refusal is named', async () => {
  const { open } = await startSocks(5)
  await expect(open()).rejects.toMatchObject({ sentence: { key: 'proxy.refused' } })
})
