import { describe, expect, test } from 'vitest'
import type { FoundDirectory } from '../../../core/backends/destination.ts'
import { ProtocolError } from '../../../core/protocol/codec.ts'
import { type Frame, type FrameHeader, NONCE_BYTES } from '../../../core/protocol/frames.ts'
import { fileStatuses, MAX_DIRECTORIES } from '../../../core/protocol/limits.ts'
import { buildFacts } from '../../support/store/file-facts.ts'
import {
  digest,
  file,
  openSender as open,
  silent,
  small,
  source,
} from '../../support/transfer/sender-session.ts'
import { createRandom, newSeed } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

test('sender session: a source is declared once, before the first frame with its number', async () => {
  const { session, all } = open(10)
  const named = { id: 'b2', name: 'other' }
  const other = { ...named, path: '/other' }
  void session.begin(file, [])
  await until('the first is sent', () => all.length === 2)
  void session.copy(file, [], digest, { source: other, path: 'old', isMoved: false, isTrusted: false })
  await until('the next is sent', () => all.length === 4)
  void session.prove(other, 'file', 5, Buffer.alloc(NONCE_BYTES))
  await until('all are sent', () => all.length === 5)
  expect(all.map(({ type, header }) => [type, 'source' in header ? header.source : null])).toEqual([
    ['source', 0],
    ['begin', 0],
    ['source', 1],
    ['copy', 0],
    ['prove', 1],
  ])
  expect(all[2]?.header).toEqual({ source: 1, ...named })
})

test('sender session: a sample is marked in the frame, and the receiver’s reasons are told apart', async () => {
  const { session, sent } = open(1)
  const nonce = Buffer.alloc(NONCE_BYTES, 4)
  const reasons = {
    'unknown not in the manifest': { kind: 'absent' },
    'unknown ENOENT': { kind: 'absent' },
    'unknown other size': { kind: 'differs' },
    'unknown short': { kind: 'differs' },
    'unknown EIO': { kind: 'unreadable', code: 'EIO' },
    'aborted ': { kind: 'unavailable' },
    'failed x': { kind: 'unavailable' },
  }
  for (const [index, [reason, expected]] of Object.entries(reasons).entries()) {
    const proof = session.prove(source, 'file', 5, nonce, null, true)
    await until('it is asked for', () => sent().length === index + 1)
    const { header } = sent()[index] ?? expect.fail()
    expect(header).toMatchObject({ sample: true })
    const { id } = header as { id: number }
    session.onFrame({ type: 'proof', header: { id, digest: null, reason }, payload: Buffer.alloc(0) })
    expect(await proof).toEqual(expected)
  }
})

test('sender session: a proof request has the nonce, and a proof without a request is a protocol error', async () => {
  const { session, sent } = open(1)
  const nonce = Buffer.alloc(NONCE_BYTES, 4)
  const proof = (id: number, said: Uint8Array | null): Frame => ({
    type: 'proof',
    header: { id, digest: said, reason: said === null ? 'unknown' : '' },
    payload: Buffer.alloc(0),
  })
  const first = session.prove(source, 'file', 5, nonce)
  const second = session.prove(source, 'gone', 5, nonce)
  await until('one is asked for: each costs a file of credit', () => sent().length === 1)
  expect(sent()[0]).toEqual({ type: 'prove', header: { id: 1, source: 0, path: 'file', size: 5, nonce } })
  session.onFrame(proof(1, digest))
  expect(await first).toEqual({ kind: 'digest', digest })
  await until('the other one is asked for', () => sent().length === 2)
  session.onFrame(proof(2, null))
  expect(await second).toEqual({ kind: 'absent' })
  expect(() => session.onFrame(proof(2, digest))).toThrow(ProtocolError)
  const lost = session.prove(source, 'file', 5, nonce)
  await until('the last one is asked for', () => sent().length === 3)
  session.close()
  expect([await lost, await session.prove(source, 'file', 5, nonce)]).toEqual([
    { kind: 'unavailable' },
    { kind: 'unavailable' },
  ])
})

describe('sender session: parent directories', () => {
  const directory = (path: string, mtimeNs = 1n, readAt = 0n): FoundDirectory => ({
    path,
    facts: buildFacts(0, { mtimeNs }),
    readAt,
  })
  const getDirectoryPaths = (frame: { header: object } | undefined): string[] => {
    const { directories = [] } = (frame?.header ?? {}) as { directories?: [number, string, unknown][] }
    return directories.map(([, path]) => path)
  }

  test('a directory is sent once, and again after a change, with small files and with large ones, its newest facts last', async () => {
    const { session, sent } = open(20)
    const send = async (...directories: FoundDirectory[]) => {
      const before = sent().length
      await session.sendSmall([{ ...small, path: 'a/b/c/new' }], directories, silent)
      await until('it is sent', () => sent().length > before)
      return getDirectoryPaths(sent().at(-1))
    }
    expect(await send(directory(''), directory('a'))).toEqual(['', 'a'])
    expect(await send(directory(''), directory('a'))).toEqual([])
    expect(await send(directory('', 2n), directory('a'), directory('a/b'))).toEqual(['', 'a/b'])
    void session.begin({ ...file, path: 'a/b/c/new' }, [directory('a/b'), directory('a/b/c')])
    await until('it is begun', () => sent().at(-1)?.type === 'begin')
    expect(getDirectoryPaths(sent().at(-1))).toEqual(['a/b/c'])
    expect(await send(directory('a/b/c'))).toEqual([])
    expect(await send(directory('a/b/c', 3n, 3n))).toEqual(['a/b/c'])
    // These were read earlier, and waited for their files.
    expect(await send(directory('a/b/c', 2n, 2n))).toEqual([])
  })

  test('a directory of a cancelled group is sent with the next group', async () => {
    const { session, sent } = open()
    let turns = 0
    await session.sendSmall([{ ...small, path: 'a/b/c/new' }], [directory('a')], {
      ...silent,
      onTurn: () => {
        turns += 1
        return false
      },
    })
    await until('it had its turn', () => turns === 1)
    await session.sendSmall([{ ...small, path: 'a/b/c/new' }], [directory('a')], silent)
    await until('the next is sent', () => sent().length === 1)
    expect(getDirectoryPaths(sent()[0])).toEqual(['a'])
  })
})

test('sender session: the directories of a file that was not stored go again with the next file', async () => {
  const { session, sent, answer } = open(4)
  const facts = buildFacts(0, { mode: 0o750 })
  const directories = ['', 'd'].map((path) => ({ path, facts, readAt: 0n }))
  const inD = { ...small, path: 'd/new' }
  const listed = () =>
    sent().map(({ header }) => ('directories' in header ? (header.directories as unknown[]).length : null))
  // The receiver has no such content to copy.
  const copied = session.copy(inD, directories, digest, {
    source,
    path: 'old',
    isMoved: false,
    isTrusted: false,
  })
  await until('the copy is requested', () => sent().length === 1)
  session.onFrame(answer([1, fileStatuses.indexOf('unknown')]))
  expect(await copied).toBeNull()
  await session.sendSmall([inD], directories, silent)
  await session.sendSmall([inD], directories, silent)
  session.onFrame(answer([2, fileStatuses.indexOf('digest')], [3, fileStatuses.indexOf('durable')]))
  await session.sendSmall([inD], directories, silent)
  expect(listed()).toEqual([2, 2, 0, 2])
})

test('sender session: a group with more new directories than a frame takes is sent in several, each with its own', async () => {
  const { session, sent, payloads, answer } = open(512, 10_000)
  const random = createRandom(newSeed('directories of a group'))
  const facts = buildFacts(0)
  const names = Array.from({ length: 100 }, (_, index) => `${index}${'/d'.repeat(Math.floor(random() * 20))}`)
  const files = names.map((name, index) => ({ ...small, path: `${name}/f`, bytes: Buffer.alloc(5, index) }))
  const above = new Set(
    names.flatMap((name) => name.split('/').map((_, at, all) => all.slice(0, at + 1).join('/'))),
  )
  const answered: number[] = []
  await session.sendSmall(
    files,
    ['', ...above].map((path) => ({ path, facts, readAt: 0n })),
    {
      ...silent,
      onResult: (index, { kind }) => answered.push(kind === 'stored' ? index : -1),
    },
  )
  const batches = sent().map(({ header }) => header as FrameHeader<'batch'>)
  expect(batches.length).toBeGreaterThan(1)
  const told = new Set<string>()
  for (const batch of batches) {
    expect(batch.directories.length).toBeLessThanOrEqual(MAX_DIRECTORIES)
    for (const [, path] of batch.directories) told.add(path)
    for (const [, , path] of batch.files) expect(told.has(path.replace(/\/f$/, ''))).toBe(true)
  }
  expect(told.size).toBe(above.size + 1)
  expect(Buffer.concat(payloads.flat())).toEqual(Buffer.concat(files.map(({ bytes }) => bytes)))
  const ids = batches.flatMap((batch) => batch.files.map(([id]) => id))
  session.onFrame(answer(...ids.map((id): [number, number] => [id, fileStatuses.indexOf('durable')])))
  expect(answered).toEqual(files.map((_, index) => index))
})
