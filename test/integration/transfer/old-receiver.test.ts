import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import tls from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { createFrameDecoder, encodeFrame } from '../../../core/wire/codec.ts'
import type { Frame } from '../../../core/wire/frames.ts'
import { loadIdentity } from '../../../core/wire/identity.ts'
import { serverOptions } from '../../../core/wire/tls.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  makeHome,
  offerAll,
  senderConfig,
  startTestSender,
  writeFile,
} from '../../support/transfer.ts'

/** A receiver of version 1, which says that everything is durable. */
async function startOldReceiver(directory: string) {
  const identity = await loadIdentity(directory)
  const heard: Frame[] = []
  const durable = (id: number): [number, number, string] => [id, 0, '']
  const answer = (socket: tls.TLSSocket, frame: Frame) => {
    heard.push(frame)
    const say = (pieces: Uint8Array[]) => pieces.forEach((piece) => void socket.write(piece))
    if (frame.type === 'hello')
      say(encodeFrame('welcome', { protocol: 1, name: 'old', bytes: 2 ** 24, files: 100 }))
    else if (frame.type === 'batch')
      say(encodeFrame('result', { results: frame.header.files.map(([id]) => durable(id)) }))
    else if (frame.type === 'end') say(encodeFrame('result', { results: [durable(frame.header.id)] }))
  }
  const server = tls.createServer(serverOptions(identity), (socket) => {
    const decoder = createFrameDecoder(() => true)
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => decoder.push(bytes, (frame) => answer(socket, frame)))
    onTestFinished(() => void socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  return { heard, port, fingerprint: identity.fingerprint }
}

test('a receiver of version 1 is asked neither for a copy nor for what it has: it gets contents, of more than 256 KiB in chunks, and SHA-256', async () => {
  const base = temporaryDirectory('old-receiver')
  const home = await makeHome(path.join(base, 'home'))
  const { heard, ...at } = await startOldReceiver(path.join(base, 'old'))
  const sender = startTestSender()
  writeFile(home.source, 'small', Buffer.alloc(10_000, 1))
  writeFile(home.source, 'middle', Buffer.alloc(300_000, 1))
  writeFile(home.source, 'large', Buffer.alloc(5_000_000, 1))
  offerAll(home)
  sender.configure(senderConfig(home, at))
  await allSent(sender, 3)
  for (const name of ['small', 'large'])
    fs.renameSync(path.join(home.source, name), path.join(home.source, `new ${name}`))
  offerAll(home)
  sender.nudge()
  await allSent(sender, 5)
  expect(heard[0]).toMatchObject({ type: 'hello', header: { protocols: [4, 3, 2, 1] } })
  for (const { type, header } of heard) {
    if (type === 'begin') expect(Object.keys(header)).not.toContain('file')
    if (type === 'begin') expect(Object.keys(header)).not.toContain('hash')
    if (type === 'batch') expect(header.files.map(([, , , , , , digest]) => digest.length)).toEqual([32])
    if (type === 'end') expect(header.digest).toHaveLength(32)
  }
  const count = (type: Frame['type']) => heard.filter((frame) => frame.type === type).length
  expect([count('copy'), count('batch'), count('begin')]).toEqual([0, 2, 3])
})
