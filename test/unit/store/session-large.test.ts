import { expect, test } from 'vitest'
import { ProtocolError } from '../../../core/protocol/codec.ts'
import type { Frame } from '../../../core/protocol/frames.ts'
import { durable, openSendingParts as open } from '../../support/transfer/sending.ts'
import { until } from '../../support/until.ts'

const KIB = 1024

test('upload session: unwritten chunks of a large file hold their credit, and chunks beyond it are refused', async () => {
  const { sending, writes, begin, chunk, sent } = await open({ window: { bytes: 512 * KIB, files: 4 } })
  sending.handle(begin(1))
  sending.handle(chunk(1))
  sending.handle(chunk(1))
  expect(() => sending.handle(chunk(1))).toThrow(/credit/)
  await until('it is written', () => writes.length > 0)
  writes[0]?.()
  await until('its credit comes back', () => sent.some(({ type }) => type === 'credit'))
})

test('upload session: empty chunks and more than 4,096 unwritten chunks are refused whatever the credit', async () => {
  const empty = await open()
  empty.sending.handle(empty.begin(1))
  expect(() => empty.sending.handle(empty.chunk(1, 0))).toThrow(ProtocolError)
  const { sending, writes, sent, begin, chunk } = await open()
  sending.handle(begin(1))
  for (let count = 0; count < 4096; count += 1) sending.handle(chunk(1, 1))
  expect(() => sending.handle(chunk(1, 1))).toThrow(/too many/)
  // Those that were written make room for others.
  await until('they are written', () => writes.length === 4096)
  writes[0]?.()
  await until('its credit comes back', () => sent.some(({ type }) => type === 'credit'))
  sending.handle(chunk(1, 1))
  expect(() => sending.handle(chunk(1, 1))).toThrow(/too many/)
})

test('upload session: zeros are sent as a length for the same credit, and not together with bytes', async () => {
  const { sending, written, writes, begin, zeros, sent } = await open({
    window: { bytes: 300 * KIB, files: 4 },
  })
  sending.handle(begin(1))
  expect(() => sending.handle(zeros(1, 5, Buffer.alloc(5)))).toThrow(/bytes or zeros/)
  sending.handle(zeros(1, 256 * KIB))
  expect(() => sending.handle(zeros(1, 256 * KIB))).toThrow(/credit/)
  await until('they are written', () => written.length > 0)
  expect(written).toEqual([256 * KIB])
  writes[0]?.()
  await until('its credit comes back', () => sent.length > 0)
  expect(sent).toEqual([{ type: 'credit', header: { bytes: 256 * KIB } }])
})

test('upload session: a large file that cannot be stored is answered at once, and only once', async () => {
  const { sending, writes, state, sent, begin, chunk, abort } = await open()
  sending.handle(begin(1))
  sending.handle(chunk(1))
  await until('it is written', () => writes.length > 0)
  state.refused = { status: 'full', detail: 'ENOSPC' }
  writes[0]?.()
  const results = () => sent.filter(({ type }) => type === 'result')
  await until('it is answered', () => results().length === 1)
  expect(results()[0]?.header).toEqual({ position: 0, results: [[1, 6, 'ENOSPC']] })
  sending.handle(abort(1))
  await until('it is thrown away', () => state.aborted.length === 1)
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  expect(results()).toHaveLength(1)
})

test('upload session: unfinished large files are discarded or kept for resumption when the connection closes', async () => {
  for (const keep of [true, false]) {
    const { sending, state, begin } = await open()
    sending.handle(begin(1))
    sending.handle(begin(2))
    sending.close(keep)
    await until('both are given up', () => state.aborted.length === 2)
    expect(state.aborted).toEqual([keep, keep])
  }
})

test('upload session: a sender that asks to resume gets the offset, and may send only the rest', async () => {
  const { sending, sent, begin, chunk, abort } = await open()
  sending.handle(begin(1, { file: 'inode' }))
  expect(() => sending.handle(chunk(1))).toThrow(/before it is known/)
  await until('it is told', () => sent.length > 0)
  expect(sent).toEqual([{ type: 'resume', header: { id: 1, offset: 700 * KIB } }])
  expect(() => sending.handle(chunk(1))).toThrow(/beyond the end/)
  // Who does not ask is told nothing.
  sending.handle(begin(2))
  sending.handle(chunk(2))
  await new Promise(setImmediate)
  expect(sent).toHaveLength(1)
  expect(() => sending.handle(abort(3))).toThrow(/not open/)
})

test('upload session: a large file that is refused before its first byte is answered only by the refusal', async () => {
  const { sending, state, sent, begin } = await open()
  state.refused = { status: 'full', detail: 'floor' }
  sending.handle(begin(1, { file: 'inode' }))
  await until('it is answered', () => sent.length > 0)
  expect(sent).toEqual([{ type: 'result', header: { position: 0, results: [[1, 6, 'floor']] } }])
})

test('upload session: at most sixteen large files are open; a finished one makes room and gets its position', async () => {
  const { sending, answers, sent, begin, end } = await open({ window: { bytes: 0, files: 20 } })
  for (let id = 0; id < 16; id += 1) sending.handle(begin(id))
  expect(() => sending.handle(begin(16))).toThrow(/too many/)
  expect(() => sending.handle(begin(3))).toThrow(/open already/)
  sending.handle(end(3))
  sending.handle(begin(16))
  await until('its end is there', () => answers.length === 1)
  answers[0]?.({ ...durable, position: 44 })
  await until('it is answered', () => sent.length > 0)
  expect(sent).toEqual([{ type: 'result', header: { position: 44, results: [[3, 0, '']] } }])
})

test('upload session: frames that overtake each other are written in order, and the end waits for the last chunk', async () => {
  const { sending, written, answers, sent, begin, end } = await open()
  const piece = (at: number, fill: number): Frame => ({
    type: 'chunk',
    header: { id: 1, at },
    payload: Buffer.alloc(300 * KIB, fill),
  })
  sending.handle(begin(1))
  sending.handle({ ...end(1), header: { id: 1, digest: Buffer.alloc(32), at: 900 * KIB } } as Frame)
  sending.handle(piece(600 * KIB, 3))
  sending.handle(piece(300 * KIB, 2))
  await new Promise(setImmediate)
  expect([written.length, answers.length]).toEqual([0, 0])
  sending.handle(piece(0, 1))
  await until('it is ended', () => answers.length === 1)
  expect(written.map((bytes) => (typeof bytes === 'number' ? bytes : bytes[0]))).toEqual([1, 2, 3])
  answers[0]?.(durable)
  await until('it is answered', () => sent.some(({ type }) => type === 'result'))
})

test.each([
  ['one offset comes twice', [400, 400], /twice/],
  ['an offset is behind the others', [0, 0], /twice/],
  ['a chunk goes beyond the end', [800], /beyond/],
])('upload session: a file on several streams is refused if %s', async (_, offsets, reason) => {
  const { sending, begin } = await open()
  sending.handle(begin(1))
  const all = () => {
    for (const at of offsets)
      sending.handle({ type: 'chunk', header: { id: 1, at: at * KIB }, payload: Buffer.alloc(200 * KIB) })
  }
  expect(all).toThrow(reason)
})

test.each([
  [
    'chunks overlap',
    [
      ['chunk', 100],
      ['chunk', 0],
    ],
    /overlap at offset 102400/,
  ],
  ['it ends beyond its size', [['end', 901]], /beyond its size/],
  [
    'it ends twice, of which neither can be handled yet',
    [
      ['end', 800],
      ['abort', 700],
    ],
    /ended twice/,
  ],
  [
    'a chunk is behind its end',
    [
      ['end', 300],
      ['chunk', 200],
    ],
    /behind the end/,
  ],
  [
    'its end is within a chunk',
    [
      ['chunk', 100],
      ['end', 200],
      ['chunk', 0],
    ],
    /overlap/,
  ],
  [
    'its end is within the last chunk',
    [
      ['chunk', 200],
      ['end', 300],
      ['chunk', 0],
    ],
    /before its last chunk/,
  ],
] as const)('upload session: a file on several streams is refused if %s', async (_, frames, reason) => {
  const { sending, begin } = await open()
  sending.handle(begin(1))
  const none = Buffer.alloc(0)
  const all = () => {
    for (const [type, offset] of frames) {
      const at = offset * KIB
      if (type === 'chunk') sending.handle({ type, header: { id: 1, at }, payload: Buffer.alloc(200 * KIB) })
      else if (type === 'abort') sending.handle({ type, header: { id: 1, at }, payload: none })
      else sending.handle({ type, header: { id: 1, digest: Buffer.alloc(32), at }, payload: none })
    }
  }
  expect(all).toThrow(reason)
})

test('upload session: a stream adds its credit, and takes it back from what is returned after its end', async () => {
  const { sending, writes, begin, chunk, sent, counted } = await open({
    window: { bytes: 256 * KIB, files: 4 },
  })
  const stream = sending.openStream(256 * KIB)
  sending.handle(begin(1))
  sending.handle(chunk(1))
  sending.handle(chunk(1))
  expect(() => sending.handle(chunk(1))).toThrow(/credit/)
  stream.close()
  await until('they are written', () => writes.length > 0)
  for (const write of writes) write()
  await until('credit comes back', () => sent.some(({ type }) => type === 'credit'))
  expect(sent).toEqual([{ type: 'credit', header: { bytes: 256 * KIB, withheld: 256 * KIB } }])
  expect(counted.withheld).toBe(256 * KIB)
})

test('upload session: streams that come and go add no more credit than those that are open together', async () => {
  const { sending, writes, begin, chunk, counted } = await open({ window: { bytes: 256 * KIB, files: 4 } })
  const added: number[] = []
  for (let count = 0; count < 5; count += 1) {
    const stream = sending.openStream(256 * KIB)
    added.push(stream.bytes)
    stream.close()
  }
  expect(added).toEqual([256 * KIB, 0, 0, 0, 0])
  // The memory of the first one serves the others.
  expect(counted.withheld).toBe(4 * 256 * KIB)
  sending.handle(begin(1))
  sending.handle(chunk(1))
  sending.handle(chunk(1))
  expect(() => sending.handle(chunk(1))).toThrow(/credit/)
  await until('they are written', () => writes.length > 0)
  for (const write of writes) write()
  await until('the memory of the last one is free', () => counted.withheld === 5 * 256 * KIB)
})
