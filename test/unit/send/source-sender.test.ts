import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Session } from '../../../core/backends/destination.ts'
import type { QueuedFile, TransferResult } from '../../../core/ledger/ledger.ts'
import type { FileStat } from '../../../core/platform/file-metadata.ts'
import { batchBuffers } from '../../../core/protocol/frame-buffers.ts'
import type { Content } from '../../../core/send/reading/read-result.ts'
import type { Readers } from '../../../core/send/reading/readers.ts'
import type { Shared } from '../../../core/send/transfer/attempt.ts'
import { createWindows, type Priority, type Window } from '../../../core/send/transfer/attempt.ts'
import { createFileSender } from '../../../core/send/transfer/source-worker.ts'
import { buildFacts } from '../../support/store/file-facts.ts'
import { fakeSession } from '../../support/transfer/fake-session.ts'

/** What the disk of the test says next; a test that wants a hang gives a promise that never ends. */
const disk = vi.hoisted(() => ({
  offset: 0,
  chunk: async (): Promise<Buffer | null> => null,
  small: async (): Promise<Content> => never,
}))
vi.mock('../../../core/send/reading/read.ts', async (original) => ({
  ...(await original<typeof import('../../../core/send/reading/read.ts')>()),
  openReading: async (_file: unknown, offered: FileStat) => ({
    facts: buildFacts(offered.size),
    stat: offered,
    next: () => disk.chunk(),
    finish: async () => Buffer.alloc(32),
    close: async () => undefined,
  }),
  directoriesAbove: async () => [],
}))

const source = { id: 's', path: '/s', name: 's', groupWriteMark: false, paused: false }
const due = (size: number): QueuedFile => ({
  ...{
    id: 1,
    generation: 1,
    source: 's',
    path: 'file',
    size,
    attempts: 0,
    digest: null,
    isTrusted: false,
    storedNs: 0n,
  },
  ...{ mtimeNs: 1n, ctimeNs: 1n, inode: 1n, device: 1n },
})
const whereabouts = () => 'there' as const
const read: Readers['read'] = (_, { files, take }) => {
  void Promise.all(files.map(() => disk.small())).then((found) => take(found, []))
}
const nothing = () => undefined
const buildContent = (bytes: Buffer): Content => ({
  ...{ kind: 'content', bytes, digest: Buffer.alloc(32), fixity: {}, facts: buildFacts(bytes.length) },
})
const vanished = { kind: 'failed', code: 'ENOENT' } as const
const isBelowAway = () => false
const buildShared = () => ({
  read,
  whereabouts,
  sentElsewhere: () => new Map(),
  moving: new Set<number>(),
  findSource: () => null,
  isBelowAway,
  onOtherContent: nothing,
  contentSentAt: () => null,
  onBytes: nothing,
  onSkipped: nothing,
})
const never = new Promise<never>(() => undefined)
const newWindow = (priority?: Priority): Window => createWindows().of('s', priority)
const open = (shared: Shared, mayGoOn = () => true, window = newWindow()) =>
  createFileSender({ source, shared, window, mayGoOn })

const stored: TransferResult = { kind: 'stored', position: 1 }
const aborted: TransferResult = { kind: 'retry', cause: 'file', reason: null }

function recordingSession() {
  const said: string[] = []
  const say = async <T>(word: string, answer: T): Promise<T> => {
    said.push(word)
    return answer
  }
  const session = fakeSession({
    sendSmall: async () => undefined,
    begin: async () => ({
      offset: 0,
      chunk: async () => said.push('chunk') > 0,
      zeros: async () => said.push('zeros') > 0,
      end: () => say('end', stored),
      abort: () => say('abort', aborted),
    }),
    copy: () => say('copy', null),
  })
  return { session, said }
}

describe('source worker', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('a pause stops a large file at its next chunk and returns it without a result', async () => {
    let paused = false
    let chunks = 0
    disk.chunk = async () => {
      chunks += 1
      if (chunks === 3) paused = true
      return Buffer.alloc(10)
    }
    const { session, said } = recordingSession()
    const shared = buildShared()
    const sender = open(shared, () => !paused)
    const attempt = await new Promise<TransferResult>(
      (done) => void sender.send([due(1e9)], session, (_, ended) => done(ended), nothing),
    )
    expect(attempt).toEqual({ kind: 'lost' })
    expect(said).toEqual(['chunk', 'chunk', 'abort'])
  })

  test('a large file on a hanging disk aborts its transfer and keeps its window place until the disk answers', async () => {
    let answer: (bytes: Buffer) => void = () => undefined
    disk.chunk = () => new Promise((resolve) => (answer = resolve))
    const { session, said } = recordingSession()
    const window = newWindow('low')
    const shared = buildShared()
    const sender = open(shared, () => true, window)
    const done = vi.fn()
    await sender.send([due(1e9)], session, done, nothing)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(said).toEqual(['abort'])
    expect(done).not.toHaveBeenCalled()
    expect(window.hasRoomForLarge).toBe(false)
    answer(Buffer.alloc(10))
    await vi.advanceTimersByTimeAsync(0)
    expect(done).toHaveBeenCalledWith(due(1e9), { kind: 'lost' })
    expect(window.hasRoomForLarge).toBe(true)
  })

  test('files of 1 MB that wait for their answer make room for others, files of 1 GB do not', async () => {
    disk.chunk = async () => null
    const { session } = recordingSession()
    const answered = new Promise<TransferResult>(() => undefined)
    const end = vi.fn(() => answered)
    const slow: Session = {
      ...session,
      begin: async () => ({ offset: 0, chunk: async () => true, end, abort: () => answered }),
    }
    const sender = open(buildShared())
    const onRoom = vi.fn()
    const send = async (size: number) => {
      await sender.send([due(size)], slow, nothing, onRoom)
      await vi.advanceTimersByTimeAsync(0)
    }
    for (let count = 0; count < 12; count += 1) await send(1e6)
    expect([end.mock.calls.length, onRoom.mock.calls.length]).toEqual([12, 12])
    expect(sender.hasRoomFor(1e6, slow)).toBe(true)
    for (let count = 0; count < 2; count += 1) await send(1e9)
    expect([end.mock.calls.length, onRoom.mock.calls.length]).toEqual([14, 12])
    expect([sender.hasRoomFor(1e6, slow), sender.hasRoomFor(10, slow)]).toEqual([false, true])
  })

  test('a read buffer is reused after the connection has sent it, even if a file in it was not sent', async () => {
    const room = batchBuffers.takeRoom()
    const content = buildContent(room.subarray(0, 5))
    const isFree = () => {
      const taken = batchBuffers.take()
      if (taken.buffer !== room.buffer) batchBuffers.give(taken)
      return taken.buffer === room.buffer
    }
    let used: () => void = nothing
    const session = fakeSession({
      async sendSmall(files, _directories, { onUsed }) {
        expect(files).toHaveLength(1)
        used = onUsed
      },
    })
    const shared: Shared = {
      ...buildShared(),
      read: (_, { take }) => take([vanished, content], []),
    }
    const sender = open(shared)
    await sender.send([due(5), due(5)], session, nothing, nothing)
    await vi.advanceTimersByTimeAsync(0)
    expect(isFree()).toBe(false)
    used()
    expect(isFree()).toBe(true)
  })

  test.each([
    ['read', () => [false]],
    ['waiting for the connection', () => [true, true, false]],
  ])('small files that are %s when a pause begins are returned without a result', async (_, answers) => {
    const room = batchBuffers.takeRoom()
    const bytes = room.subarray(0, 5)
    const left = answers()
    let turn: () => boolean = () => true
    const session = fakeSession({
      async sendSmall(_files, _directories, { onTurn }) {
        turn = onTurn
      },
    })
    let found: () => void = nothing
    const window = newWindow()
    const shared: Shared = {
      ...buildShared(),
      read: (_source, { take }) => {
        found = () => take([buildContent(bytes)], [])
      },
    }
    let isRead = false
    const sender = open(shared, () => !isRead || (left.shift() ?? false), window)
    const done = vi.fn()
    await sender.send([due(5)], session, done, nothing)
    isRead = true
    found()
    await vi.advanceTimersByTimeAsync(0)
    if (left.length > 0) {
      expect([turn(), done.mock.calls.length]).toEqual([true, 0])
      expect(turn()).toBe(false)
    }
    expect(done.mock.calls).toEqual([[due(5), { kind: 'lost' }]])
    // More than there is goes alone.
    await window.acquire(1e9)
    const again = batchBuffers.take()
    expect(again.buffer).toBe(room.buffer)
  })

  test('small files on a hanging disk fill only the window of their own source', async () => {
    disk.small = () => never
    const { session } = recordingSession()
    const windows = createWindows()
    const shared = buildShared()
    const sender = open(shared, () => true, windows.of('s'))
    const begun = vi.fn()
    for (let count = 0; count < 200; count += 1) {
      void sender.send([due(200_000)], session, nothing, nothing).then(begun)
    }
    await vi.advanceTimersByTimeAsync(20_000)
    // 32 MiB, with what each costs besides.
    expect(begun).toHaveBeenCalledTimes(166)
    const other = windows.of('other')
    await other.acquire(8e6)
    await other.acquire(8e6)
    // The same source, configured anew, gets no new window.
    const again = open(shared, () => true, windows.of('s'))
    void again.send([due(200_000)], session, nothing, nothing).then(begun)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(begun).toHaveBeenCalledTimes(166)
  })
})
