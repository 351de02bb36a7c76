// @module-tag story
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { createServer } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { pairWithReceiver } from '../../../core/backends/receiver/receiver.ts'
import { FrameChannel } from '../../../core/protocol/channel.ts'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import { PROTOCOL } from '../../../core/protocol/limits.ts'
import { formatPairingCode, parsePairingCode } from '../../../core/protocol/pairing-code.ts'
import { connectUnproven, serverOptions } from '../../../core/protocol/tls.ts'
import { invite } from '../../../core/receive/pairing/invitation.ts'
import { startStoreReceiver } from '../../../core/receive/receiver.ts'
import { destinationSchemas } from '../../../core/settings/destination-schema.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  type Home,
  makeHome,
  offerAll,
  readTree,
  receiverParts,
  senderConfig,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

async function setUp() {
  const base = temporaryDirectory('pairing')
  const store = path.join(base, 'store')
  const log: string[] = []
  const options = {
    storeDirectory: store,
    host: '127.0.0.1',
    port: 0,
    name: 'the receiver',
    ...receiverParts,
  }
  const start = async (port = 0) => {
    const receiver = await startStoreReceiver(
      { ...options, port },
      { log: (level, text) => log.push(`${level} ${text}`) },
    )
    onTestFinished(() => receiver.close())
    return receiver
  }
  return { base, store, log, start, receiver: await start() }
}

async function unpairedSender(home: Home) {
  const sender = startTestSender()
  sender.configure({ ...senderConfig(home, { port: 1, fingerprint: '0'.repeat(64) }), destination: null })
  await until('it has its identity', () => sender.report()?.fingerprint === home.identity.fingerprint)
  return sender
}

test('pairing: an address that does not answer is reported as unreachable after the timeout', async () => {
  const home = await makeHome(path.join(temporaryDirectory('silent'), 'home'))
  const silent = net.createServer(() => undefined).listen(0, '127.0.0.1')
  onTestFinished(() => void silent.close())
  await once(silent, 'listening')
  const { port } = silent.address() as net.AddressInfo
  const code = formatPairingCode({
    host: '127.0.0.1',
    port,
    fingerprint: 'ab'.repeat(32),
    code: 'x'.repeat(26),
    name: 'nas',
  })
  const never = new AbortController().signal
  await expect(pairWithReceiver(code, 'pc', home.identity, never, 300)).rejects.toMatchObject({
    sentence: { key: 'transfer.pairUnreachable', params: { reason: 'ETIMEDOUT' } },
  })
})

test('pairing: a one-time code works once, and the pairing survives a restart of the receiver', async () => {
  const { base, store, receiver, start } = await setUp()
  const home = await makeHome(path.join(base, 'home'))
  const sender = await unpairedSender(home)
  expect(sender.report()?.connection.state).toBe('idle')
  const { code, running } = await invite(store, Date.now())
  expect(running).toBe(true)
  const destination = destinationSchemas.receiver.parse(
    await sender.request('pair', { code, name: 'Büro 1' }),
  )
  expect(destination).toEqual({
    id: receiver.fingerprint,
    kind: 'receiver',
    name: 'the receiver',
    host: '127.0.0.1',
    port: receiver.port,
    fingerprint: receiver.fingerprint,
  })
  expect(receiver.pairedSenders).toBe(1)
  await expect(sender.request('pair', { code, name: 'again' })).rejects.toThrow('transfer.pairCodeRefused')

  writeFile(home.source, 'file', 'content')
  offerAll(home)
  await receiver.close()
  await start(receiver.port)
  sender.configure({ ...senderConfig(home, destination), destination: { ...destination, id: 'there' } })
  await allSent(sender, 1)
  expect(readTree(path.join(store, 'Büro 1', 'data'))).toEqual(readTree(home.source))
})

test('pairing: wrong codes are refused and logged, and the valid code still works', async () => {
  const { base, store, receiver, log } = await setUp()
  const sender = await unpairedSender(await makeHome(path.join(base, 'home')))
  const { code } = await invite(store, Date.now())
  const wrong = formatPairingCode({ ...parsePairingCode(code), code: 'wrongwrongwrongwrong' })
  for (let attempt = 0; attempt < 6; attempt += 1)
    await expect(sender.request('pair', { code: wrong, name: 'x' })).rejects.toThrow('pairCodeRefused')
  expect([receiver.pairedSenders, receiver.refusedConnections]).toEqual([0, 6])
  expect(log.join('\n')).toContain('wrong or outdated pairing code')
  await sender.request('pair', { code, name: 'x' })
  expect(receiver.pairedSenders).toBe(1)

  const several = await invite(store, Date.now(), null, { minutes: 60, uses: 2 })
  const pairAgain = () => sender.request('pair', { code: several.code, name: 'x' })
  await pairAgain()
  await pairAgain()
  await expect(pairAgain()).rejects.toThrow('pairCodeRefused')
})

test('pairing: a code stays valid if the sender cannot be saved, and both ends report the failure', async () => {
  const { base, store, receiver, log } = await setUp()
  const sender = await unpairedSender(await makeHome(path.join(base, 'home')))
  const { code } = await invite(store, Date.now())
  const { senders } = storeLayout(store)
  const kept = fs.existsSync(senders) ? fs.readFileSync(senders) : null
  fs.rmSync(senders, { force: true })
  fs.mkdirSync(senders)
  const failed = sender.request('pair', { code, name: 'x' })
  await expect(failed).rejects.toThrow('transfer.pairRefused')
  await expect(failed).rejects.toThrow('it cannot pair now (EISDIR)')
  expect(log.join('\n')).toContain('pairing failed: Error: EISDIR')
  fs.rmdirSync(senders)
  if (kept !== null) fs.writeFileSync(senders, kept)
  await sender.request('pair', { code, name: 'x' })
  expect(receiver.pairedSenders).toBe(1)
  await expect(sender.request('pair', { code, name: 'x' })).rejects.toThrow('transfer.pairCodeRefused')
})

test('pairing: outdated, malformed, wrong-certificate and unreachable codes are each refused with a reason', async () => {
  const { base, store } = await setUp()
  const sender = await unpairedSender(await makeHome(path.join(base, 'home')))
  const outdated = await invite(store, Date.now() - 16 * 60_000)
  const pair = (code: string) => sender.request('pair', { code, name: 'x' })
  await expect(pair(outdated.code)).rejects.toThrow('pairCodeRefused')
  await expect(pair('http://example.org')).rejects.toThrow('pairCodeMalformed')
  await expect(pair('nonsense')).rejects.toThrow('pairCodeMalformed')
  const { code } = await invite(store, Date.now())
  const parsed = parsePairingCode(code)
  const other = await loadIdentity(path.join(base, 'other'))
  await expect(pair(formatPairingCode({ ...parsed, fingerprint: other.fingerprint }))).rejects.toThrow(
    'pairWrongFingerprint',
  )
  await expect(pair(formatPairingCode({ ...parsed, port: 1 }))).rejects.toThrow('pairUnreachable')
  const ssh = net.createServer((socket) => socket.on('error', () => undefined).end('SSH-2.0-OpenSSH\r\n'))
  onTestFinished(() => void ssh.close())
  await once(ssh.listen(0, '127.0.0.1'), 'listening')
  const { port } = ssh.address() as net.AddressInfo
  await expect(pair(formatPairingCode({ ...parsed, port }))).rejects.toThrow('pairNoTls')
  await pair(code)
})

test('store lock: a second receiver on one store is refused until the first is closed', async () => {
  const { start, receiver } = await setUp()
  await expect(start()).rejects.toThrow('is in use by another Holdfast')
  await receiver.close()
  await start()
})

/** Returns the address and the code of the newest invitation, with the address of this test. */
async function inviteByHand(store: string, port: number) {
  const { short, code } = await invite(store, Date.now())
  const [, typed = ''] = short?.split(' ') ?? []
  return { whole: code, typed, entered: `127.0.0.1:${port} ${typed}` }
}

test('pairing: a short code works once, instead of the whole one', async () => {
  const { base, store, receiver } = await setUp()
  const sender = await unpairedSender(await makeHome(path.join(base, 'home')))
  const { whole, entered } = await inviteByHand(store, receiver.port)
  const pair = (code: string) => sender.request('pair', { code, name: 'Büro 1' })
  expect(await pair(entered.toLowerCase())).toEqual({
    ...{ id: receiver.fingerprint, kind: 'receiver', name: 'the receiver', host: '127.0.0.1' },
    ...{ port: receiver.port, fingerprint: receiver.fingerprint },
  })
  expect(receiver.pairedSenders).toBe(1)
  await expect(pair(entered)).rejects.toThrow('transfer.shortCodeRefused')
  await expect(pair(whole)).rejects.toThrow('transfer.pairCodeRefused')
})

test('pairing: five wrong short codes end it, and the whole one still works', async () => {
  const { base, store, receiver, log } = await setUp()
  const sender = await unpairedSender(await makeHome(path.join(base, 'home')))
  const { whole, typed, entered } = await inviteByHand(store, receiver.port)
  const wrong = entered.replace(typed, typed.startsWith('0') ? '1111-1111' : '0000-0000')
  const pair = (code: string) => sender.request('pair', { code, name: 'x' })
  for (let attempt = 0; attempt < 5; attempt += 1)
    await expect(pair(wrong)).rejects.toThrow('transfer.shortCodeRefused')
  await expect(pair(entered)).rejects.toThrow('transfer.shortCodeRefused')
  expect(receiver.pairedSenders).toBe(0)
  expect(log.join('\n')).toContain('it did not prove its short pairing code')
  expect(log.join('\n')).toContain('no short code is open')
  await pair(whole)
  expect(receiver.pairedSenders).toBe(1)
})

test('pairing: a short code is ended by a newer one, and by its time', async () => {
  const { base, store, receiver } = await setUp()
  const sender = await unpairedSender(await makeHome(path.join(base, 'home')))
  const former = await inviteByHand(store, receiver.port)
  const newer = await inviteByHand(store, receiver.port)
  const pair = (code: string) => sender.request('pair', { code, name: 'x' })
  await expect(pair(former.entered)).rejects.toThrow('transfer.shortCodeRefused')
  await pair(newer.entered)
  const late = await invite(store, Date.now() - 11 * 60_000)
  await expect(pair(`127.0.0.1:${receiver.port} ${late.short?.split(' ')[1]}`)).rejects.toThrow(
    'shortCodeRefused',
  )
  await pair(late.code)
  expect((await invite(store, Date.now(), null, { minutes: 60, uses: 2 })).short).toBeNull()
})

test('pairing: a computer between both ends gets no short code through', async () => {
  const { base, store, receiver } = await setUp()
  const sender = await unpairedSender(await makeHome(path.join(base, 'home')))
  const { identity } = await makeHome(path.join(base, 'between'))
  const between = createServer(serverOptions(identity), (station) => {
    void connectUnproven(
      { host: '127.0.0.1', port: receiver.port },
      identity,
      new AbortController().signal,
    ).then(({ socket }) => {
      for (const end of [station, socket]) end.on('error', () => undefined)
      station.pipe(socket)
      socket.pipe(station)
    })
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void between.close())
  await once(between, 'listening')
  const { entered } = await inviteByHand(store, (between.address() as net.AddressInfo).port)
  await expect(sender.request('pair', { code: entered, name: 'x' })).rejects.toThrow(
    'transfer.shortCodeRefused',
  )
  expect(receiver.pairedSenders).toBe(0)
})

test('pairing: a receiver that proves nothing is refused, though it welcomes', async () => {
  const { base } = await setUp()
  const { identity, ...home } = await makeHome(path.join(base, 'home'))
  const sender = await unpairedSender({ identity, ...home })
  const faking = createServer(serverOptions(identity), (socket) => {
    const channel = new FrameChannel(socket, {
      allowed: () => true,
      onFrame: ({ type }) => {
        if (type === 'hello')
          channel.send('welcome', { protocol: PROTOCOL, name: 'fake', bytes: 0, files: 0, session: null })
      },
      onClose: () => undefined,
    })
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void faking.close())
  await once(faking, 'listening')
  const code = `127.0.0.1:${(faking.address() as net.AddressInfo).port} K7QF-92MB`
  await expect(sender.request('pair', { code, name: 'x' })).rejects.toThrow(
    'before the short code was proven',
  )
})
