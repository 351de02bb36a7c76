import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { invite } from '../../../core/receive/pairing/invitation.ts'
import type { Receiver } from '../../../core/receive/receiver.ts'
import { startStoreReceiver } from '../../../core/receive/receiver.ts'
import type { ReceiverDestination } from '../../../core/settings/schema.ts'
import { receiverDestinationSchema } from '../../../core/settings/schema.ts'
import { loadIdentity } from '../../../core/wire/identity.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import type { Home, TestSender } from '../../support/transfer.ts'
import {
  allSent,
  makeHome,
  offerAll,
  receiverParts,
  senderConfig,
  startTestSender,
  treeOf,
  writeFile,
} from '../../support/transfer.ts'
import { until } from '../../support/until.ts'

const DAY_MS = 24 * 3600 * 1000
const soon = () => new Date(Date.now() + 30 * DAY_MS)

/** A receiver whose certificate ends soon, or does not. */
async function setUp(receiverEnds?: Date) {
  const base = temporaryDirectory('renewal')
  const store = path.join(base, 'store')
  const old = await loadIdentity(path.join(store, '.holdfast', 'identity'), receiverEnds)
  const log: string[] = []
  const start = async (port = 0): Promise<Receiver> => {
    const receiver = await startStoreReceiver(
      {
        ...receiverParts,
        storeDirectory: store,
        host: '127.0.0.1',
        port,
        name: 'the receiver',
        trusted: [],
      },
      { onChange: () => undefined, log: (level, text) => log.push(`${level} ${text}`) },
    )
    onTestFinished(() => receiver.close())
    return receiver
  }
  return { base, store, old, log, start }
}

async function homeThatEnds(directory: string, notAfter: Date): Promise<Home> {
  await loadIdentity(path.join(directory, 'identity'), notAfter)
  return makeHome(directory)
}

async function pairedSender(store: string, home: Home, name: string) {
  const sender = startTestSender()
  sender.configure({ ...senderConfig(home, { port: 1, fingerprint: '0'.repeat(64) }), destination: null })
  await until('it has its identity', () => sender.report()?.fingerprint)
  const { code } = await invite(store, Date.now())
  const destination = receiverDestinationSchema.parse(await sender.request('pair', { code, name }))
  return { sender, destination }
}

const connectTo = (sender: TestSender, home: Home, destination: ReceiverDestination) =>
  sender.configure({ ...senderConfig(home, destination), destination: { ...destination, id: 'there' } })

const isConnected = (sender: TestSender) =>
  until('it is connected', () => sender.report()?.connection.state === 'connected', 20_000)

const identityFiles = (directory: string) =>
  fs.readdirSync(directory).filter((name) => name.startsWith('identity'))

test("a sender's certificate near its end is replaced without pairing again; the old one is worth nothing then", async () => {
  const { base, store, start } = await setUp()
  const receiver = await start()
  const home = await homeThatEnds(path.join(base, 'home'), soon())
  const { sender, destination } = await pairedSender(store, home, 'station')
  connectTo(sender, home, destination)
  await until('it has another certificate', () => {
    const now = sender.report()?.fingerprint
    return now !== null && now !== undefined && now !== home.identity.fingerprint
  })
  await isConnected(sender)
  writeFile(home.source, 'file', 'content')
  offerAll(home)
  sender.nudge()
  await allSent(sender, 1)
  expect(Object.keys(treeOf(path.join(store, 'station')))).toEqual(['data/file'])
  expect(identityFiles(home.identityDirectory)).toEqual(['identity.pem'])
  expect((await loadIdentity(home.identityDirectory)).expiresAt).toBeGreaterThan(Date.now() + 3000 * DAY_MS)
  expect(receiver.pairedSenders).toBe(1)

  // What is stolen of the old one opens nothing any more.
  const thief = await makeHome(path.join(base, 'thief'))
  const { key, certificate } = home.identity
  fs.writeFileSync(path.join(thief.identityDirectory, 'identity.pem'), key + certificate)
  const other = startTestSender()
  connectTo(other, thief, destination)
  const problem = await until('it is refused', () => other.report()?.connection.problem)
  expect(problem.key).toBe('transfer.notPaired')
})

test("a receiver's certificate is replaced once every sender knows the next one, also across restarts", async () => {
  const { base, store, old, log, start } = await setUp(soon())
  let receiver = await start()
  // Nobody is paired, so nobody has to know it.
  await until('its certificate is new at once', () => receiver.fingerprint !== old.fingerprint)
  await receiver.close()

  const directory = path.join(store, '.holdfast', 'identity')
  fs.rmSync(path.join(directory, 'identity.pem'))
  const ending = await loadIdentity(directory, soon())
  const [one, two] = [await makeHome(path.join(base, 'one')), await makeHome(path.join(base, 'two'))]
  // A sender that is there but never connects holds the change back.
  fs.writeFileSync(
    path.join(store, '.holdfast', 'senders.json'),
    JSON.stringify({
      version: 1,
      senders: [{ fingerprint: two.identity.fingerprint, name: 'two', folder: 'two', pairedAt: 1 }],
    }),
  )
  receiver = await start()
  const { port } = receiver
  expect(receiver.fingerprint).toBe(ending.fingerprint)
  const first = await pairedSender(store, one, 'one')
  connectTo(first.sender, one, first.destination)
  await isConnected(first.sender)
  await until('it knows the next one', () => {
    const { senders } = JSON.parse(fs.readFileSync(path.join(store, '.holdfast', 'senders.json'), 'utf8'))
    return senders.some(
      (sender: Record<string, unknown>) => sender.name === 'one' && sender.knowsNext !== null,
    )
  })
  expect(receiver.fingerprint).toBe(ending.fingerprint)
  await receiver.close()
  receiver = await start(port)
  await isConnected(first.sender)
  expect(receiver.fingerprint).toBe(ending.fingerprint)

  const second = startTestSender()
  connectTo(second, two, first.destination)
  await until('both know it, and it is used', () => receiver.fingerprint !== ending.fingerprint, 20_000)
  expect(identityFiles(directory)).toEqual(['identity.pem'])
  expect(log.join('\n')).toContain(`certificate ${ending.fingerprint} is replaced by ${receiver.fingerprint}`)
  await receiver.close()
  receiver = await start(port)
  for (const [home, sender] of [
    [one, first.sender],
    [two, second],
  ] as const) {
    writeFile(home.source, 'file', 'after the change')
    offerAll(home)
    sender.nudge()
    await allSent(sender, 1)
  }
  // The old one is not believed any more.
  const pinFile = path.join(one.identityDirectory, 'receivers', `${ending.fingerprint}.json`)
  const { pin } = JSON.parse(fs.readFileSync(pinFile, 'utf8'))
  expect(pin).toMatchObject({ current: receiver.fingerprint, next: null })
})

test('killed at any step of the change, a sender goes on by itself', async () => {
  const { base, store, start } = await setUp()
  await start()
  const home = await homeThatEnds(path.join(base, 'home'), soon())
  const { sender, destination } = await pairedSender(store, home, 'station')
  await sender.kill()
  let sent = 0
  for (let round = 0; round < 6; round += 1) {
    const again = startTestSender()
    connectTo(again, home, destination)
    // Later in each round: before the first hello, between the announcement and the change, after it.
    await until('some of it has happened', () => again.log.length >= Math.min(round, 2) || round === 0)
    await again.kill()
  }
  const last = startTestSender()
  connectTo(last, home, destination)
  writeFile(home.source, 'file', 'content')
  sent = offerAll(home)
  last.nudge()
  await allSent(last, sent)
  expect(last.report()?.fingerprint).not.toBe(home.identity.fingerprint)
})

test('a certificate that has ended is refused, counted and said; pairing makes a new one', async () => {
  const { base, store, log, start } = await setUp()
  const receiver = await start()
  const home = await homeThatEnds(path.join(base, 'home'), new Date(Date.now() - DAY_MS))
  const senders = path.join(store, '.holdfast', 'senders.json')
  const entry = { fingerprint: home.identity.fingerprint, name: 'station', folder: 'station', pairedAt: 1 }
  fs.writeFileSync(senders, JSON.stringify({ version: 1, senders: [entry] }))
  const sender = startTestSender()
  connectTo(sender, home, { ...receiverOf(receiver), id: 'x', name: 'receiver' })
  const problem = await until('it is refused', () => sender.report()?.connection.problem, 20_000)
  expect(problem.key).toBe('transfer.certificateExpired')
  expect(receiver.counters.refusedConnections.get('expired')).toBeGreaterThan(0)
  expect(log.join('\n')).toMatch(/refused 127\.0\.0\.1:\d+: the certificate of .* has expired/)
  const { code } = await invite(store, Date.now())
  const destination = receiverDestinationSchema.parse(await sender.request('pair', { code, name: 'station' }))
  connectTo(sender, home, destination)
  await isConnected(sender)
})

test('a sender that the configuration trusts keeps its folder and its connection through the change', async () => {
  const { base, store, start } = await setUp()
  const receiver = await start()
  const home = await homeThatEnds(path.join(base, 'home'), soon())
  await receiver.trust([{ fingerprint: home.identity.fingerprint, name: 'this computer' }])
  const sender = startTestSender()
  connectTo(sender, home, { ...receiverOf(receiver), id: 'x', name: 'receiver' })
  const renewed = await until('its certificate is another one', () => {
    const now = sender.report()?.fingerprint ?? home.identity.fingerprint
    return now === home.identity.fingerprint ? null : now
  })
  await receiver.trust([{ fingerprint: renewed, name: 'this computer' }])
  await isConnected(sender)
  writeFile(home.source, 'file', 'content')
  offerAll(home)
  sender.nudge()
  await allSent(sender, 1)
  expect(fs.readdirSync(store).sort()).toEqual(['.holdfast', 'this computer'])
})

const receiverOf = ({ port, fingerprint }: Receiver) => ({ host: '127.0.0.1', port, fingerprint })
