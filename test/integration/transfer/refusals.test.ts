import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import tls from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { encodeFrame } from '../../../core/protocol/codec.ts'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import { PROTOCOL } from '../../../core/protocol/limits.ts'
import { HANDSHAKE_MS } from '../../../core/protocol/tls.ts'
import { startStoreReceiver } from '../../../core/receive/receiver.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  makeHome,
  offerAll,
  readTree,
  receiverConfig,
  receiverParts,
  senderConfig,
  startListening,
  startTestSender,
  type TestReceiver,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { buildHello, connectWire } from '../../support/transfer/wire-client.ts'
import { until } from '../../support/until.ts'

async function setUp() {
  const base = temporaryDirectory('refusals')
  const home = await makeHome(path.join(base, 'home'))
  const stranger = await makeHome(path.join(base, 'stranger'))
  return { base, home, stranger, ...(await startListening(path.join(base, 'store'), [home])) }
}

const hello = (protocol = PROTOCOL) => Buffer.concat(encodeFrame('hello', buildHello({ protocol })))

/** Everything that the receiver says until it closes the connection. */
function readAnswer(socket: net.Socket): Promise<Buffer> {
  return new Promise((resolve) => {
    const heard: Buffer[] = []
    socket.on('data', (bytes) => heard.push(bytes))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(Buffer.concat(heard)))
  })
}

const refusedCount = (receiver: TestReceiver, atLeast: number) =>
  until('it is counted', () => (receiver.report()?.refusedConnections ?? 0) >= atLeast)

test('receiver: plaintext, TLS 1.2, no certificate and a wrong protocol are refused, counted and logged', async () => {
  const { home, receiver, at } = await setUp()
  const { certificate: cert, key } = home.identity
  const secure = { port: at.port, host: '127.0.0.1', rejectUnauthorized: false }

  const plain = net.connect(at.port, '127.0.0.1', () => plain.write(hello()))
  expect((await readAnswer(plain)).includes('welcome')).toBe(false)
  await refusedCount(receiver, 1)

  const old = tls.connect({ ...secure, cert, key, maxVersion: 'TLSv1.2' })
  await readAnswer(old)
  expect(old.authorized).toBe(false)
  await refusedCount(receiver, 2)

  const anonymous = tls.connect({ ...secure, minVersion: 'TLSv1.3' }, () => anonymous.write(hello()))
  expect((await readAnswer(anonymous)).length).toBe(0)
  await refusedCount(receiver, 3)

  const future = tls.connect({ ...secure, cert, key, minVersion: 'TLSv1.3' }, () => future.write(hello(99)))
  expect((await readAnswer(future)).toString('latin1')).toContain('protocol')
  await refusedCount(receiver, 4)

  const unasked = tls.connect({ ...secure, cert, key, minVersion: 'TLSv1.3' }, () =>
    unasked.write(Buffer.concat(encodeFrame('alive', { stalledMs: 0 }))),
  )
  await readAnswer(unasked)
  await refusedCount(receiver, 5)
  await until(
    'each has its line',
    () => receiver.log.filter((line) => line.includes('refused 127.0.0.1')).length >= 5,
  )
  expect(receiver.log.join('\n')).toMatch(/WRONG_VERSION_NUMBER|http request|HTTP_REQUEST/i)
  expect(receiver.log.join('\n')).toMatch(/UNSUPPORTED_PROTOCOL|unsupported protocol/i)
  expect(receiver.log.join('\n')).toContain('no client certificate')
  expect(receiver.log.join('\n')).toContain('speaks protocol 99')
})

test('receiver: an unpaired client without a hello is disconnected after a timeout, or when there are too many', async () => {
  const { stranger, receiver, at } = await setUp()
  const refused: unknown[] = []
  const connected = (count: number) =>
    Array.from({ length: count }, () =>
      connectWire(at.port, stranger.identity, ({ type, header }) => {
        if (type === 'refused') refused.push(header)
      }),
    )
  const [patient] = connected(1)
  await until('its time is over', () => patient?.socket.destroyed, HANDSHAKE_MS + 10_000)
  expect(receiver.log.join('\n')).toContain('no hello in time')
  expect(refused).toEqual([{ code: 'malformed', reason: 'no hello in time' }])
  // Many of them do not take the place of those that may send: the oldest ones go.
  const crowd = connected(20)
  const ports = new Map<(typeof crowd)[number], number>()
  for (const one of crowd) one.socket.on('connect', () => void ports.set(one, one.socket.localPort ?? 0))
  await until('some are shown out', () => crowd.filter(({ socket }) => socket.destroyed).length === 4)
  // Its line is of the one that went.
  const line = (port: number) =>
    `refused 127.0.0.1:${port}: too many connections at once that were not let in yet`
  await until('each is named', () =>
    crowd.every((one) => {
      const isNamed = receiver.log.some((text) => text.includes(line(ports.get(one) ?? 0)))
      return isNamed === one.socket.destroyed
    }),
  )
})

test.skipIf(process.platform !== 'linux')(
  'receiver: a start on a port in use fails without leaking descriptors or threads, or locking the store (/proc)',
  { tags: 'story' },
  async () => {
    const taken = net.createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void taken.close())
    await once(taken, 'listening')
    const { port } = taken.address() as net.AddressInfo
    const storeDirectory = path.join(temporaryDirectory('taken'), 'store')
    const options = { storeDirectory, host: '127.0.0.1', port, name: 'x', ...receiverParts }
    const silent = { log: () => undefined }
    const open = () => readdirSync('/proc/self/fd').length + readdirSync('/proc/self/task').length
    const attempt = () => expect(startStoreReceiver(options, silent)).rejects.toThrow('cannot listen')
    // The first one may load what stays loaded.
    await attempt()
    const before = open()
    for (let count = 0; count < 4; count += 1) await attempt()
    await until('it is as before', () => open() <= before)
    // Nor is the store taken any more.
    const started = await startStoreReceiver({ ...options, port: 0 }, silent)
    await started.close()
  },
)

test('receiver: an unpaired computer is refused with the reason, and sends its file once it is paired', async () => {
  const { base, home, stranger, receiver, at } = await setUp()
  writeFile(stranger.source, 'file', 'secret')
  offerAll(stranger)
  const sender = startTestSender()
  sender.configure(senderConfig(stranger, at))
  const connection = await until('the sender is refused', () => {
    const now = sender.report()?.connection
    return now?.state === 'refused' ? now : null
  })
  expect(connection.problem?.key).toBe('transfer.notPaired')
  await refusedCount(receiver, 1)
  expect(readTree(path.join(base, 'store', 'sender-1'))).toEqual({})

  // As soon as the receiver knows it, it goes on by itself.
  await receiver.configure(receiverConfig(path.join(base, 'store'), [home, stranger], at.port))
  await allSent(sender, 1)
})

test('sender: a receiver with another certificate than the pinned one gets no file', {
  tags: 'story',
}, async () => {
  const { base, home, receiver, at } = await setUp()
  writeFile(home.source, 'file', 'secret')
  offerAll(home)
  const sender = startTestSender()
  const other = await loadIdentity(path.join(base, 'other'))
  sender.configure(senderConfig(home, { port: at.port, fingerprint: other.fingerprint }))
  const connection = await until('the sender refuses', () => {
    const now = sender.report()?.connection
    return now?.state === 'refused' ? now : null
  })
  expect(connection.problem).toMatchObject({
    key: 'transfer.wrongFingerprint',
    params: { fingerprint: at.fingerprint },
  })
  expect(receiver.report()?.receivedFiles).toBe(0)
  sender.configure(senderConfig(home, at))
  await allSent(sender, 1)
})

test('receiver: silent clients, and a client with half a hello, do not stop other senders', async () => {
  const { home, at } = await setUp()
  const { certificate: cert, key } = home.identity
  const idle = Array.from({ length: 80 }, () => {
    const socket = net.connect(at.port, '127.0.0.1')
    socket.on('error', () => undefined)
    return socket
  })
  const half = tls.connect(
    { port: at.port, host: '127.0.0.1', rejectUnauthorized: false, cert, key, minVersion: 'TLSv1.3' },
    () => half.write(hello().subarray(0, 7)),
  )
  half.on('error', () => undefined)
  writeFile(home.source, 'file', 'content')
  offerAll(home)
  const sender = startTestSender()
  sender.configure(senderConfig(home, at))
  await allSent(sender, 1)
  for (const socket of [...idle, half]) socket.destroy()
})
