import fs from 'node:fs'
import path from 'node:path'
import tls from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { startStoreReceiver } from '../../../core/receive/receiver.ts'
import { createFrameDecoder, encodeFrame } from '../../../core/wire/codec.ts'
import type { Frame } from '../../../core/wire/frames.ts'
import type { Identity } from '../../../core/wire/identity.ts'
import { loadIdentity } from '../../../core/wire/identity.ts'
import { digestOf } from '../../support/file-facts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { receiverParts, treeOf } from '../../support/transfer.ts'
import { until } from '../../support/until.ts'

async function setUp() {
  const base = temporaryDirectory('hostile')
  const identity = await loadIdentity(path.join(base, 'identity'))
  const store = path.join(base, 'inside', 'store')
  const receiver = await startStoreReceiver(
    {
      storeDirectory: store,
      host: '127.0.0.1',
      port: 0,
      name: 'receiver',
      trusted: [{ fingerprint: identity.fingerprint, name: 'sender' }],
      ...receiverParts,
    },
    { onChange: () => undefined, log: () => undefined },
  )
  onTestFinished(() => receiver.close())
  return { base, identity, store, receiver }
}

function connect(port: number, { certificate, key }: Identity) {
  const options = { port, host: '127.0.0.1', cert: certificate, key, rejectUnauthorized: false }
  const socket = tls.connect({ ...options, minVersion: 'TLSv1.3' })
  const frames: Frame[] = []
  const decoder = createFrameDecoder(() => true)
  socket.on('data', (bytes: Buffer) => decoder.push(bytes, (frame) => frames.push(frame)))
  socket.on('error', () => undefined)
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  return { socket, frames, closed }
}

const helloOf = (protocols: number[]) => encodeFrame('hello', { protocols, name: 'sender', purpose: 'send' })
const hello = helloOf([2, 1])

function batchOf(names: readonly [source: string, path: string][], content = Buffer.from('payload')) {
  const files = names.map(
    ([source, name], index): [number, string, string, number, number, number, Buffer] => [
      index + 1,
      source,
      name,
      content.length,
      0,
      0o644,
      digestOf(content),
    ],
  )
  return encodeFrame(
    'batch',
    { files },
    names.map(() => content),
  )
}

test('names that lead out of the sender’s own folder are refused one by one; the others are stored', async () => {
  const { base, identity, store, receiver } = await setUp()
  fs.mkdirSync(path.join(store, 'sender', 'data'), { recursive: true })
  fs.mkdirSync(path.join(base, 'outside'))
  fs.symlinkSync(path.join(base, 'outside'), path.join(store, 'sender', 'data', 'planted'))
  fs.symlinkSync(path.join(base, 'outside', 'target'), path.join(store, 'sender', 'data', 'planted-file'))
  const names: [string, string, string][] = [
    ['data', '../escaped', 'dots'],
    ['data', 'a/../../escaped', 'dots'],
    ['..', 'escaped', 'dots'],
    ['../..', 'escaped', 'dots'],
    ['data', '/etc/escaped', 'absolute'],
    ['/etc', 'escaped', 'absolute'],
    ['a/b', 'escaped', 'absolute'],
    ['', 'escaped', 'empty'],
    ['data', '', 'empty'],
    ['data', 'a//b', 'empty'],
    ['data', 'nul\0byte', 'nul'],
    ['data', 'x'.repeat(256), 'long'],
    ['data', 'y/'.repeat(2200), 'long'],
    ['.holdfast', 'senders.json', 'reserved'],
    ['data', '.holdfast-probe', 'reserved'],
    ['data', 'planted/file', 'symlink'],
    ['data', 'planted-file', 'symlink'],
    ['data', 'fine', ''],
  ]
  const client = connect(receiver.port, identity)
  for (const piece of [...hello, ...batchOf(names.map(([source, name]) => [source, name]))])
    client.socket.write(piece)
  const results = () =>
    client.frames.flatMap((frame) => (frame.type === 'result' ? frame.header.results : []))
  await until('every file is answered', () => results().length === names.length)
  const details = Object.fromEntries(results().map(([id, , detail]) => [id, detail]))
  expect(names.map(([source, name], index) => [source, name, details[index + 1]])).toEqual(names)
  client.socket.destroy()
  expect(treeOf(base)['inside/store/sender/data/fine']).toBeDefined()
  expect(fs.readdirSync(path.join(base, 'outside'))).toEqual([])
  expect(fs.readdirSync(base).sort()).toEqual(['identity', 'inside', 'outside'])
  expect(Object.keys(treeOf(path.join(store, 'sender')))).toEqual(['data/fine'])
})

const copyOf = (id: number, fromSource: string, fromPath: string, content: Buffer) => {
  const facts = { id, source: 'data', path: `copy-${id}`, size: content.length, time: 0, mode: 0o644 }
  return encodeFrame('copy', { ...facts, digest: digestOf(content), fromSource, fromPath })
}

test('a copy is made only of what is in the sender’s own folder, by no symbolic link; else it is unknown', async () => {
  const { base, identity, store, receiver } = await setUp()
  const content = Buffer.from('the secret of another sender')
  const own = path.join(store, 'sender', 'data')
  for (const file of ['outside/file', 'inside/store/other/data/file', 'inside/store/sender/data/deep/file'])
    fs.mkdirSync(path.dirname(path.join(base, file)), { recursive: true })
  for (const file of ['outside/file', 'inside/store/other/data/file', 'inside/store/sender/data/deep/file'])
    fs.writeFileSync(path.join(base, file), content)
  fs.symlinkSync(path.join(base, 'outside'), path.join(own, 'planted'))
  fs.symlinkSync(path.join(base, 'outside', 'file'), path.join(own, 'planted-file'))
  const froms: [string, string][] = [
    ['data', '../../other/data/file'],
    ['../other/data', 'file'],
    ['..', 'other/data/file'],
    ['data', path.join(base, 'outside', 'file')],
    ['.holdfast', 'senders.json'],
    ['data', 'planted/file'],
    ['data', 'planted-file'],
    ['data', 'deep'],
    ['data', ''],
    ['data', 'not there'],
  ]
  const client = connect(receiver.port, identity)
  for (const piece of hello) client.socket.write(piece)
  for (const [id, [source, name]] of froms.entries())
    for (const piece of copyOf(id, source, name, content)) client.socket.write(piece)
  for (const piece of copyOf(100, 'data', 'deep/file', content)) client.socket.write(piece)
  for (const piece of copyOf(101, 'data', 'deep/file', Buffer.from('other content, as long, 28 B')))
    client.socket.write(piece)
  const results = () =>
    client.frames.flatMap((frame) => (frame.type === 'result' ? frame.header.results : []))
  await until('every one is answered', () => results().length === froms.length + 2)
  const unknown = [...froms.map((_, id) => id), 101]
  expect(Object.fromEntries(results().map(([id, status]) => [id, status]))).toEqual({
    ...Object.fromEntries(unknown.map((id) => [id, 9])),
    100: 0,
  })
  client.socket.destroy()
  expect(fs.readdirSync(own).sort()).toEqual(['copy-100', 'deep', 'planted', 'planted-file'])
  expect(fs.readdirSync(path.join(own, 'deep'))).toEqual(['file'])
})

test('a sender that speaks version 1 is welcomed with it, and may not ask for copies', async () => {
  const { identity, store, receiver } = await setUp()
  const content = Buffer.from('content')
  const client = connect(receiver.port, identity)
  for (const piece of [...helloOf([1]), ...batchOf([['data', 'file']], content)]) client.socket.write(piece)
  await until('its file is stored', () => client.frames.some(({ type }) => type === 'result'))
  expect(client.frames[0]).toMatchObject({ type: 'welcome', header: { protocol: 1 } })
  for (const piece of copyOf(2, 'data', 'file', content)) client.socket.write(piece)
  await client.closed
  expect(Object.keys(treeOf(path.join(store, 'sender')))).toEqual(['data/file'])
})

test('wrong digests and frames that may not come end that file or that connection alone', async () => {
  const { identity, store, receiver } = await setUp()
  const content = Buffer.from('abc')
  const wrong = connect(receiver.port, identity)
  const files: [number, string, string, number, number, number, Buffer][] = [
    [1, 'data', 'flipped', 3, 0, 0o644, digestOf(Buffer.from('abd'))],
  ]
  for (const piece of [...hello, ...encodeFrame('batch', { files }, [content])]) wrong.socket.write(piece)
  await until('the digest is refused', () =>
    wrong.frames.some((frame) => frame.type === 'result' && frame.header.results[0]?.[1] === 4),
  )
  wrong.socket.destroy()

  const begin = (id: number) =>
    encodeFrame('begin', { id, source: 'data', path: `x${id}`, size: 10, time: 0, mode: 0 })
  const bad: Uint8Array[][] = [
    encodeFrame('chunk', { id: 7 }, [content]),
    encodeFrame('end', { id: 7, digest: digestOf(content) }),
    [...begin(1), ...begin(1)],
    Array.from({ length: 17 }, (_, id) => begin(id)).flat(),
    [...begin(1), ...encodeFrame('chunk', { id: 1 }, [Buffer.alloc(11)])],
    [...begin(1), ...encodeFrame('chunk', { id: 1 })],
    encodeFrame('welcome', { protocol: 1, name: 'x', bytes: 1, files: 1 }),
    [Buffer.from([6, 0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff])],
    [Buffer.from([8, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff])],
  ]
  for (const frames of bad) {
    const client = connect(receiver.port, identity)
    for (const piece of [...hello, ...frames]) client.socket.write(piece)
    await client.closed
  }
  expect(treeOf(path.join(store, 'sender'))).toEqual({})
  await until(
    'nothing half is left',
    () => Object.keys(treeOf(path.join(store, '.holdfast', 'tmp'))).length === 0,
  )
})
