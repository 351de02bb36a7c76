import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { type Relay, startRelay } from '../../support/faults/relay.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  createRandom,
  makeHome,
  newSeed,
  offerAll,
  readTree,
  receiverConfig,
  senderConfig,
  startListening,
  startTestReceiver,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const MIB = 1024 * 1024
const SIZE = 24 * MIB
/** What may come twice: what was in the buffers of the system and of the relay, and what TLS and frames cost. */
const SLACK = 6 * MIB
const WITHIN_MS = 60_000
// Each test waits twice: the first of these waits, and not the whole, says what did not come.
vi.setConfig({ testTimeout: 3 * WITHIN_MS })

/** A sender that is not configured yet, a relay, and a receiver; one large file is offered. */
async function open() {
  const base = temporaryDirectory('resume')
  const store = path.join(base, 'store')
  const home = await makeHome(path.join(base, 'home'))
  writeFile(home.source, 'a/large', randomBytes(SIZE))
  // A whole second can be set again exactly.
  fs.utimesSync(path.join(home.source, 'a/large'), 1_700_000_000, 1_700_000_000)
  let { receiver, at } = await startListening(store, [home])
  const { port, fingerprint } = at
  const relay: Relay = await startRelay(port)
  const config = senderConfig(home, { port: relay.port, fingerprint }, { retrySeconds: 1 })
  offerAll(home)
  return {
    home,
    store,
    relay,
    config,
    partials: () => readTree(path.join(store, '.holdfast', 'partial')),
    receiver: () => receiver,
    async killReceiver() {
      await receiver.kill()
      receiver = startTestReceiver()
      await receiver.configure(receiverConfig(store, [home], port))
    },
    expectArrived() {
      expect(readTree(path.join(store, 'sender-1', 'data'))).toEqual(readTree(home.source))
      expect(readTree(path.join(store, '.holdfast', 'partial'))).toEqual({})
      expect(readTree(path.join(store, '.holdfast', 'tmp'))).toEqual({})
      expect(fs.existsSync(path.join(store, '.holdfast', 'versions'))).toBe(false)
    },
  }
}

/** At least this much of the file has arrived. Reading it each time would hold up the relay, which is in this process. */
const hasPartial = (store: string, bytes: number) => () => {
  const partials = path.join(store, '.holdfast', 'partial')
  const files = fs
    .readdirSync(partials, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
  return files.some(({ parentPath, name }) => fs.lstatSync(path.join(parentPath, name)).size >= bytes)
}

test('resume: after a connection breaks at any byte, the next one carries only the rest', async () => {
  const random = createRandom(newSeed('resume'))
  const { relay, config, store, expectArrived } = await open()
  const sender = startTestSender()
  let arrived = 0
  for (const least of [8, 6]) {
    const bytes = Math.floor(least * MIB * (1 + random() / 4))
    relay.holdAfter(bytes)
    sender.configure(config)
    // What waits to be read in a connection that is reset is lost, and that may be much: nothing is to wait.
    arrived += bytes - 2 * MIB
    await until('what was passed on has arrived', hasPartial(store, arrived), WITHIN_MS)
    relay.strike('reset')
  }
  await allSent(sender, 1, WITHIN_MS)
  // A break after which all came anew would cost what had come before it, 8 MiB at least.
  expect(relay.sentBytes()).toBeLessThan(SIZE + SLACK)
  expectArrived()
})

test('resume: after kill -9 of the receiver, the upload continues after the part that was written', {
  tags: 'story',
}, async () => {
  const { relay, config, store, killReceiver, expectArrived } = await open()
  relay.holdAfter(12 * MIB)
  const sender = startTestSender()
  sender.configure(config)
  await until('a part of the file is there', hasPartial(store, 10 * MIB), WITHIN_MS)
  await killReceiver()
  await allSent(sender, 1, WITHIN_MS)
  expect(relay.sentBytes()).toBeLessThan(SIZE + SLACK)
  expectArrived()
})

test('resume: after kill -9 of the sender, the next one continues although the old connection looks alive', async () => {
  const { relay, config, store, expectArrived } = await open()
  relay.holdAfter(12 * MIB)
  const first = startTestSender()
  first.configure(config)
  await until('a part of the file is there', hasPartial(store, 10 * MIB), WITHIN_MS)
  await first.kill()
  const sender = startTestSender()
  sender.configure(config)
  await allSent(sender, 1, WITHIN_MS)
  expect(relay.sentBytes()).toBeLessThan(SIZE + SLACK)
  expectArrived()
})

test('resume: a pause in the middle of a file keeps the part that has arrived', async () => {
  const { relay, config, store, partials, expectArrived } = await open()
  const sender = startTestSender()
  // A line that is held has room for all of the file in the buffers of some systems.
  // The rest takes seven seconds, far longer than the pause needs to take effect.
  const slow = { ...config, limit: { ...config.limit, bytesPerSecond: 2 * MIB } }
  sender.configure(slow)
  await until('a part of the file is there', hasPartial(store, 10 * MIB), WITHIN_MS)
  const always = { days: [0, 1, 2, 3, 4, 5, 6], from: '00:00', to: '00:00', allow: 'pause' as const }
  sender.configure({ ...slow, limit: { ...slow.limit, schedule: [always] } })
  await until('the sender has stopped', () => sender.report()?.transfers.length === 0, WITHIN_MS)
  expect(Object.keys(partials())).toHaveLength(1)
  sender.configure(config)
  await allSent(sender, 1, WITHIN_MS)
  expect(relay.sentBytes()).toBeLessThan(SIZE + SLACK)
  expectArrived()
})

test.each([
  ['with the same size, time and inode', 1_700_000_000],
  ['with another time', 1_700_000_001],
])('resume: a partly sent file that was overwritten, %s, is never stored mixed', async (_, time) => {
  const { home, relay, config, store, expectArrived, killReceiver } = await open()
  relay.holdAfter(12 * MIB)
  const first = startTestSender()
  first.configure(config)
  await until('a part of the file is there', hasPartial(store, 10 * MIB), WITHIN_MS)
  await first.kill()
  await killReceiver()
  const file = path.join(home.source, 'a/large')
  const fd = fs.openSync(file, 'r+')
  fs.writeSync(fd, randomBytes(SIZE))
  fs.closeSync(fd)
  fs.utimesSync(file, time, time)
  offerAll(home)
  const sender = startTestSender()
  sender.configure(config)
  await allSent(sender, 1, WITHIN_MS)
  expectArrived()
})
