import { expect, test } from 'vitest'
import type { FrameChannel } from '../../../core/protocol/channel.ts'
import type { FetchEntry, Frame } from '../../../core/protocol/frames.ts'
import { MAX_FETCH_BYTES, MAX_FETCH_PARTS, MAX_QUESTIONS, MIB } from '../../../core/protocol/limits.ts'
import { Restoring } from '../../../core/receive/connection/restoring.ts'
import type { Range } from '../../../core/store/query/query.ts'
import { until } from '../../support/until.ts'

/** A connection whose store answers when the test has it do so, and what is sent on it. */
function open() {
  const sent: { type: string; header: unknown; bytes: number }[] = []
  const asked: { what: string; ranges: string[]; answer(result: unknown): void; fail(error: Error): void }[] =
    []
  const state = { closed: false }
  const channel = {
    get closed() {
      return state.closed
    },
    room: async () => undefined,
    send(type: string, header: unknown, payload: readonly Uint8Array[] = [], onUsed?: () => void) {
      sent.push({ type, header, bytes: payload.reduce((sum, { length }) => sum + length, 0) })
      onUsed?.()
    },
  } as unknown as FrameChannel
  const store = {
    read: (what: string, { job }: { job?: { ranges: Range[] } }) =>
      new Promise((answer, fail) =>
        asked.push({ what, ranges: job?.ranges.map(({ path }) => path) ?? [], answer, fail }),
      ),
  }
  const host = { store, sourceIn: (_: string, name: string) => `id of ${name}` }
  const restoring = new Restoring(channel, host as never, 'pc')
  const ask = (id: number) =>
    restoring.handle({ type: 'ask', header: { id, question: { about: 'folders' } } } as Frame)
  const fetch = (...parts: FetchEntry[]) => restoring.handle({ type: 'fetch', header: { parts } } as Frame)
  const askedAt = (index: number) => until(`question ${index} to the store`, () => asked[index])
  return { sent, asked, state, restoring, ask, fetch, askedAt }
}

const part = (id: number, bytes: number): FetchEntry => [id, 'data', `f${id}`, '', 0, bytes]

test('restoring connection: questions are answered with their numbers, and a failed one with its reason', async () => {
  const { sent, ask, askedAt } = open()
  ask(1)
  ask(2)
  ;(await askedAt(1)).fail(Object.assign(new Error('the disk fails'), { code: 'EIO' }))
  ;(await askedAt(0)).answer(['data'])
  await until('both are answered', () => sent.length === 2)
  expect(sent.map(({ type, header }) => [type, header])).toEqual([
    ['told', { id: 2, answer: { about: 'failed', reason: 'EIO' } }],
    ['told', { id: 1, answer: { about: 'folders', folders: [{ name: 'data', source: 'id of data' }] } }],
  ])
})

test('restoring connection: no more questions at a time than the limit, and no other frames are taken', async () => {
  const { sent, ask, askedAt, restoring } = open()
  for (let id = 0; id < MAX_QUESTIONS; id += 1) ask(id)
  expect(() => ask(MAX_QUESTIONS)).toThrow('too many questions')
  ;(await askedAt(0)).answer([])
  await until('one is answered', () => sent.length === 1)
  // Its place is free right after the answer.
  await until('another one is taken', () => {
    ask(MAX_QUESTIONS)
    return true
  })
  expect(() => restoring.handle({ type: 'alive', header: { stalledMs: 0 } } as Frame)).toThrow('not expected')
})

test('restoring connection: parts are read in order, as many at a time as fit into a frame', async () => {
  const { sent, asked, fetch, askedAt } = open()
  fetch(part(1, MIB / 2), part(2, MIB / 2), part(3, 1))
  fetch(part(4, 2 * MIB), part(5, 1))
  const answer = async (index: number, reads: { bytes: number; fault: string }[], bytes: number) => {
    const { answer: give } = await askedAt(index)
    expect(asked).toHaveLength(index + 1)
    give({ reads, bytes: new Uint8Array(bytes) })
  }
  await answer(
    0,
    [
      { bytes: 5, fault: '' },
      { bytes: 6, fault: '' },
    ],
    11,
  )
  await answer(1, [{ bytes: 1, fault: '' }], 1)
  ;(await askedAt(2)).fail(Object.assign(new Error('gone'), { code: 'ENOENT' }))
  await answer(3, [{ bytes: 1, fault: '' }], 1)
  await until('all are sent', () => sent.length === 4)
  expect(asked.map(({ ranges }) => ranges)).toEqual([['f1', 'f2'], ['f3'], ['f4'], ['f5']])
  expect(sent.map(({ header, bytes }) => [header, bytes])).toEqual([
    [
      {
        parts: [
          [1, 5, ''],
          [2, 6, ''],
        ],
      },
      11,
    ],
    [{ parts: [[3, 1, '']] }, 1],
    [{ parts: [[4, 0, 'ENOENT']] }, 0],
    [{ parts: [[5, 1, '']] }, 1],
  ])
  fetch(part(6, 1))
  expect((await askedAt(4)).ranges).toEqual(['f6'])
})

test('restoring connection: parts beyond the limits are refused, until those before them are sent', async () => {
  const { sent, fetch, askedAt } = open()
  fetch(part(1, MAX_FETCH_BYTES))
  expect(() => fetch(part(2, 1))).toThrow('more was asked for')
  const many = open()
  const parts = Array.from({ length: MAX_FETCH_PARTS + 2 }, (_, id) => part(id, 0))
  expect(() => many.fetch(...parts)).toThrow('more was asked for')
  const again = open()
  again.fetch(part(1, MAX_FETCH_BYTES))
  ;(await again.askedAt(0)).answer({ reads: [{ bytes: 1, fault: '' }], bytes: new Uint8Array(1) })
  await until('it is sent', () => again.sent.length === 1)
  again.fetch(part(2, MAX_FETCH_BYTES))
  expect((await again.askedAt(1)).ranges).toEqual(['f2'])
  expect([sent, (await askedAt(0)).ranges]).toEqual([[], ['f1']])
})

test('restoring connection: nothing more is read after it was closed', async () => {
  const { sent, asked, restoring, fetch, askedAt } = open()
  fetch(part(1, MIB), part(2, MIB))
  const first = await askedAt(0)
  restoring.close()
  first.answer({ reads: [{ bytes: 1, fault: '' }], bytes: new Uint8Array(1) })
  await until('the first part is sent', () => sent.length === 1)
  await new Promise(setImmediate)
  expect(asked).toHaveLength(1)
})
