import { chmodSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { Bucket } from '../../../core/backends/token-bucket.ts'
import type { TransferResult } from '../../../core/ledger/ledger.ts'
import { ProtocolError } from '../../../core/protocol/codec.ts'
import type { DirectoryEntry, Frame } from '../../../core/protocol/frames.ts'
import { MAX_OPEN_FILES } from '../../../core/protocol/limits.ts'
import { encodeMetadata } from '../../../core/protocol/metadata-codec.ts'
import { directoriesAbove } from '../../../core/send/reading/read.ts'
import { isLarge } from '../../../core/send/transfer/source-worker.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { digest, file, openSender as open, silent, small } from '../../support/transfer/sender-session.ts'
import { until } from '../../support/until.ts'

const lost: TransferResult = { kind: 'lost' }

test('sender session: a copy request has the new path, the old path and the digest, and costs one file of credit', async () => {
  const { session, sent, answer, copy } = open(1)
  const asked = copy()
  const next = copy()
  await until('it is asked for', () => sent().length === 1)
  const names = { source: 0, path: 'new', fromSource: 0, fromPath: 'old', moved: true, directories: [] }
  const facts = encodeMetadata(file.facts)
  expect(sent()[0]).toEqual({ type: 'copy', header: { id: 1, ...names, size: 5, facts, digest } })
  session.onFrame(answer([1, 9]))
  expect(await asked).toBeNull()
  await until('the next one has its credit', () => sent().length === 2)
  session.close()
  expect([await next, await copy()]).toEqual([lost, lost])
})

test('sender session: the result "unknown" is a protocol error for a file that was sent with content', async () => {
  const { session, sent, answer } = open()
  void session.sendSmall([small], [], silent)
  await until('it is sent', () => sent().length === 1)
  expect(() => session.onFrame(answer([1, 9]))).toThrow(ProtocolError)
})

test('sender session: small files that were read together are sent as one frame with one piece of payload', async () => {
  const { session, sent, payloads, answer, use } = open(10)
  const read = Buffer.from('helloworldother')
  const piece = (at: number, name: string) => ({
    ...file,
    path: name,
    bytes: read.subarray(at, at + 5),
    digest,
  })
  const told: [number, TransferResult][] = []
  const lines: string[] = []
  const events = {
    onTurn: () => true,
    onUsed: () => void lines.push('used'),
    onResult: (index: number, said: TransferResult) => void told.push([index, said]),
  }
  await session.sendSmall([piece(0, 'a'), piece(5, 'b'), piece(10, 'c')], [], events)
  expect(payloads[0]?.map(String)).toEqual(['helloworldother'])
  expect(lines).toEqual([])
  use()
  expect(lines).toEqual(['used'])
  const header = sent()[0]?.header as { files: unknown[][] } | undefined
  expect(header?.files.map(([id, , name]) => [id, name])).toEqual([
    [1, 'a'],
    [2, 'b'],
    [3, 'c'],
  ])
  session.onFrame(answer([3, 0], [1, 0]))
  expect(told.map(([index, said]) => [index, said.kind])).toEqual([
    [2, 'stored'],
    [0, 'stored'],
  ])
  session.close()
  expect(told[2]).toEqual([1, lost])
})

test('sender session: a group that is cancelled at its turn is not sent, and its credit pays for the next group', async () => {
  const { session, sent, answer } = open(2)
  const told: string[] = []
  const two = (name: string) =>
    [1, 2].map((count) => ({ ...file, path: name + count, bytes: Buffer.alloc(5), digest }))
  const getNames = (frame: ReturnType<typeof sent>[number] | undefined) =>
    (frame?.header as { files: unknown[][] } | undefined)?.files.map(([, , name]) => name)
  await session.sendSmall(two('halted'), [], {
    onTurn: () => {
      told.push('turn')
      return false
    },
    onUsed: () => void told.push('used'),
    onResult: () => void told.push('answer'),
  })
  await session.sendSmall(two('next'), [], silent)
  await until('the next are sent', () => sent().length === 1)
  expect(getNames(sent()[0])).toEqual(['next1', 'next2'])
  session.onFrame(answer([1, 0], [2, 0]))
  session.close()
  expect(told).toEqual(['turn'])
})

test('sender session: a group without enough credit waits, and each of its files is answered "lost" on close', async () => {
  const { session, sent, answer } = open(2)
  const told: [number, TransferResult][] = []
  const events = {
    ...silent,
    onResult: (index: number, said: TransferResult) => void told.push([index, said]),
  }
  const two = ['a', 'b'].map((path) => ({ ...file, path, bytes: Buffer.alloc(5), digest }))
  expect(session.limits.files).toBe(2)
  await session.sendSmall(two, [], silent)
  void session.sendSmall(two, [], events)
  await until('the first are sent', () => sent().length === 1)
  session.onFrame(answer([1, 0]))
  expect(sent()).toHaveLength(1)
  session.close()
  await until('both are told', () => told.length === 2)
  expect(told).toEqual([
    [0, lost],
    [1, lost],
  ])
})

test('sender session: files of up to 1 MiB are sent whole; a slow rate limit or little credit lowers this size', () => {
  const KIB = 1024
  const bucket = new Bucket()
  const { session } = open(2, 2048 * KIB, { bucket })
  const isMost = (kib: number, to = session) => !isLarge(kib * KIB, to) && isLarge(kib * KIB + 1, to)
  expect(isMost(1024)).toBe(true)
  bucket.setRate(2000 * KIB)
  expect(isMost(500)).toBe(true)
  bucket.setRate(8 * KIB)
  expect(isMost(64)).toBe(true)
  // What a receiver gives no credit for would never go.
  expect(isMost(600, open(2, 600 * KIB).session)).toBe(true)
})

const resume = (id: number, offset: number): Frame => ({
  type: 'resume',
  header: { id, offset },
  payload: Buffer.alloc(0),
})

test('sender session: a large file that can be resumed begins at the offset that the receiver returns', async () => {
  const { session, sent } = open()
  const begun = session.begin(file, [], 'inode.time')
  await until('it is asked', () => sent().length === 1)
  expect(sent()[0]).toMatchObject({ type: 'begin', header: { id: 1, file: 'inode.time' } })
  session.onFrame(resume(1, 3))
  const upload = await begun
  expect(upload?.offset).toBe(3)
  void upload?.abort(true)
  expect(sent()[1]).toEqual({ type: 'abort', header: { id: 1, keep: true } })
})

test('sender session: a large file that is refused or disconnected before it begins does not wait any longer', async () => {
  const { session, sent, answer } = open()
  const refused = session.begin(file, [], '1')
  const gone = session.begin(file, [], '2')
  await until('both are asked', () => sent().length === 2)
  session.onFrame(answer([1, 6]))
  const upload = await refused
  expect(await upload?.chunk(Buffer.alloc(5))).toBe(false)
  session.close()
  expect(await (await gone)?.end(digest)).toEqual(lost)
})

test('sender session: a resume frame that was not requested or is beyond the end of file is a protocol error', async () => {
  const { session, sent } = open()
  void session.begin(file, [])
  void session.begin(file, [], '2')
  await until('both are begun', () => sent().length === 2)
  expect(() => session.onFrame(resume(1, 0))).toThrow(ProtocolError)
  expect(() => session.onFrame(resume(2, 6))).toThrow(ProtocolError)
})

test('sender session: a request made just before the session closes is answered "lost"', async () => {
  for (let turns = 0; turns < 5; turns += 1) {
    const { session, copy } = open(10)
    const answers: (TransferResult | null)[] = []
    const onResult = (_: number, answer: TransferResult) => void answers.push(answer)
    void session.sendSmall([small], [], { ...silent, onResult })
    void copy().then((answer) => answers.push(answer))
    void session.begin(file, []).then(async (upload) => answers.push((await upload?.end(digest)) ?? lost))
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve()
    session.close()
    await until(`all have heard after ${turns} turns`, () => answers.length === 3)
    expect(answers).toEqual([lost, lost, lost])
  }
})

test('sender session: metadata of a directory that were read before those already sent are not sent', async () => {
  const root = temporaryDirectory('session-directories')
  mkdirSync(path.join(root, 'd'))
  const { session, sent } = open(100)
  const uploads = await Promise.all(
    Array.from({ length: MAX_OPEN_FILES }, () => session.begin({ ...file, path: 'other' }, [])),
  )
  const read = () => directoriesAbove({ root, path: 'd/large' })
  chmodSync(path.join(root, 'd'), 0o777)
  // Waits for its place on the line; a small file passes.
  const waiting = session.begin({ ...file, path: 'd/large' }, await read())
  chmodSync(path.join(root, 'd'), 0o700)
  await session.sendSmall([{ ...small, path: 'd/small' }], await read(), silent)
  void uploads[0]?.end(digest)
  await waiting
  const modes = sent().flatMap(({ header }) =>
    'directories' in header
      ? (header.directories as DirectoryEntry[]).flatMap(([, at, words]) => (at === 'd' ? [words[2]] : []))
      : [],
  )
  expect(modes).toEqual([0o700])
})
