import { expect, test } from 'vitest'
import { ProtocolError } from '../../../core/protocol/codec.ts'
import { compareSessions, type StoreSource } from '../../../core/store/store.ts'
import { durable, openSendingParts as open } from '../../support/transfer/sending.ts'
import { until } from '../../support/until.ts'

const KIB = 1024
const later = () => new Promise(setImmediate)

test('upload session: more bytes than the credit are refused, and returned credit may be used again', async () => {
  const { sending, batch } = await open()
  sending.handle(batch([1, 2, 3, 4], 256 * KIB))
  expect(() => sending.handle(batch([5], 1))).toThrow(ProtocolError)
  const again = await open()
  again.sending.handle(again.batch([1, 2, 3, 4], 256 * KIB))
  await until('they come to the store', () => again.answers.length === 4)
  for (const [index, answer] of again.answers.splice(0).entries())
    answer({ ...durable, position: 10 - index })
  await until('credit and results are given back', () => again.sent.length >= 2)
  expect(again.sent[0]).toEqual({ type: 'credit', header: { bytes: 1024 * KIB } })
  // By the latest of the positions all of them are durable.
  const header = { position: 10, results: [[1, 0, ''], {}, {}, {}] }
  expect(again.sent[1]).toMatchObject({ type: 'result', header })
  again.sending.handle(again.batch([5], 256 * KIB))
  expect(again.counted).toEqual({ received: 4, refused: [], withheld: 0 })
})

test('upload session: more files than the credit are refused, however small', async () => {
  const { sending, batch } = await open()
  sending.handle(batch([1, 2, 3, 4], 0))
  expect(() => sending.handle(batch([5], 0))).toThrow(/credit/)
})

test('upload session: a sender that does not read its results gets no credit back', async () => {
  let read: () => void = () => undefined
  const reading = new Promise<void>((resolve) => {
    read = resolve
  })
  const { sending, answers, sent, batch, counted } = await open({ reading })
  sending.handle(batch([1, 2, 3, 4], 0))
  await until('they come to the store', () => answers.length === 4)
  for (const answer of answers.splice(0)) answer({ status: 'name', detail: 'absolute' })
  await later()
  await later()
  expect(sent).toEqual([])
  expect(() => sending.handle(batch([5], 0))).toThrow(/credit/)
  expect(counted.refused).toEqual([1, 2, 3, 4].map((id) => `data/f${id} name`))
  read()
  await until('it is told once it reads', () => sent.length === 1)
})

test('upload session: a batch whose sizes do not add up to its payload is refused', async () => {
  const { sending, batch } = await open()
  const frame = batch([1, 2], 10)
  expect(() => sending.handle({ ...frame, payload: Buffer.alloc(19) })).toThrow(/payload/)
})

test('upload session: a source must be declared exactly once, and its files wait until its directory is found', async () => {
  const { sending, declare, batch, begin } = await open()
  for (const frame of [batch([1], 0, 1), begin(2, { source: 1 })])
    expect(() => sending.handle(frame)).toThrow(/source 1 was not declared/)
  expect(() => declare(0)).toThrow(/declared already/)

  let found: (source: StoreSource) => void = () => undefined
  const source = { id: 9, folder: 'pc', directory: 'data' }
  const finding = new Promise<StoreSource>((resolve) => {
    found = resolve
  })
  const slow = await open({ find: () => finding })
  slow.sending.handle(slow.batch([1], 0))
  slow.sending.handle(slow.begin(2))
  await later()
  expect(slow.offered).toEqual([])
  found(source)
  await until('both are offered', () => slow.offered.length === 2)
  expect(slow.offered.map(({ path }) => path).sort()).toEqual(['f1', 'large'])
  for (const one of slow.offered) expect(one).toMatchObject({ source, session: { name: 'session' } })
  expect(slow.told).toMatchObject([{ source: 9, path: 'a', facts: { mode: 0o644 } }])
})

test('upload session: files of a source whose directory cannot be made get the reason and return their credit', async () => {
  let isReadOnly = true
  const find = async () => {
    if (isReadOnly) throw Object.assign(new Error('x'), { code: 'EROFS' })
    return { id: 9, folder: 'pc', directory: 'data' }
  }
  const { sending, sent, offered, batch, begin, chunk, end, copy, prove } = await open({
    find,
    window: { bytes: 1024 * KIB, files: 6 },
  })
  sending.handle(batch([1, 2], 10))
  sending.handle(begin(3))
  sending.handle(chunk(3))
  sending.handle(end(3))
  sending.handle(copy(4))
  sending.handle(prove(5))
  const results = () =>
    sent.flatMap(({ type, header }) => (type === 'result' ? (header as { results: unknown[] }).results : []))
  await until('all are answered', () => results().length === 4 && sent.some(({ type }) => type === 'proof'))
  expect(results()).toEqual(expect.arrayContaining([1, 2, 3, 4].map((id) => [id, 7, 'EROFS'])))
  expect(sent).toContainEqual({ type: 'proof', header: { id: 5, digest: null, reason: 'readOnly EROFS' } })
  const back = () =>
    sent.reduce(
      (sum, { type, header }) => sum + (type === 'credit' ? (header as { bytes: number }).bytes : 0),
      0,
    )
  await until('all bytes are given back', () => back() === 256 * KIB + 20)

  // The disk takes something again: the same connection goes on.
  isReadOnly = false
  sending.handle(batch([6], 0))
  await until('it is offered', () => offered.length === 1)
})

test('upload session: a copy costs one file of credit and no bytes, and unknown content is answered by number', async () => {
  const { sending, answers, sent, copy, copies, counted } = await open({ window: { bytes: 0, files: 2 } })
  sending.handle(copy(1, { moved: true }))
  sending.handle(copy(2))
  expect(() => sending.handle(copy(3))).toThrow(/credit/)
  await until('both are asked for', () => answers.length === 2)
  expect(copies.map(({ isMoved, from }) => [isMoved, from.path])).toEqual([
    [true, 'old'],
    [false, 'old'],
  ])
  answers[1]?.({ status: 'unknown', detail: 'ENOENT' })
  await until('it is answered', () => sent.length > 0)
  expect(sent).toEqual([{ type: 'result', header: { position: 0, results: [[2, 9, 'ENOENT']] } }])
  expect(counted.refused).toEqual([])
})

test('upload session: a query for a file that is still stored does not count as a received file', async () => {
  const { sending, answers, sent, copy, counted } = await open()
  sending.handle(copy(1, { path: 'old' }))
  await until('it is asked for', () => answers.length === 1)
  answers[0]?.({ ...durable, position: 3 })
  await until('it is answered', () => sent.length > 0)
  expect([sent[0]?.header, counted.received]).toEqual([{ position: 3, results: [[1, 0, '']] }, 0])
})

test('upload session: copies are aborted when the connection closes', async () => {
  const { sending, answers, sent, copy } = await open()
  sending.handle(copy(1))
  await until('it is asked for', () => answers.length === 1)
  sending.close(true)
  await until('the store has stopped', () => sent.length > 0)
  expect(sent[0]).toMatchObject({ header: { results: [[1, 5, '']] } })
})

test('upload session: a proof costs one file of credit until its answer; a failed proof is answered with why', async () => {
  const { sending, answers, sent, prove } = await open({ window: { bytes: 0, files: 2 } })
  sending.handle(prove(1))
  sending.handle(prove(2))
  expect(() => sending.handle(prove(3))).toThrow(/credit/)
  await until('both are asked for', () => answers.length === 2)
  answers[0]?.(durable)
  answers[1]?.({ status: 'failed', detail: 'EIO' })
  await until('both are answered', () => sent.length === 2)
  expect(sent.map(({ header }) => header)).toEqual([
    { id: 1, digest: Buffer.alloc(32, 5), reason: '' },
    { id: 2, digest: null, reason: 'failed EIO' },
  ])
  sending.handle(prove(3))
  sending.handle(prove(4))
})

const ours = { epoch: 'e', position: 9, session: 's2' }
const theirs = { epoch: 'e', position: 5, last: 's1', next: 's2' }
test.each([
  ['a sender that never connected', null, ours, false, null],
  ['a store that is unreadable for now', theirs, null, false, null],
  ['another manifest', { ...theirs, epoch: 'f' }, ours, false, null],
  ['a store without files of the sender', theirs, { ...ours, session: null }, false, null],
  ['a sender that received all results', { ...theirs, position: 9 }, ours, false, null],
  [
    'a store whose last session is the sender’s last one',
    { ...theirs, last: 's2', next: null },
    ours,
    false,
    5,
  ],
  ['a sender that missed results, or was restored from a backup within the session', theirs, ours, false, 5],
  ['a store that a copy of the sender has used since', theirs, { ...ours, session: 's3' }, true, 5],
  [
    'a store restored from a backup that is older than the sender’s position',
    theirs,
    { ...ours, position: 4, session: 's0' },
    true,
    null,
  ],
])(
  'session comparison: detects a fork and the position to offer files from, given %s',
  (_, told, known, isForked, offerSince) => {
    expect(compareSessions(told, known)).toEqual({ isForked, offerSince })
  },
)
