import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createSemaphore } from '../../../core/pacing/semaphore.ts'
import type { FileFacts } from '../../../core/receive/file-facts.ts'
import { openAdmission } from '../../../core/receive/limits/admission.ts'
import type { StoreRules } from '../../../core/receive/limits/rules.ts'
import { DEFAULT_RULES } from '../../../core/receive/limits/rules.ts'
import type { Store } from '../../../core/receive/store/store.ts'
import { openStore } from '../../../core/receive/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { treeOf } from '../../support/transfer.ts'
import { until } from '../../support/until.ts'

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
const DAY_MS = 24 * 60 * 60 * 1000

function factsOf(name: string, size: number): FileFacts {
  return { folder: 'pc', source: 'data', path: name, size, mtimeMs: 1_600_000_000_500, mode: 0o640 }
}

function openAt(root: string, rules: Partial<StoreRules> = {}, thread: URL | null = null): Store {
  const admission = openAdmission(root, { ...DEFAULT_RULES, ...rules }, Promise.resolve(), () => ({
    files: 0,
    bytes: 0,
  }))
  const store = openStore(root, {
    thread,
    journal: { record: () => Promise.resolve(), announce: () => Promise.resolve() },
    admission,
  })
  onTestFinished(() => store.close())
  return store
}

function open(rules: Partial<StoreRules> = {}) {
  const root = temporaryDirectory('partials')
  const kept = () => Object.values(treeOf(path.join(root, '.holdfast', 'partial')))
  const stored = () => treeOf(path.join(root, 'pc', 'data'))
  return { root, store: openAt(root, rules), kept, stored }
}

/** Sends the first `part` bytes, as far as they are missing, and loses the connection. */
async function begin(
  store: Store,
  name: string,
  bytes: Buffer,
  part: number,
  identity = '1',
): Promise<number | null> {
  const file = store.begin(factsOf(name, bytes.length), identity)
  const offset = await file.offset
  if (offset !== null && offset < part) await file.write(bytes.subarray(offset, part))
  await file.abort(true)
  return offset
}

async function send(store: Store, name: string, bytes: Buffer, identity = '1') {
  const file = store.begin(factsOf(name, bytes.length), identity)
  const offset = await file.offset
  if (offset !== null && offset < bytes.length) await file.write(bytes.subarray(offset))
  const { status } = await file.finish(digestOf(bytes))
  return { offset, status }
}

describe('a large file that was not sent to its end', () => {
  const bytes = randomBytes(3 * 1024 * 1024 + 77)

  test('is gone on with, by this receiver and by the next one, and leaves nothing at its end', async () => {
    const { root, store, kept, stored } = open()
    expect(await begin(store, 'a', bytes, 100_000)).toBe(0)
    expect(await begin(store, 'a', bytes, 2_000_001)).toBe(100_000)
    await store.close()
    expect(await send(openAt(root), 'a', bytes)).toEqual({ offset: 2_000_001, status: 'durable' })
    expect(stored()).toEqual({ a: `${bytes.length} ${digestOf(bytes).toString('hex')}` })
    expect(kept()).toEqual([])
  })

  test('is all there but its end', async () => {
    const { store, kept } = open()
    await begin(store, 'a', bytes, bytes.length)
    expect(await send(store, 'a', bytes)).toEqual({ offset: bytes.length, status: 'durable' })
    expect(kept()).toEqual([])
  })

  test('stays as it was if its use ends while it is read', async () => {
    const { store } = open()
    const long = randomBytes(6 * 1024 * 1024)
    await begin(store, 'a', long, 5_000_000)
    const file = store.begin(factsOf('a', long.length), '1')
    const offset = await file.offset
    expect(offset).toBe(5_000_000)
    void file.write(long.subarray(5_000_000))
    await file.abort(true)
    expect(await send(store, 'a', long)).toEqual({ offset: 5_000_000, status: 'durable' })
  })

  test('is thrown away if it does not lead to the digest, and then begins anew', async () => {
    const { store, kept } = open()
    await begin(store, 'a', randomBytes(bytes.length), 500_000)
    expect(await send(store, 'a', bytes)).toEqual({ offset: 500_000, status: 'digest' })
    expect(kept()).toEqual([])
    expect(await send(store, 'a', bytes)).toEqual({ offset: 0, status: 'durable' })
  })

  test('is not another file’s beginning: another inode, size or place has its own, and the older one goes', async () => {
    const { store, kept } = open()
    await begin(store, 'a', bytes, 1000, 'inode 1')
    expect(await begin(store, 'b', bytes, 1000, 'inode 1')).toBe(0)
    expect(await begin(store, 'a', bytes, 1000, 'inode 2')).toBe(0)
    expect(await begin(store, 'a', bytes.subarray(1), 1000, 'inode 2')).toBe(0)
    expect(kept()).toHaveLength(2)
  })

  test('goes when its place gets content in any other way', async () => {
    const { store, kept } = open()
    const small = Buffer.from('small now')
    await begin(store, 'a', bytes, 1000)
    expect((await store.receive(factsOf('a', small.length), small, digestOf(small))).status).toBe('durable')
    expect(kept()).toEqual([])
    // Also if it is still being written at that time.
    const half = store.begin(factsOf('a', bytes.length), '1')
    await half.write(bytes.subarray(0, 1000))
    await store.receive(factsOf('a', small.length), small, digestOf(small))
    await half.abort(true)
    expect(kept()).toEqual([])
  })

  test('goes when its place gets content among many small files', async () => {
    const { root, kept } = open()
    const store = openAt(root, {}, new URL('../../../cli/workers/store-thread.ts', import.meta.url))
    await begin(store, 'a', bytes, 1_000_000)
    const small = Buffer.from('small')
    const names = ['a', ...Array.from({ length: 63 }, (_, index) => `${index}`)]
    await Promise.all(names.map((name) => store.receive(factsOf(name, 5), small, digestOf(small))))
    await until('it is removed', () => kept().length === 0)
  })

  test('goes when the sender says so, when it is a week old, and whatever else lies there', async () => {
    const { root, store, kept } = open()
    const file = store.begin(factsOf('a', bytes.length), '1')
    await file.write(bytes.subarray(0, 1000))
    await file.abort()
    expect(kept()).toEqual([])
    await begin(store, 'old', bytes, 1000)
    await store.close()
    const directory = path.join(root, '.holdfast', 'partial', 'pc')
    const [name = ''] = fs.readdirSync(directory)
    const old = new Date(Date.now() - 8 * DAY_MS)
    fs.utimesSync(path.join(directory, name), old, old)
    fs.writeFileSync(path.join(directory, 'foreign'), '')
    await openAt(root).clean()
    expect(kept()).toEqual([])
  })

  test('is taken over from a connection that is not known to be dead', async () => {
    const { store, kept } = open()
    const dead = store.begin(factsOf('a', bytes.length), '1')
    await dead.write(bytes.subarray(0, 1_000_000))
    expect(await send(store, 'a', bytes)).toEqual({ offset: 1_000_000, status: 'durable' })
    expect(dead.refused).toEqual({ status: 'aborted', detail: '' })
    await dead.write(bytes)
    expect((await dead.finish(digestOf(bytes))).status).toBe('aborted')
    expect(kept()).toEqual([])
  })

  test('is taken over also when as many as may be written at a time are, while all of them are written', async () => {
    const { store } = open()
    const names = Array.from({ length: 64 }, (_, index) => `f${index}`)
    const beginOne = (name: string) => store.begin(factsOf(name, 40 * 1024), '1')
    const before = names.map(beginOne)
    await Promise.all(before.map(({ offset }) => offset))
    // More than is written in one call: the second call comes after the first step of who takes it over.
    for (const file of before)
      for (let count = 0; count < 20; count += 1) void file.write(bytes.subarray(0, 1024))
    const after = names.map(beginOne)
    expect(await Promise.all(after.map(({ offset }) => offset))).toEqual(names.map(() => 20 * 1024))
    expect(before.map(({ refused }) => refused?.status)).toEqual(names.map(() => 'aborted'))
    const last = bytes.subarray(0, 1024)
    const another = store.begin({ ...factsOf('another', last.length), folder: 'other' })
    void another.write(last)
    expect(await another.finish(digestOf(last))).toMatchObject({ status: 'durable' })
  })

  test('is taken over while its end is being made durable: one of the two stores it', async () => {
    const { store, kept, stored } = open()
    const first = store.begin(factsOf('a', bytes.length), '1')
    void first.write(bytes)
    const [one, other] = await Promise.all([first.finish(digestOf(bytes)), send(store, 'a', bytes)])
    expect([one.status, other.status].filter((status) => status === 'durable')).not.toEqual([])
    expect(Object.keys(stored())).toEqual(['a'])
    expect(kept()).toEqual([])
  })

  test('symbolic links planted under its name are not followed', async () => {
    const { root, store, kept } = open()
    await begin(store, 'a', bytes, 1000)
    const directory = path.join(root, '.holdfast', 'partial', 'pc')
    const [name = ''] = fs.readdirSync(directory)
    const victim = path.join(root, 'victim')
    fs.writeFileSync(victim, 'mine')
    fs.rmSync(path.join(directory, name))
    fs.symlinkSync(victim, path.join(directory, name))
    expect(await send(store, 'a', bytes)).toEqual({ offset: 0, status: 'durable' })
    expect(fs.readFileSync(victim, 'utf8')).toBe('mine')
    expect(kept()).toEqual([])
  })
})

describe('what waits to be gone on with is bounded', () => {
  test('is not opened before it is its turn, and never when its connection is gone by then', async () => {
    const { store } = open()
    const bytes = randomBytes(1000)
    const turns = createSemaphore(1)
    const [first, second, third] = ['a', 'b', 'c'].map((name) =>
      store.begin(factsOf(name, bytes.length), '1', turns),
    )
    expect(await first?.offset).toBe(0)
    let isOpen = false
    void second?.offset.then(() => {
      isOpen = true
    })
    const gone = third?.abort(true)
    await first?.write(bytes)
    expect(isOpen).toBe(false)
    expect(await first?.finish(digestOf(bytes))).toMatchObject({ status: 'durable' })
    expect(await second?.offset).toBe(0)
    await second?.abort()
    await gone
    expect([await third?.offset, turns.available]).toEqual([null, 1])
  })

  test('64 of a sender, the oldest goes first', async () => {
    const { store, kept } = open()
    const bytes = randomBytes(1000)
    for (let index = 0; index < 70; index += 1) await begin(store, `f${index}`, bytes, 10 + index)
    expect(kept()).toHaveLength(64)
    expect(await begin(store, 'f0', bytes, 1)).toBe(0)
    expect(await begin(store, 'f69', bytes, 1)).toBe(79)
  })

  test('it counts against its sender’s quota, and goes where it is in the way', async () => {
    const { store, kept } = open({ quota: { each: { bytes: 5000, files: null }, of: {} } })
    const large = randomBytes(4000)
    const small = randomBytes(3000)
    await begin(store, 'large', large, 3000)
    const attempt = () => store.receive(factsOf('small', small.length), small, digestOf(small))
    expect((await attempt()).status).toBe('full')
    await until('it is removed', () => kept().length === 0)
    expect((await attempt()).status).toBe('durable')
  })

  test('what could not have room without it, too, costs nobody anything', async () => {
    const { store, kept } = open({ quota: { each: { bytes: 5000, files: null }, of: {} } })
    await begin(store, 'large', randomBytes(4000), 3000)
    for (const size of [6000, 2 ** 52]) {
      const file = store.begin({ ...factsOf('larger', size), folder: size > 6000 ? 'other' : 'pc' }, '1')
      await file.offset
      expect(file.refused?.status).toBe('full')
      await file.abort()
    }
    await new Promise(setImmediate)
    expect(kept()).toHaveLength(1)
  })

  test('the sender’s own go first, then the oldest, and no more than are in the way', async () => {
    const { store, kept } = open({ quota: { each: { bytes: 5000, files: null }, of: {} } })
    const bytes = randomBytes(2000)
    for (const name of ['oldest', 'older', 'newest']) await begin(store, name, bytes, 1000)
    const small = randomBytes(3500)
    expect((await store.receive(factsOf('small', small.length), small, digestOf(small))).status).toBe('full')
    await until('two are removed', () => kept().length === 1)
    expect(await begin(store, 'newest', bytes, 1)).toBe(1000)
  })
})
