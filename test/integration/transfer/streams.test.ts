import { randomBytes, randomFillSync } from 'node:crypto'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Frame } from '../../../core/protocol/frames.ts'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import { MAX_STREAMS, PROTOCOL } from '../../../core/protocol/limits.ts'
import { startStoreReceiver } from '../../../core/receive/receiver.ts'
import { type LineOptions, startLine } from '../../support/faults/line.ts'
import { startTlsRelay } from '../../support/faults/tls-relay.ts'
import { chooseLength } from '../../support/long.ts'
import { computeDigest } from '../../support/store/file-facts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { pairBefore } from '../../support/transfer/pair-before.ts'
import {
  allSent,
  createRandom,
  newSeed,
  offerAll,
  readTree,
  receiverConfig,
  receiverParts,
  startPair,
  startTestReceiver,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { buildHello, connectWire, DATA, dataSource, wireFacts } from '../../support/transfer/wire-client.ts'
import { until } from '../../support/until.ts'

const KIB = 1024
const MIB = 1024 * KIB
const ROUNDS = chooseLength(3, 50)

async function startTestLine(port: number, options: LineOptions) {
  const line = await startLine(port, options)
  onTestFinished(() => line.close())
  return line
}

test('data streams: one large file over a long line has more on its way than three connections carry', async () => {
  const { home, sender, at, config, arrived } = await startPair(temporaryDirectory('streams'))
  const windowBytes = 256 * KIB
  const line = await startTestLine(at.port, { delayMs: 50, windowBytes })
  const bytes = 96 * MIB
  writeFile(home.source, 'large', randomBytes(bytes))
  sender.configure({ ...config, destination: { ...config.destination, port: line.port } })
  await until('the sender is connected', () => sender.report()?.connection.state === 'connected')
  offerAll(home)
  sender.nudge()
  await allSent(sender, 1, 150_000)
  const windows = line.mostOnItsWay() / windowBytes
  console.log(`${windows.toFixed(1)} windows on their way, ${line.connections().open} connections`)
  expect(windows).toBeGreaterThan(3)
  expect(readTree(arrived)).toEqual(readTree(home.source))
})

test('data streams: after a lost stream on a line that is fine, the rest arrives on one connection', async () => {
  const { home, sender, at, config, arrived } = await startPair(temporaryDirectory('streams'))
  const line = await startTestLine(at.port, { delayMs: 20, windowBytes: 256 * KIB })
  writeFile(home.source, 'large', randomBytes(24 * MIB))
  const destination = { ...config.destination, port: line.port }
  sender.configure({ ...config, retrySeconds: 0.05, destination })
  offerAll(home)
  sender.nudge()
  const listOpened = (since = 0) =>
    sender.log.slice(since).filter((text) => text.includes('data streams from now on'))
  await until('further streams are open', () => listOpened().length > 0)
  line.reset('newest')
  await allSent(sender, 1, 60_000)
  // More of them may have been opened until the loss was noticed.
  expect(listOpened(sender.log.findIndex((text) => text.includes('was lost')))).toEqual([])
  await until('one connection is left', () => {
    expect(line.connections(), sender.log.join('\n')).toMatchObject({ open: 1 })
    return true
  })
  expect(readTree(arrived)).toEqual(readTree(home.source))
})

test(`data streams: ${ROUNDS} lost streams and killed ends lose no file`, {
  timeout: Math.max(600_000, ROUNDS * 60_000),
}, async () => {
  const random = createRandom(newSeed('streams'))
  const { home, store, at, config, arrived, ...ends } = await startPair(temporaryDirectory('streams'))
  let { sender, receiver } = ends
  const line = await startTestLine(at.port, { delayMs: 20, windowBytes: 128 * KIB })
  const through = { ...config, retrySeconds: 0.05, destination: { ...config.destination, port: line.port } }
  sender.configure(through)
  let files = 0
  /** A sender that has lost a stream uses one connection for some minutes; a new process begins with several. */
  const renewSender = async () => {
    await sender.kill()
    sender = startTestSender()
    sender.configure(through)
  }
  const add = (bytes: number) => {
    files += 1
    writeFile(home.source, `d${files % 7}/f${files}`, randomFillSync(Buffer.alloc(bytes)))
  }
  const struck: string[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    add(6 * MIB + Math.floor(random() * 6 * MIB))
    for (let count = 0; count < 6; count += 1) add(MIB + Math.floor(random() * 2 * MIB))
    for (let count = 0; count < 100; count += 1) add(Math.floor(random() * 40 * KIB))
    offerAll(home)
    sender.nudge()
    const before = line.arrivedBytes()
    const bytes = MIB + random() * 8 * MIB
    await until(
      'several streams carry files',
      () => line.connections().open > 2 && line.arrivedBytes() - before > bytes,
    )
    const fault = ['newest', 'oldest', 'all', 'sender', 'receiver'][Math.floor(random() * 5)]
    struck.push(fault ?? '')
    if (fault === 'sender') await renewSender()
    else if (fault === 'receiver') {
      await receiver.kill()
      receiver = startTestReceiver()
      await receiver.configure(receiverConfig(store, [home], at.port))
    } else line.reset(fault === 'newest' || fault === 'oldest' ? fault : 'all')
    if (fault === 'sender') continue
    await allSent(sender, files, 200_000)
    await renewSender()
  }
  await allSent(sender, files, 200_000)
  console.log(`${struck.join(', ')}; ${line.connections().made} connections`)
  expect(readTree(arrived)).toEqual(readTree(home.source))
})

test('data streams: a receiver that does not offer them gets everything on one connection', async () => {
  const { home, sender, receiver, store, at, config, arrived } = await startPair(
    temporaryDirectory('streams'),
  )
  // The relay shows the sender's certificate to both ends, and leaves out what an older sender does not say.
  const relay = await startTlsRelay(at, home.identity, (frame) => {
    if (frame.type === 'hello') Reflect.deleteProperty(frame.header, 'streams')
  })
  await receiver.configure(receiverConfig(store, [home], at.port))
  const line = await startTestLine(relay.port, { delayMs: 30, windowBytes: 512 * KIB })
  const { fingerprint } = home.identity
  sender.configure({ ...config, destination: { ...config.destination, fingerprint, port: line.port } })
  writeFile(home.source, 'large', randomBytes(12 * MIB))
  writeFile(home.source, 'middle', randomBytes(2 * MIB))
  for (let count = 0; count < 50; count += 1) writeFile(home.source, `f${count}`, randomBytes(count * KIB))
  offerAll(home)
  await allSent(sender, 52, 100_000)
  expect(line.connections()).toEqual({ made: 1, open: 1 })
  expect(readTree(arrived)).toEqual(readTree(home.source))
})

/** A receiver in this process with two paired senders, and connections to it that speak as the test likes. */
async function setUpWire() {
  const base = temporaryDirectory('streams')
  const mine = await loadIdentity(path.join(base, 'mine'))
  const other = await loadIdentity(path.join(base, 'other'))
  const stranger = await loadIdentity(path.join(base, 'stranger'))
  const store = path.join(base, 'store')
  await pairBefore(store, [
    { fingerprint: mine.fingerprint, name: 'mine' },
    { fingerprint: other.fingerprint, name: 'other' },
  ])
  const receiver = await startStoreReceiver(
    { storeDirectory: store, host: '127.0.0.1', port: 0, name: 'receiver', ...receiverParts },
    { log: () => undefined },
  )
  onTestFinished(() => receiver.close())
  const connect = (identity: typeof mine) => {
    const frames: Frame[] = []
    const wire = connectWire(receiver.port, identity, (frame) => void frames.push(frame))
    const find = <T extends Frame['type']>(type: T) =>
      until(`a ${type} frame`, () =>
        frames.find((frame): frame is Frame & { type: T } => frame.type === type),
      )
    return { ...wire, frames, find }
  }
  const control = connect(mine)
  control.send('hello', buildHello({ streams: true }))
  const { streams } = (await control.find('welcome')).header
  if (streams === undefined) throw new Error('no streams are offered')
  const attach = (identity = mine, key = streams.key) => {
    const wire = connect(identity)
    wire.send('attach', { protocol: PROTOCOL, key })
    return wire
  }
  return { mine, other, stranger, store, receiver, connect, control, attach, streams }
}

test('data streams: a stream with another key or certificate, or one too many, is refused, and the session goes on', {
  tags: 'story',
}, async () => {
  const { other, stranger, control, attach, streams } = await setUpWire()
  expect(streams.most).toBe(MAX_STREAMS)
  for (const wrong of [attach(undefined, 'ab12'), attach(other)])
    expect((await wrong.find('refused')).header.code).toBe('busy')
  expect((await attach(stranger).find('refused')).header.code).toBe('notPaired')
  const good = Array.from({ length: MAX_STREAMS - 1 }, () => attach())
  for (const stream of good) expect((await stream.find('credit')).header.bytes).toBeGreaterThan(0)
  expect((await attach().find('refused')).header.code).toBe('busy')
  // A place that was left in order is free again.
  good[0]?.socket.end()
  await good[0]?.closed
  await until('the place is free', async () => {
    const again = attach()
    const answer = await until('an answer', () => again.frames.find(({ type }) => type !== 'alive'))
    return answer.type === 'credit'
  })
  expect(control.frames.some(({ type }) => type === 'refused')).toBe(false)
})

test('data streams: a sender that does not offer streams gets no key, and may attach none', async () => {
  const { other, connect } = await setUpWire()
  const control = connect(other)
  control.send('hello', buildHello())
  expect((await control.find('welcome')).header.streams).toBeUndefined()
  const stream = connect(other)
  stream.send('attach', { protocol: PROTOCOL, key: 'ab12' })
  expect((await stream.find('refused')).header.code).toBe('busy')
})

test('data streams: chunks that overtake each other make the file, and a stream that breaks off ends the session', {
  tags: 'story',
}, async () => {
  const { control, attach, store } = await setUpWire()
  const [a, b] = [attach(), attach()]
  await Promise.all([a.find('credit'), b.find('credit')])
  const content = randomBytes(5 * 256 * KIB - 100)
  const piece = (index: number) => content.subarray(index * 256 * KIB, (index + 1) * 256 * KIB)
  control.send('source', dataSource)
  const named = { id: 1, source: DATA, path: 'large', size: content.length, facts: wireFacts() }
  control.send('begin', { ...named, file: 'inode', directories: [] })
  await control.find('resume')
  control.send('end', { id: 1, digest: computeDigest(content), at: content.length })
  for (const index of [4, 2, 1]) a.send('chunk', { id: 1, at: index * 256 * KIB }, [piece(index)])
  for (const index of [3, 0]) b.send('chunk', { id: 1, at: index * 256 * KIB }, [piece(index)])
  const { results } = (await control.find('result')).header
  expect(results).toEqual([[1, 0, '']])
  expect(readTree(path.join(store, 'mine'))).toMatchObject({
    'data/large': expect.stringContaining(`${content.length} `),
  })

  // A number of a source is that of its own stream.
  b.send(
    'batch',
    { files: [[2, DATA, 'x', 1, wireFacts(), computeDigest(Buffer.from('x'))]], directories: [] },
    [Buffer.from('x')],
  )
  expect((await b.find('refused')).header).toMatchObject({ code: 'malformed' })
  // The sender gets the reason on the first connection, which was fine.
  const { code, reason } = (await control.find('refused')).header
  expect(`${code}: ${reason}`).toMatch(/^busy: a data stream was lost: /)
  await Promise.all([control.closed, a.closed, b.closed])
})
