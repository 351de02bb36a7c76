import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Outgoing } from '../../../core/backends/destination.ts'
import { BackendError, type BackendErrorKind } from '../../../core/backends/errors.ts'
import { ObjectSession } from '../../../core/backends/objects/object-session.ts'
import { Bucket } from '../../../core/backends/token-bucket.ts'

import type { TransferResult } from '../../../core/ledger/ledger.ts'
import { computeDigest, createHasher } from '../../../core/platform/digest.ts'
import { DEFAULT_KEEP } from '../../../core/store/retention/retention.ts'
import { memoryObjects } from '../../support/destinations/memory-objects.ts'
import { buildFacts } from '../../support/store/file-facts.ts'
import { until } from '../../support/until.ts'

const source = { id: 's', name: 'data', path: '/data' }
const STORED = { kind: 'stored', position: 0 }
const AT = 1_500_000_000_000_000_000n
const none = { daily: 0, weekly: 0, monthly: 0, yearly: 0 }

function open({ keepsAll = true, keep = DEFAULT_KEEP, compares = true, bucket = new Bucket() } = {}) {
  const memory = memoryObjects()
  const keepAll = vi.fn(async () => undefined)
  const onLost = vi.fn()
  const onTime = vi.fn()
  const own = {
    ...{ epoch: 'e', isNew: false, keepsAll, keepAll, isSame: async () => true },
    getDirectory: async () => 'data',
  }
  const session = new ObjectSession(memory.store, {
    ...{ name: 'cloud', own, folder: 'pc', keep, bucket, asksFirst: false, compares, onLost, onTime },
  })
  onTestFinished(() => session.close())
  const outgoing = (path: string, size: number, changes: Partial<Outgoing> = {}): Outgoing => ({
    ...{ source, path, facts: buildFacts(size, { mtimeNs: AT, mode: 0o644 }), ...changes },
  })
  /** Sends small files, by their paths; returns their results. */
  const sendSmall = async (files: Record<string, string>, changes: Partial<Outgoing> = {}) => {
    const results: TransferResult[] = []
    const onUsed = vi.fn()
    await session.sendSmall(
      Object.entries(files).map(([path, text]) => {
        const bytes = Buffer.from(text)
        return { ...outgoing(path, bytes.length, changes), bytes, digest: computeDigest(bytes) }
      }),
      [],
      {
        ...{ onTurn: () => true, onUsed },
        onResult(index, result) {
          results[index] = result
        },
      },
    )
    expect(onUsed).toHaveBeenCalledOnce()
    return results
  }
  /** Sends a large file in two chunks; returns its result. */
  const sendLarge = async (
    path: string,
    text: string,
    identity?: string,
    changes: Partial<Outgoing> = {},
  ) => {
    const bytes = Buffer.from(text)
    const upload = (await session.begin(outgoing(path, bytes.length, changes), [], identity)) ?? expect.fail()
    const middle = Math.max(upload.offset, Math.ceil(bytes.length / 2))
    for (const piece of [bytes.subarray(upload.offset, middle), bytes.subarray(middle)])
      if (piece.length > 0 && !(await upload.chunk(Buffer.from(piece)))) return upload.abort(true)
    return upload.end(computeDigest(bytes))
  }
  /** Lets this call fail for this name. */
  const fail = (kind: BackendErrorKind, call: string, name = '') => {
    memory.state.before = (made, of) => {
      if (made === call && of.startsWith(name)) throw new BackendError(kind, 'broken')
    }
  }
  const versions = () =>
    Object.entries(memory.list()).flatMap(([name, text]) =>
      name.startsWith('pc/.holdfast/versions/data/') ? [text] : [],
    )
  return { ...memory, session, outgoing, sendSmall, sendLarge, fail, versions, keepAll, onLost, onTime }
}

describe.each(['sendSmall', 'sendLarge'] as const)('object session: %s', (way) => {
  /** Sends one file; returns its result. */
  const send = async (
    opened: ReturnType<typeof open>,
    path: string,
    text: string,
    changes: Partial<Outgoing> = {},
  ) =>
    way === 'sendSmall'
      ? (await opened.sendSmall({ [path]: text }, changes))[0]
      : opened.sendLarge(path, text, undefined, changes)

  test('a file gets its name, and a replaced content becomes an older version', async () => {
    const opened = open()
    expect(await send(opened, 'a', 'one')).toEqual(STORED)
    expect(opened.list()).toEqual({ 'pc/data/a': 'one' })
    expect(await send(opened, 'a', 'two')).toEqual(STORED)
    expect(opened.list()['pc/data/a']).toBe('two')
    expect(opened.versions()).toEqual(['one'])
    expect([...opened.objects.values()].map(({ info }) => info.digest)).toEqual(
      expect.arrayContaining(['one', 'two'].map((text) => computeDigest(Buffer.from(text)))),
    )
  })

  test('a content that is there already is kept, gets its facts, and leaves no version', async () => {
    const opened = open()
    opened.place('pc/data/a', 'one', { mode: 0o600 })
    expect(await send(opened, 'a', 'one')).toEqual(STORED)
    expect(opened.versions()).toEqual([])
    expect(opened.objects.get('pc/data/a')?.info.mode).toBe(0o644)
  })

  test('a content with the right facts that is damaged there is replaced, and kept as a version', async () => {
    const opened = open()
    opened.place('pc/data/a', 'bad', { digest: computeDigest(Buffer.from('one')) })
    expect(await send(opened, 'a', 'one')).toEqual(STORED)
    expect([opened.list()['pc/data/a'], opened.versions()]).toEqual(['one', ['bad']])
  })

  test('with encryption a content is never taken for the one that is sent', async () => {
    const opened = open({ compares: false })
    opened.place('pc/data/a', 'one')
    expect(await send(opened, 'a', 'one')).toEqual(STORED)
    expect(opened.versions()).toEqual(['one'])
  })

  test('a file in the place of a directory is set aside, and a name that no system has is refused', async () => {
    const opened = open()
    opened.place('pc/data/a', 'file')
    opened.place('pc/data/other', 'other')
    // The store says of the new name that it is free, so what is above it is looked for by `freeName` alone.
    opened.place('pc/data/a/b', 'older')
    expect(await send(opened, 'a/b', 'new')).toEqual(STORED)
    expect(opened.versions()).toEqual(['older'])
    opened.objects.delete('pc/data/a/b')
    expect(await send(opened, 'x/../y', 'new')).toMatchObject({ kind: 'rejected' })
  })

  test('after a failed naming the older version is removed again, unless the name has the new content', async () => {
    const opened = open()
    opened.place('pc/data/a', 'one')
    // A store that exchanges: the name keeps its object until the new one has come.
    const { setAside } = opened.store
    opened.store.setAside = async (name, to, isReplaced) => {
      const kept = opened.objects.get(name)
      const is = await setAside(name, to, isReplaced)
      if (kept !== undefined) opened.objects.set(name, kept)
      return is
    }
    opened.fail('full', 'name')
    expect(await send(opened, 'a', 'two!')).toMatchObject({ kind: 'retry', cause: 'destination' })
    expect(opened.list()).toEqual({ 'pc/data/a': 'one' })
    // The store has named it, and said that it has not.
    opened.state.before = (call, name) => {
      if (call !== 'name') return
      opened.place(name, 'two!')
      throw new BackendError('failed', 'late')
    }
    expect(await send(opened, 'a', 'two!')).toMatchObject({ kind: 'retry', cause: 'suspect' })
    expect([opened.list()['pc/data/a'], opened.versions()]).toEqual(['two!', ['one']])
  })

  test('after a lost connection the older version stays, and the session ends', async () => {
    const opened = open()
    opened.place('pc/data/a', 'one')
    opened.fail('lost', 'name')
    expect(await send(opened, 'a', 'two')).toEqual({ kind: 'lost' })
    expect(opened.versions()).toEqual(['one'])
    expect(opened.session.closed).toBe(true)
    expect(opened.onLost).toHaveBeenCalledExactlyOnceWith(expect.any(BackendError))
    expect(await opened.sendSmall({ b: 'b', c: 'c' })).toEqual([{ kind: 'lost' }, { kind: 'lost' }])
    expect(await opened.session.begin(opened.outgoing('b', 1), [])).toBeNull()
    opened.fail('lost', 'read')
    expect(await opened.session.prove(source, 'a', 3, Buffer.alloc(0), null)).toEqual({ kind: 'unavailable' })
    expect(opened.onLost).toHaveBeenCalledOnce()
  })

  test('a content that is stored again keeps the time of its first storing, and its damaged copy is set aside as that', async () => {
    const opened = open()
    const storedAt = 1_550_000_000_000
    opened.place('pc/data/a', 'bad')
    expect(await send(opened, 'a', 'one', { storedAt })).toEqual(STORED)
    expect(opened.objects.get('pc/data/a')?.info.firstStoredAt).toBe(storedAt)
    const [damaged] = [...opened.objects.keys()].filter((name) => name.includes('versions'))
    expect(damaged).toMatch(/\.damaged$/)
    // The object's own time is earlier than the given one, and counts; a missing one has none.
    opened.place('pc/data/b', 'bad', { firstStoredAt: storedAt - 5 })
    await send(opened, 'b', 'one', { storedAt })
    await send(opened, 'c', 'one', { storedAt })
    expect(['b', 'c'].map((name) => opened.objects.get(`pc/data/${name}`)?.info.firstStoredAt)).toEqual([
      storedAt - 5,
      storedAt,
    ])
    // An object with an older time is an earlier content.
    opened.place('pc/data/d', 'old', { mtimeNs: AT - 1_000_000_000n })
    await send(opened, 'd', 'one', { storedAt })
    expect(opened.objects.get('pc/data/d')?.info.firstStoredAt).toBe(storedAt)
    const older = [...opened.objects.keys()].filter((name) => name.includes('versions/data/d/'))
    expect(older).toEqual([expect.not.stringMatching(/damaged/)])
  })

  test('a time that the store cannot keep is reported', async () => {
    const opened = open()
    await send(opened, 'a', 'one', { facts: buildFacts(3, { mtimeNs: AT + 5n }) })
    expect(opened.onTime).not.toHaveBeenCalled()
    opened.store.kept = (facts) => ({ ...facts, mtimeNs: 0n })
    await send(opened, 'b', 'one')
    expect(opened.onTime).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ path: 'b' }))
  })
})

describe('object session', () => {
  test('older versions are thinned where no file was removed at its source, and the newest one stays', async () => {
    const keep = { ...none, withinDays: 0 }
    const opened = open({ keepsAll: false, keep })
    opened.store.lastChange = async () => Date.now()
    for (const text of ['one', 'two', 'three', 'four']) {
      await opened.sendSmall({ a: text })
      await until('it is thinned', () => opened.versions().length <= 1)
    }
    expect(opened.versions()).toEqual(['three'])
    const all = open({ keepsAll: true, keep })
    for (const text of ['one', 'two', 'three', 'four']) await all.sendSmall({ a: text })
    expect(all.versions().sort()).toEqual(['one', 'three', 'two'])
  })

  test('an upload that breaks off leaves a part that the next one resumes, unless the disk was full', async () => {
    const opened = open()
    let writes = 0
    const failAt = (kind: BackendErrorKind) => {
      writes = 0
      opened.state.before = (call) => {
        if (call !== 'write') return
        writes += 1
        if (writes === 2) throw new BackendError(kind, 'broken')
      }
    }
    failAt('failed')
    expect(await opened.sendLarge('a', 'abcdef', 'identity')).toMatchObject({
      kind: 'retry',
      cause: 'suspect',
    })
    opened.state.before = () => undefined
    expect([...opened.state.parts.values()].map(String)).toEqual(['abc'])
    // Of another content, and without an identity, it is not taken.
    for (const identity of ['other', undefined]) {
      const upload = await opened.session.begin(opened.outgoing('a', 6), [], identity)
      expect(upload?.offset).toBe(0)
      await upload?.abort(false)
    }
    expect(await opened.sendLarge('a', 'abcdef', 'identity')).toEqual(STORED)
    expect(opened.list()['pc/data/a']).toBe('abcdef')
    expect(opened.calls.filter((call) => call.startsWith('write'))).toHaveLength(3)
    opened.state.parts.clear()
    failAt('full')
    expect(await opened.sendLarge('b', 'abcdef', 'identity')).toMatchObject({
      kind: 'retry',
      cause: 'destination',
    })
    failAt('failed')
    await opened.sendLarge('b', 'abcdef')
    expect(opened.state.parts.size).toBe(0)
  })

  test('an upload that cannot be finished is removed, and its place is free for the next one', async () => {
    const opened = open()
    for (let count = 0; count < 20; count += 1) {
      opened.fail('failed', ['begin', 'finish', 'info'][count % 3] ?? '')
      expect(await opened.sendLarge('a', 'abcdef', 'identity')).toMatchObject({ kind: 'retry' })
    }
    opened.state.before = () => undefined
    expect(opened.calls.filter((call) => call.startsWith('abort')).length).toBeGreaterThan(0)
    for (let count = 0; count < 20; count += 1)
      expect(await opened.sendLarge('a', `${count}`)).toEqual(STORED)
    expect(opened.state.parts.size).toBe(0)
  })

  test('a file that is larger than the free space is not begun; an unknown space is no reason', async () => {
    const opened = open()
    const send = async (free: number, total: number, identity?: string) => {
      opened.state.space = { free, total }
      return opened.sendLarge('a', 'abcdef', identity)
    }
    expect(await send(5, 100)).toMatchObject({ kind: 'retry', cause: 'destination' })
    expect(opened.list()).toEqual({})
    expect(await send(6, 100)).toEqual(STORED)
    expect(await send(0, 0)).toEqual(STORED)
    opened.store.space = async () => {
      throw new BackendError('failed', 'unknown')
    }
    expect(await send(0, 100)).toEqual(STORED)
  })

  test('small files: some go at a time, and all go; a cancelled group sends nothing, and leaves the line free', async () => {
    const opened = open()
    const onResult = vi.fn()
    const onUsed = vi.fn()
    const bytes = Buffer.from('x')
    const file = { ...opened.outgoing('x', 1), bytes, digest: computeDigest(bytes) }
    await opened.session.sendSmall([file], [], { onTurn: () => false, onUsed, onResult })
    expect([onUsed, onResult].map(({ mock }) => mock.calls.length)).toEqual([0, 0])
    const names = Array.from({ length: 30 }, (_, index) => `f${index}`)
    const groups = [names.slice(0, 10), names.slice(10, 20), names.slice(20)]
    const results = await Promise.all(
      groups.map((group) => opened.sendSmall(Object.fromEntries(group.map((name) => [name, name])))),
    )
    expect(results.flat()).toEqual(names.map(() => STORED))
    expect(Object.keys(opened.list()).sort()).toEqual(names.map((name) => `pc/data/${name}`).sort())
  })

  test.each<[BackendErrorKind, object]>([
    ['full', { kind: 'retry', cause: 'destination', reason: { key: 'transfer.objects.full' } }],
    ['denied', { kind: 'retry', cause: 'destination', reason: { key: 'transfer.objects.denied' } }],
    ['impossible', { kind: 'rejected', reason: { key: 'transfer.objects.impossible' } }],
    ['tooLarge', { kind: 'retry', cause: 'file', reason: { key: 'transfer.objects.tooLarge' } }],
    ['exists', { kind: 'retry', cause: 'file', reason: null }],
    ['failed', { kind: 'retry', cause: 'suspect', reason: { key: 'transfer.objects.failed' } }],
  ])('an error %j of the store is the result of its file, and others are stored', async (kind, expected) => {
    const opened = open()
    opened.fail(kind, 'put', 'pc/data/b')
    expect(await opened.sendSmall({ a: 'a', b: 'b', c: 'c' })).toMatchObject([STORED, expected, STORED])
    expect(opened.session.closed).toBe(false)
  })

  test('a proof has the digest of the nonce and the content; it keeps all versions, a sample does not', async () => {
    const opened = open()
    opened.place('pc/data/a', 'one')
    const nonce = Buffer.alloc(32, 7)
    const prove = (path: string, size: number, isSample: boolean) =>
      opened.session.prove(source, path, size, nonce, null, isSample)
    const hasher = createHasher()
    hasher.update(nonce)
    hasher.update(Buffer.from('one'))
    const proven = { kind: 'digest', digest: hasher.digest() }
    expect(await prove('a', 3, true)).toEqual(proven)
    expect(opened.keepAll).not.toHaveBeenCalled()
    expect(await prove('a', 3, false)).toEqual(proven)
    expect(opened.keepAll).toHaveBeenCalledOnce()
    expect(await prove('a', 4, true)).toEqual({ kind: 'differs' })
    expect(await prove('a', 2, true)).toEqual({ kind: 'differs' })
    expect(await prove('none', 3, true)).toEqual({ kind: 'absent' })
    opened.fail('failed', 'read')
    expect(await prove('a', 3, true)).toEqual({ kind: 'unavailable' })
    opened.fail('cold', 'read')
    expect(await prove('a', 3, true)).toEqual({ kind: 'cold' })
    expect(await prove('a', 4, true)).toEqual({ kind: 'differs' })
    expect(await prove('none', 4, true)).toEqual({ kind: 'absent' })
    opened.state.before = (call) => {
      throw new BackendError(call === 'read' ? 'cold' : 'failed', 'broken')
    }
    expect(await prove('a', 3, true)).toEqual({ kind: 'unavailable' })
  })

  test('a copy is found under its own name by its content, or trusted by its facts', async () => {
    const opened = open()
    const digest = computeDigest(Buffer.from('one'))
    const copy = (from: object, changes: Partial<Outgoing> = {}) =>
      opened.session.copy(opened.outgoing('a', 3, changes), [], digest, {
        ...{ source, path: 'a', isMoved: false, isTrusted: false, ...from },
      })
    expect(await copy({})).toBeNull()
    opened.place('pc/data/a', 'bad', { digest: null, mode: 0o600 })
    expect(await copy({})).toBeNull()
    expect(opened.objects.get('pc/data/a')?.info.mode).toBe(0o600)
    expect(await copy({ isTrusted: true })).toEqual(STORED)
    expect(opened.objects.get('pc/data/a')?.info.mode).toBe(0o644)
    opened.place('pc/data/a', 'one', { digest: null })
    expect(await copy({})).toEqual(STORED)
    // Another time: only a trusted content that was sent with that time is the same.
    const later = { facts: buildFacts(3, { mtimeNs: AT + 5_000_000_000n, mode: 0o644 }) }
    expect(await copy({}, later)).toBeNull()
    expect(await copy({ isTrusted: true }, later)).toBeNull()
    expect(await copy({ isTrusted: true, lostNs: 7n, storedNs: AT }, later)).toBeNull()
    expect(await copy({ isTrusted: true, storedNs: AT }, later)).toEqual(STORED)
    expect(opened.objects.get('pc/data/a')?.info.mtimeNs).toBe(AT + 5_000_000_000n)
    opened.fail('failed', 'info')
    expect(await copy({})).toMatchObject({ kind: 'retry', cause: 'suspect' })
  })
})
