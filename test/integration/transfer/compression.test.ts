import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openReceiverLibrary } from '../../../core/backends/receiver/receiver-library.ts'
import { restoreFrom } from '../../../core/restore/restore.ts'
import { startLine } from '../../support/faults/line.ts'
import { startTlsRelay } from '../../support/faults/tls-relay.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  offerAll,
  readTree,
  receiverConfig,
  startPair,
  writeFile,
} from '../../support/transfer/transfer.ts'

const MIB = 1024 * 1024
/** Bytes of a small file. */
const SMALL = 200 * 1024
/** A line of about 0.7 MB/s, which keeps no processor busy. */
const LINE = { delayMs: 5, windowBytes: 8 * 1024 }

/** Measurements as a station writes them: different in each line. */
function writeMeasurements(bytes: number): Buffer {
  const lines: string[] = []
  let length = 0
  for (let count = 0; length < bytes; count += 1) {
    const line = `2026-11-27T10:${count % 60}:00Z,${(Math.random() * 1_000).toFixed(2)},OK\n`
    lines.push(line)
    length += line.length
  }
  return Buffer.from(lines.join('')).subarray(0, bytes)
}

/** A sender, its receiver, and a slow line between them. */
async function setUp(leaveOut?: 'zstd') {
  const { home, sender, receiver, store, at, config, arrived } = await startPair(
    temporaryDirectory('compression'),
  )
  // The relay leaves out what an older sender does not send. It shows the sender's certificate to both ends.
  const relay =
    leaveOut === undefined
      ? null
      : await startTlsRelay(at, home.identity, (frame) => {
          if (frame.type === 'hello') Reflect.deleteProperty(frame.header, leaveOut)
        })
  if (relay !== null) await receiver.configure(receiverConfig(store, [home], at.port))
  const line = await startLine(relay?.port ?? at.port, LINE)
  onTestFinished(() => line.close())
  const fingerprint = relay === null ? at.fingerprint : home.identity.fingerprint
  const there = { ...config.destination, fingerprint, port: line.port }
  const send = async (files: number) => {
    offerAll(home)
    sender.configure({ ...config, destination: there })
    sender.nudge()
    await allSent(sender, files, 100_000)
    expect(readTree(arrived)).toEqual(readTree(home.source))
  }
  return { home, line, there, send, base: path.dirname(arrived) }
}

test('compression: text over a slow line takes less than half of its bytes, sent and restored', async () => {
  const { home, line, there, send } = await setUp()
  // A process that starts is busy, and sends uncompressed for some seconds: it sends small files until one shrinks.
  let first = 0
  for (let before = 0; first === 0 || line.arrivedBytes() - before > SMALL / 2; ) {
    before = line.arrivedBytes()
    writeFile(home.source, `first-${first}.csv`, writeMeasurements(SMALL))
    first += 1
    await send(first)
  }
  writeFile(home.source, 'large.csv', writeMeasurements(12 * MIB))
  for (let count = 0; count < 40; count += 1)
    writeFile(home.source, `small-${count}.csv`, writeMeasurements(SMALL))
  const bytes = 12 * MIB + 40 * SMALL
  const earlier = line.arrivedBytes()
  await send(first + 41)
  const sent = line.arrivedBytes() - earlier
  console.log(`${(sent / bytes).toFixed(2)} of the bytes were sent`)
  expect(sent).toBeLessThan(bytes / 2)

  const signal = new AbortController().signal
  const library = await openReceiverLibrary({ ...there, name: 'nas' }, home.identity, 'pc', signal)
  const to = temporaryDirectory('compression-restored')
  try {
    const choice = { folder: 'data', path: null, version: null, at: null }
    const host = { event: () => Promise.resolve(), progress: () => undefined }
    const before = line.returnedBytes()
    await restoreFrom(library, [{ choice, destination: to, conflict: 'leave' }], host, signal)
    const returned = line.returnedBytes() - before
    console.log(`${(returned / bytes).toFixed(2)} of the bytes came back`)
    expect(returned).toBeLessThan(bytes / 2)
  } finally {
    library.close()
  }
  expect(readTree(to)).toEqual(readTree(home.source))
})

test('compression: bytes that do not shrink cost no more than without', async () => {
  const { home, line, send } = await setUp()
  writeFile(home.source, 'random', randomBytes(8 * MIB))
  await send(1)
  expect(line.arrivedBytes()).toBeLessThan(8.2 * MIB)
})

test('compression: an end that does not offer it gets no compressed payload', async () => {
  const { home, line, send } = await setUp('zstd')
  writeFile(home.source, 'large.csv', writeMeasurements(12 * MIB))
  await send(1)
  expect(line.arrivedBytes()).toBeGreaterThan(12 * MIB)
})
