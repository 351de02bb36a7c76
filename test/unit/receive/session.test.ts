import { expect, test } from 'vitest'
import { openSending } from '../../../core/receive/connection/session.ts'
import type { Outcome } from '../../../core/receive/file-refused.ts'
import type { Store } from '../../../core/receive/store/store.ts'
import type { Channel } from '../../../core/wire/channel.ts'
import { WireFault } from '../../../core/wire/codec.ts'
import type { Frame } from '../../../core/wire/frames.ts'
import type { SmallFile } from '../../../core/wire/small-entries.ts'
import { until } from '../../support/until.ts'

const digest = Buffer.alloc(32)
const KIB = 1024

/** A store that answers when it is told to, and a channel that keeps what is sent. */
function open(window = { bytes: 1024 * KIB, files: 4 }, reading = Promise.resolve()) {
  const answers: ((outcome: Outcome) => void)[] = []
  const writes: (() => void)[] = []
  const digests: Uint8Array[] = []
  const state: { refused: Outcome | null; aborted: number; left: number } = {
    refused: null,
    aborted: 0,
    left: 0,
  }
  const store: Store = {
    enter: () => ({
      next: () => 1,
      leave() {
        state.left += 1
      },
    }),
    receive: () => new Promise((resolve) => answers.push(resolve)),
    receiveAll(files, { onStored }) {
      for (const index of files.keys()) answers.push((outcome) => onStored(index, outcome))
    },
    alone: (_, work) => work(),
    begin: () => ({
      get offset() {
        return Promise.resolve(state.refused === null ? 700 * KIB : null)
      },
      write: () => new Promise((resolve) => writes.push(resolve)),
      finish: () => new Promise((resolve) => answers.push(resolve)),
      async abort() {
        state.aborted += 1
      },
      get refused() {
        return state.refused
      },
    }),
    copy: (_facts, _from, given, signal) =>
      new Promise((resolve) => {
        digests.push(given)
        answers.push(resolve)
        signal.addEventListener('abort', () => resolve({ status: 'aborted', detail: '' }))
      }),
    abandon: async () => undefined,
    stalledMs: () => 0,
    clean: async () => undefined,
    close: async () => undefined,
  }
  const sent: { type: string; header: unknown }[] = []
  const channel: Channel = {
    send: (type, header) => void sent.push({ type, header }),
    room: () => reading,
    destroy: () => undefined,
    end: () => undefined,
    closed: false,
  }
  const sending = openSending(channel, store, 'pc', window, {
    onReceived: () => undefined,
    onRefused: () => undefined,
  })
  const batch = (ids: number[], size: number): Frame => {
    const files = ids.map((id): SmallFile => [id, 'data', `f${id}`, size, 0, 0o644, digest])
    return { type: 'batch', header: { files }, payload: Buffer.alloc(size * ids.length) }
  }
  const begin = (id: number, identity = {}): Frame => ({
    type: 'begin',
    header: { id, source: 'data', path: 'large', size: 900 * KIB, time: 0, mode: 0, ...identity },
    payload: Buffer.alloc(0),
  })
  const chunk = (id: number, bytes = 256 * KIB): Frame => ({
    type: 'chunk',
    header: { id },
    payload: Buffer.alloc(bytes),
  })
  const copy = (id: number): Frame => ({
    type: 'copy',
    header: {
      id,
      source: 'data',
      path: 'new',
      size: 900 * KIB,
      time: 0,
      mode: 0,
      digest,
      fromSource: 'data',
      fromPath: 'old',
    },
    payload: Buffer.alloc(0),
  })
  return { sending, answers, writes, digests, state, sent, batch, begin, chunk, copy }
}

test('more bytes than the credit are refused, and credit that came back may be used again', async () => {
  const { sending, answers, sent, batch } = open()
  sending.handle(batch([1, 2, 3, 4], 256 * KIB))
  expect(() => sending.handle(batch([5], 1))).toThrow(WireFault)
  const again = open()
  again.sending.handle(again.batch([1, 2, 3, 4], 256 * KIB))
  for (const answer of again.answers.splice(0)) answer({ status: 'durable', detail: '' })
  await until('credit and results are given back', () => again.sent.length >= 2)
  expect(again.sent[0]).toEqual({ type: 'credit', header: { bytes: 1024 * KIB } })
  expect(again.sent[1]).toMatchObject({ type: 'result', header: { results: [[1, 0, ''], {}, {}, {}] } })
  again.sending.handle(again.batch([5], 256 * KIB))
  expect([answers.length, sent.length]).toEqual([4, 0])
})

test('more files than the credit are refused, however small', () => {
  const { sending, batch } = open()
  sending.handle(batch([1, 2, 3, 4], 0))
  expect(() => sending.handle(batch([5], 0))).toThrow(/credit/)
})

test('a sender that does not read what it is told gets no credit either', async () => {
  let read: () => void = () => undefined
  const reading = new Promise<void>((resolve) => {
    read = resolve
  })
  const { sending, answers, sent, batch } = open({ bytes: 1024 * KIB, files: 4 }, reading)
  sending.handle(batch([1, 2, 3, 4], 0))
  for (const answer of answers.splice(0)) answer({ status: 'name', detail: 'absolute' })
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  expect(sent).toEqual([])
  expect(() => sending.handle(batch([5], 0))).toThrow(/credit/)
  read()
  await until('it is told once it reads', () => sent.length === 1)
})

test('a connection has left when nothing of it is on its way, also if it was cut for what it sent', async () => {
  const { sending, answers, state, batch } = open()
  sending.handle(batch([1, 2], 10))
  expect(() => sending.handle(batch([3, 4, 5], 10))).toThrow(/credit/)
  sending.close(true)
  expect(state.left).toBe(0)
  for (const answer of answers.splice(0)) answer({ status: 'durable', detail: '' })
  await until('it has left', () => state.left === 1)
})

test('a batch whose sizes do not add up to its payload is refused', () => {
  const { sending, batch } = open()
  const frame = batch([1, 2], 10)
  expect(() => sending.handle({ ...frame, payload: Buffer.alloc(19) })).toThrow(/payload/)
})

test('chunks that the disk has not taken hold their credit; beyond it the connection ends', async () => {
  const { sending, writes, begin, chunk, sent } = open({ bytes: 512 * KIB, files: 4 })
  sending.handle(begin(1))
  sending.handle(chunk(1))
  sending.handle(chunk(1))
  expect(() => sending.handle(chunk(1))).toThrow(/credit/)
  writes[0]?.()
  await until('its credit comes back', () => sent.some(({ type }) => type === 'credit'))
})

test('chunks are few and never empty: what each costs beside its bytes is paid by no credit', () => {
  const empty = open()
  empty.sending.handle(empty.begin(1))
  expect(() => empty.sending.handle(empty.chunk(1, 0))).toThrow(WireFault)
  const { sending, begin, chunk } = open()
  sending.handle(begin(1))
  for (let count = 0; count < 4096; count += 1) sending.handle(chunk(1, 1))
  expect(() => sending.handle(chunk(1, 1))).toThrow(/too many/)
})

test('chunks that were written make room for others', async () => {
  const { sending, writes, sent, begin, chunk } = open()
  sending.handle(begin(1))
  for (let count = 0; count < 4096; count += 1) sending.handle(chunk(1, 1))
  writes[0]?.()
  await until('its credit comes back', () => sent.some(({ type }) => type === 'credit'))
  sending.handle(chunk(1, 1))
  expect(() => sending.handle(chunk(1, 1))).toThrow(/too many/)
})

test('a large file that cannot be stored is answered at once, and only once', async () => {
  const { sending, writes, state, sent, begin, chunk } = open()
  sending.handle(begin(1))
  sending.handle(chunk(1))
  state.refused = { status: 'full', detail: 'ENOSPC' }
  writes[0]?.()
  const results = () => sent.filter(({ type }) => type === 'result')
  await until('it is answered', () => results().length === 1)
  expect(results()[0]?.header).toEqual({ results: [[1, 6, 'ENOSPC']] })
  sending.handle({ type: 'abort', header: { id: 1 }, payload: Buffer.alloc(0) })
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  expect(results()).toHaveLength(1)
  expect(state.aborted).toBe(1)
})

test('files that are half there when the connection ends are thrown away', () => {
  const { sending, state, begin } = open()
  sending.handle(begin(1))
  sending.handle(begin(2))
  sending.close(true)
  expect(state.aborted).toBe(2)
})

test('a copy costs one file of credit and no bytes; what is unknown is said with the file’s number', async () => {
  const { sending, answers, sent, copy } = open({ bytes: 0, files: 2 })
  sending.handle(copy(1))
  sending.handle(copy(2))
  expect(() => sending.handle(copy(3))).toThrow(/credit/)
  await until('both are asked for', () => answers.length === 2)
  answers[1]?.({ status: 'unknown', detail: 'ENOENT' })
  await until('it is answered', () => sent.length > 0)
  expect(sent).toEqual([{ type: 'result', header: { results: [[2, 9, 'ENOENT']] } }])
})

test('a copy that waits holds no more of its frame than it needs', async () => {
  const { sending, digests, copy } = open()
  const frame = copy(1)
  const body = Buffer.alloc(64 * KIB)
  if (frame.type === 'copy') frame.header.digest = body.subarray(100, 132)
  sending.handle(frame)
  await until('it is asked for', () => digests.length === 1)
  expect(digests[0]).toEqual(body.subarray(100, 132))
  expect(digests[0]?.buffer === body.buffer).toBe(false)
})

test('copies are given up when the connection ends', async () => {
  const { sending, answers, sent, copy } = open()
  sending.handle(copy(1))
  await until('it is asked for', () => answers.length === 1)
  sending.close(true)
  await until('the store has stopped', () => sent.length > 0)
  expect(sent[0]).toMatchObject({ header: { results: [[1, 5, '']] } })
})

test('who asks what is there is told, and may send no more than the rest', async () => {
  const { sending, sent, begin, chunk } = open()
  sending.handle(begin(1, { file: 'inode' }))
  expect(() => sending.handle(chunk(1))).toThrow(/before it is known/)
  const again = open()
  again.sending.handle(again.begin(1, { file: 'inode' }))
  await until('it is told', () => again.sent.length > 0)
  expect(again.sent).toEqual([{ type: 'resume', header: { id: 1, offset: 700 * KIB } }])
  expect(() => again.sending.handle(again.chunk(1))).toThrow(/beyond the end/)
  // Who does not ask is told nothing.
  again.sending.handle(again.begin(2))
  again.sending.handle(again.chunk(2))
  expect([again.sent.length, sent.length]).toEqual([1, 1])
})

test('a file that is refused before a byte of it is answered by the refusal alone', async () => {
  const { sending, state, sent, begin } = open()
  state.refused = { status: 'full', detail: 'floor' }
  sending.handle(begin(1, { file: 'inode' }))
  await until('it is answered', () => sent.length > 0)
  expect(sent).toEqual([{ type: 'result', header: { results: [[1, 6, 'floor']] } }])
})
