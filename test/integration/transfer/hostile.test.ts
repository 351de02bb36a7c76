import fs from 'node:fs'
import path from 'node:path'
import tls from 'node:tls'
import zlib from 'node:zlib'
import { DatabaseSync } from '@photostructure/sqlite'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createFrameDecoder, encodeFrame } from '../../../core/protocol/codec.ts'
import { compress } from '../../../core/protocol/compression.ts'
import type { Frame, FrameHeader, SmallFile } from '../../../core/protocol/frames.ts'
import { type Identity, loadIdentity } from '../../../core/protocol/identity.ts'
import { fileStatuses } from '../../../core/protocol/limits.ts'
import { startStoreReceiver } from '../../../core/receive/receiver.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { openRows } from '../../../core/store/manifest/rows.ts'
import { DEFAULT_RULES, type Quota } from '../../../core/store/quota/admission.ts'
import { openSenders } from '../../../core/store/senders/senders.ts'
import { computeDigest } from '../../support/store/file-facts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { pairBefore } from '../../support/transfer/pair-before.ts'
import { readTree, receiverParts } from '../../support/transfer/transfer.ts'
import { buildHello, DATA, dataSource, statusHeader, wireFacts } from '../../support/transfer/wire-client.ts'
import { until } from '../../support/until.ts'

async function setUp(quota: Partial<Quota> = {}) {
  const base = temporaryDirectory('hostile')
  const identity = await loadIdentity(path.join(base, 'identity'))
  const store = path.join(base, 'inside', 'store')
  await pairBefore(store, [{ fingerprint: identity.fingerprint, name: 'sender' }])
  const rules = { ...DEFAULT_RULES, quota: { each: DEFAULT_RULES.quota.each, of: { sender: quota } } }
  const receiver = await startStoreReceiver(
    {
      storeDirectory: store,
      host: '127.0.0.1',
      port: 0,
      name: 'receiver',
      ...receiverParts,
      rules,
    },
    { log: () => undefined },
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
  for (const piece of encodeFrame('hello', buildHello())) socket.write(piece)
  return {
    ...{ socket, frames, closed },
    /** Says this when it is let in. */
    async say(...pieces: Uint8Array[]) {
      await until('it is let in', () => frames.some(({ type }) => type === 'welcome'))
      for (const piece of pieces) socket.write(piece)
    },
  }
}

const declared = encodeFrame('source', dataSource)
const MIB = 1024 * 1024

/** A batch of some 150 bytes whose payload is a MiB of zeros, with a wrong digest. */
function encodeBomb() {
  const packed = compress(Buffer.alloc(MIB))
  const files: SmallFile[] = [[1, DATA, 'bomb', MIB, wireFacts(), Buffer.alloc(32)]]
  return encodeFrame('batch', { files, directories: [] }, [packed], { compressed: true })
}

function encodeBatch(names: readonly string[], content = Buffer.from('payload')) {
  const files = names.map(
    (name, index): SmallFile => [index + 1, DATA, name, content.length, wireFacts(), computeDigest(content)],
  )
  return encodeFrame(
    'batch',
    { files, directories: [] },
    names.map(() => content),
  )
}

test('receiver: file names that lead out of the sender’s folder are refused one by one, and the others are stored', {
  tags: 'story',
}, async () => {
  const { base, identity, store, receiver } = await setUp()
  fs.mkdirSync(path.join(store, 'sender', 'data'), { recursive: true })
  fs.mkdirSync(path.join(base, 'outside'))
  fs.symlinkSync(path.join(base, 'outside'), path.join(store, 'sender', 'data', 'planted'))
  fs.symlinkSync(path.join(base, 'outside', 'target'), path.join(store, 'sender', 'data', 'planted-file'))
  const names: [string, string][] = [
    ['../escaped', 'dots'],
    ['a/../../escaped', 'dots'],
    ['/etc/escaped', 'absolute'],
    ['', 'empty'],
    ['a//b', 'empty'],
    ['nul\0byte', 'nul'],
    ['x'.repeat(256), 'long'],
    ['y/'.repeat(2200), 'long'],
    ['planted/file', 'symlink'],
    ['planted-file', 'symlink'],
    ['fine', ''],
  ]
  const client = connect(receiver.port, identity)
  await client.say(...declared, ...encodeBatch(names.map(([name]) => name)))
  const results = () =>
    client.frames.flatMap((frame) => (frame.type === 'result' ? frame.header.results : []))
  await until('every file is answered', () => results().length === names.length)
  const details = Object.fromEntries(results().map(([id, , detail]) => [id, detail]))
  expect(names.map(([name], index) => [name, details[index + 1]])).toEqual(names)
  client.socket.destroy()
  expect(readTree(base)['inside/store/sender/data/fine']).toBeDefined()
  expect(fs.readdirSync(path.join(base, 'outside'))).toEqual([])
  expect(fs.readdirSync(base).sort()).toEqual(['identity', 'inside', 'outside'])
  expect(Object.keys(readTree(path.join(store, 'sender')))).toEqual(['data/fine'])
})

test('receiver: source names that lead out of the sender’s folder become names inside it', async () => {
  const { base, identity, store, receiver } = await setUp()
  const content = Buffer.from('content')
  const names = [
    '..',
    '../..',
    '/etc',
    'a/b',
    'C:\\x',
    '.holdfast',
    'nul\0',
    '\u2060data',
    'data',
    'DATA',
    'x'.repeat(200),
  ]
  const client = connect(receiver.port, identity)
  for (const [index, name] of names.entries()) {
    const number = index + 1
    const file: SmallFile = [number, number, 'file', content.length, wireFacts(), computeDigest(content)]
    await client.say(
      ...encodeFrame('source', { source: number, id: `${number}`, name }),
      ...encodeFrame('batch', { files: [file], directories: [] }, [content]),
    )
  }
  const results = () =>
    client.frames.flatMap((frame) => (frame.type === 'result' ? frame.header.results : []))
  await until('every file is answered', () => results().length === names.length)
  expect(new Set(results().map(([, status]) => status))).toEqual(new Set([0]))
  client.socket.destroy()
  expect(fs.readdirSync(base).sort()).toEqual(['identity', 'inside'])
  expect(fs.readdirSync(store).sort()).toEqual(['.holdfast', 'sender'])
  const directories = fs.readdirSync(path.join(store, 'sender'))
  expect(directories).toHaveLength(names.length)
  expect(new Set(directories.map((name) => name.toLowerCase())).size).toBe(names.length)
})

const FILES_OF_FRAME = 100

/** Frames that name sources with these ids, and send an empty file of each. */
function encodeSources(ids: readonly string[]): Uint8Array[] {
  const empty = Buffer.alloc(0)
  const files = ids.map(
    (_, index): SmallFile => [index + 1, index, 'file', 0, wireFacts(), computeDigest(empty)],
  )
  return [
    ...ids.flatMap((id, source) => encodeFrame('source', { source, id, name: 'data' })),
    ...Array.from({ length: Math.ceil(files.length / FILES_OF_FRAME) }, (_, group) => {
      const some = files.slice(group * FILES_OF_FRAME, (group + 1) * FILES_OF_FRAME)
      return encodeFrame('batch', { files: some, directories: [] }, [empty])
    }).flat(),
  ]
}

/** Sources of a sender in the list of senders, and rows of the manifest. */
async function countSources(store: string, folder: string): Promise<[listed: number, rows: number]> {
  const senders = await openSenders(storeLayout(store).senders, null)
  const sender = senders.list().find((one) => one.folder === folder)
  const database = new DatabaseSync(storeLayout(store).manifest, { readOnly: true })
  try {
    const rows = openRows(database)
      .sources()
      .filter((one) => one.folder === folder)
    return [Object.keys(sender?.sources ?? {}).length, rows.length]
  } finally {
    database.close()
  }
}

test('receiver: a sender that names thousands of sources gets as many as are allowed, and holds up no other sender and no pairing', async () => {
  const { base, identity, store, receiver } = await setUp()
  const other = await loadIdentity(path.join(base, 'other'))
  const third = await loadIdentity(path.join(base, 'third'))
  const layout = storeLayout(store)
  // As commands do, from another process.
  const command = await openSenders(layout.senders, () => undefined)
  await command.pair(other.fingerprint, 'other', Date.now(), null)
  const flood = connect(receiver.port, identity)
  const ids = Array.from({ length: 4_000 }, (_, index) => `id-${index}`)
  await flood.say(Buffer.concat(encodeSources(ids)))
  await command.pair(third.fingerprint, 'third', Date.now(), null)
  await until('the other is known', () => receiver.pairedSenders === 3)
  const fine = connect(receiver.port, other)
  await fine.say(...declared, ...encodeBatch(['fine']))
  await until('the other one has stored its file', () =>
    fine.frames.some((frame) => frame.type === 'result' && frame.header.results[0]?.[1] === 0),
  )
  const results = () => flood.frames.flatMap((frame) => (frame.type === 'result' ? frame.header.results : []))
  await until('every file is answered', () => results().length === ids.length)
  const details = results().map(([, status, detail]) => `${fileStatuses[status]} ${detail}`)
  expect(details.filter((one) => one === 'durable ')).toHaveLength(1_000)
  expect(new Set(details)).toEqual(new Set(['durable ', 'full sources 1000']))
  await command.revoke(identity.fingerprint, Date.now())
  await flood.closed
  expect(await countSources(store, 'sender')).toEqual([1_000, 1_000])
})

test('receiver: sources count for the quota before anything is written', { tags: 'story' }, async () => {
  const { identity, store, receiver } = await setUp({ bytes: 10 * 4096 })
  const flood = connect(receiver.port, identity)
  const ids = Array.from({ length: 100 }, (_, index) => `id-${index}`)
  await flood.say(Buffer.concat(encodeSources(ids)))
  const results = () => flood.frames.flatMap((frame) => (frame.type === 'result' ? frame.header.results : []))
  await until('every file is answered', () => results().length === ids.length)
  const refused = results().filter(([, , detail]) => detail === 'quota bytes 40960')
  expect(refused.length).toBeGreaterThanOrEqual(90)
  const [listed, rows] = await countSources(store, 'sender')
  expect([listed <= 10, rows <= 10]).toEqual([true, true])
})

test('receiver: an id of a source that is a property of every object is an id like others', async () => {
  const { identity, store, receiver } = await setUp()
  const client = connect(receiver.port, identity)
  const ids = ['constructor', 'toString', 'hasOwnProperty', 'valueOf']
  await client.say(...encodeSources(ids))
  const results = () =>
    client.frames.flatMap((frame) => (frame.type === 'result' ? frame.header.results : []))
  await until('every file is answered', () => results().length === ids.length)
  expect(results().map(([, status]) => fileStatuses[status])).toEqual(ids.map(() => 'durable'))
  expect(fs.readdirSync(path.join(store, 'sender')).sort()).toEqual(['data', 'data-2', 'data-3', 'data-4'])
  const { senders } = JSON.parse(fs.readFileSync(storeLayout(store).senders, 'utf8')) as {
    senders: { sources: object }[]
  }
  expect(Object.keys(senders[0]?.sources ?? {}).sort()).toEqual([...ids].sort())
})

const encodeCopy = (id: number, fromPath: string, content: Buffer) => {
  const file = { id, source: DATA, path: `copy-${id}`, size: content.length, facts: wireFacts() }
  return encodeFrame('copy', {
    ...file,
    digest: computeDigest(content),
    fromSource: DATA,
    fromPath,
    moved: false,
    directories: [],
  })
}

test('receiver: a copy request outside the sender’s folder or through a symbolic link is answered as unknown', {
  tags: 'story',
}, async () => {
  const { base, identity, store, receiver } = await setUp()
  const content = Buffer.from('the secret of another sender')
  const own = path.join(store, 'sender', 'data')
  for (const file of ['outside/file', 'inside/store/other/data/file', 'inside/store/sender/data/deep/file'])
    fs.mkdirSync(path.dirname(path.join(base, file)), { recursive: true })
  for (const file of ['outside/file', 'inside/store/other/data/file', 'inside/store/sender/data/deep/file'])
    fs.writeFileSync(path.join(base, file), content)
  fs.symlinkSync(path.join(base, 'outside'), path.join(own, 'planted'))
  fs.symlinkSync(path.join(base, 'outside', 'file'), path.join(own, 'planted-file'))
  const froms = [
    '../../other/data/file',
    '../data/deep/file',
    path.join(base, 'outside', 'file'),
    '../../.holdfast/senders.json',
    'planted/file',
    'planted-file',
    'deep',
    '',
    'not there',
  ]
  const client = connect(receiver.port, identity)
  await client.say(...declared)
  for (const [id, name] of froms.entries()) await client.say(...encodeCopy(id, name, content))
  await client.say(...encodeCopy(100, 'deep/file', content))
  await client.say(...encodeCopy(101, 'deep/file', Buffer.from('other content, as long, 28 B')))
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

test('receiver: a wrong digest fails only its file, and a forbidden frame ends only its connection', {
  tags: 'story',
}, async () => {
  const { identity, store, receiver } = await setUp()
  const content = Buffer.from('abc')
  const wrong = connect(receiver.port, identity)
  const files: SmallFile[] = [[1, DATA, 'flipped', 3, wireFacts(), computeDigest(Buffer.from('abd'))]]
  await wrong.say(...declared, ...encodeFrame('batch', { files, directories: [] }, [content]))
  await until('the digest is refused', () =>
    wrong.frames.some((frame) => frame.type === 'result' && frame.header.results[0]?.[1] === 4),
  )
  wrong.socket.destroy()

  const begin = (id: number) =>
    encodeFrame('begin', { id, source: DATA, path: `x${id}`, size: 10, facts: wireFacts(), directories: [] })
  const bad: Uint8Array[][] = [
    encodeFrame('chunk', { id: 7 }, [content]),
    encodeFrame('end', { id: 7, digest: computeDigest(content) }),
    [...begin(1), ...begin(1)],
    Array.from({ length: 17 }, (_, id) => begin(id)).flat(),
    [...begin(1), ...encodeFrame('chunk', { id: 1 }, [Buffer.alloc(11)])],
    [...begin(1), ...encodeFrame('chunk', { id: 1 })],
    encodeFrame('welcome', { protocol: 1, name: 'x', bytes: 1, files: 1, session: null }),
    encodeFrame('want', { files: [['da7a', 'x']] }),
    encodeFrame('source', { ...dataSource, id: 'other' }),
    [Buffer.from([6, 0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff])],
    [Buffer.from([8, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff])],
  ]
  for (const frames of bad) {
    const client = connect(receiver.port, identity)
    await client.say(...declared, ...frames)
    await client.closed
  }
  expect(readTree(path.join(store, 'sender'))).toEqual({})
  await until(
    'nothing half is left',
    () => Object.keys(readTree(path.join(store, '.holdfast', 'tmp'))).length === 0,
  )
})

test('sender status: an invalid status ends its connection and is dropped, and a flood of valid ones keeps the last', async () => {
  const { identity, receiver } = await setUp()
  const states = () => receiver.senderStates()
  const bad: Partial<Record<keyof FrameHeader<'status'>, unknown>>[] = [
    ...[{ sentence: 'x'.repeat(1_001) }, { sentence: 'two\nlines' }, { sentence: 'a\x1b[2Jb' }],
    ...[{ sentence: 'a\u009bb' }, { sentence: 7 }, { level: 'fine' }, { level: '__proto__' }],
    ...[{ kind: 'x'.repeat(41) }, { kind: 'a\0' }, { version: '1'.repeat(41) }, { version: '1\r' }],
    ...[
      { oldestWaitingAt: -1 },
      { oldestWaitingAt: 0.5 },
      { waitingFiles: Number.NaN },
      { waitingFiles: -1 },
    ],
    ...[{ waitingFiles: null }, { version: null }, { level: undefined }],
  ]
  for (const changes of bad) {
    const client = connect(receiver.port, identity)
    await client.say(...encodeFrame('status', { ...statusHeader(), ...changes } as FrameHeader<'status'>))
    await client.closed
    const refused = client.frames.find((frame) => frame.type === 'refused')
    expect([changes, refused?.header]).toEqual([changes, expect.objectContaining({ code: 'malformed' })])
  }
  expect(states()).toMatchObject([{ name: 'sender', status: null, statusAt: null, failingSince: null }])

  const flood = connect(receiver.port, identity)
  const frames = Array.from({ length: 5_000 }, (_, waitingFiles) =>
    encodeFrame('status', statusHeader({ waitingFiles })),
  )
  await flood.say(Buffer.concat(frames.flat()))
  await until('the last one is kept', () => states()[0]?.status?.waitingFiles === 4_999)
  expect(states()).toMatchObject([{ connected: true, status: statusHeader({ waitingFiles: 4_999 }) }])
  expect(flood.frames.map(({ type }) => type)).not.toContain('refused')
})

test('receiver: compressed payloads of a stranger are not decompressed after its refusal', async () => {
  const { base, receiver } = await setUp()
  const identity = await loadIdentity(path.join(base, 'stranger'))
  const decompress = vi.spyOn(zlib, 'zstdDecompressSync')
  onTestFinished(() => decompress.mockRestore())
  const stranger = connect(receiver.port, identity)
  stranger.socket.end(Buffer.concat(Array<Uint8Array[]>(1_000).fill(encodeBomb()).flat()))
  await stranger.closed
  expect(stranger.frames.map(({ type }) => type)).toEqual(['refused'])
  expect(decompress).not.toHaveBeenCalled()
})

test('receiver: compressed payloads count for the credit with the size that they announce', async () => {
  const { identity, receiver } = await setUp()
  const sender = connect(receiver.port, identity)
  await sender.say(...declared)
  const [welcome] = sender.frames
  const credit = welcome?.type === 'welcome' ? welcome.header.bytes : expect.fail()
  for (let bytes = 0; bytes <= credit; bytes += MIB)
    for (const piece of encodeBomb()) sender.socket.write(piece)
  await sender.closed
  expect(sender.frames.at(-1)).toMatchObject({ type: 'refused', header: { code: 'malformed' } })
})
