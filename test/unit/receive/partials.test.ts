import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { createSemaphore } from '../../../core/pacing/semaphore.ts'
import { beginLarge, digestOf, factsOf, openAt, openLarge, sendLarge } from '../../support/large-files.ts'
import { until } from '../../support/until.ts'

const DAY_MS = 24 * 60 * 60 * 1000

describe('a large file that was not sent to its end', () => {
  const bytes = randomBytes(3 * 1024 * 1024 + 77)

  test('is gone on with, by this receiver and by the next one, and leaves nothing at its end', async () => {
    const { root, store, kept, stored } = openLarge()
    expect(await beginLarge(store, 'a', bytes, 100_000)).toBe(0)
    expect(await beginLarge(store, 'a', bytes, 2_000_001)).toBe(100_000)
    await store.close()
    expect(await sendLarge(openAt(root), 'a', bytes)).toEqual({ offset: 2_000_001, status: 'durable' })
    expect(stored()).toEqual({ a: `${bytes.length} ${digestOf(bytes).toString('hex')}` })
    expect(kept()).toEqual([])
  })

  test('is all there but its end', async () => {
    const { store, kept } = openLarge()
    await beginLarge(store, 'a', bytes, bytes.length)
    expect(await sendLarge(store, 'a', bytes)).toEqual({ offset: bytes.length, status: 'durable' })
    expect(kept()).toEqual([])
  })

  test('stays as it was if its use ends while it is read', async () => {
    const { store } = openLarge()
    const long = randomBytes(6 * 1024 * 1024)
    await beginLarge(store, 'a', long, 5_000_000)
    const file = store.begin(factsOf('a', long.length), '1')
    const offset = await file.offset
    expect(offset).toBe(5_000_000)
    void file.write(long.subarray(5_000_000))
    await file.abort(true)
    expect(await sendLarge(store, 'a', long)).toEqual({ offset: 5_000_000, status: 'durable' })
  })

  test('is thrown away if it does not lead to the digest, and then begins anew', async () => {
    const { store, kept } = openLarge()
    await beginLarge(store, 'a', randomBytes(bytes.length), 500_000)
    expect(await sendLarge(store, 'a', bytes)).toEqual({ offset: 500_000, status: 'digest' })
    expect(kept()).toEqual([])
    expect(await sendLarge(store, 'a', bytes)).toEqual({ offset: 0, status: 'durable' })
  })

  test('is not another file’s beginning: another inode, size or place has its own, and the older one goes', async () => {
    const { store, kept } = openLarge()
    await beginLarge(store, 'a', bytes, 1000, 'inode 1')
    expect(await beginLarge(store, 'b', bytes, 1000, 'inode 1')).toBe(0)
    expect(await beginLarge(store, 'a', bytes, 1000, 'inode 2')).toBe(0)
    expect(await beginLarge(store, 'a', bytes.subarray(1), 1000, 'inode 2')).toBe(0)
    expect(kept()).toHaveLength(2)
  })

  test('goes when its place gets content in any other way', async () => {
    const { store, kept } = openLarge()
    const small = Buffer.from('small now')
    await beginLarge(store, 'a', bytes, 1000)
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
    const { root, kept } = openLarge()
    const store = openAt(root, {}, new URL('../../../cli/workers/store-thread.ts', import.meta.url))
    await beginLarge(store, 'a', bytes, 1_000_000)
    const small = Buffer.from('small')
    const names = ['a', ...Array.from({ length: 63 }, (_, index) => `${index}`)]
    await Promise.all(names.map((name) => store.receive(factsOf(name, 5), small, digestOf(small))))
    await until('it is removed', () => kept().length === 0)
  })

  test('goes when the sender says so, when it is a week old, and whatever else lies there', async () => {
    const { root, store, kept } = openLarge()
    const file = store.begin(factsOf('a', bytes.length), '1')
    await file.write(bytes.subarray(0, 1000))
    await file.abort()
    expect(kept()).toEqual([])
    await beginLarge(store, 'old', bytes, 1000)
    await store.close()
    const directory = path.join(root, '.holdfast', 'partial', 'pc')
    const [name = ''] = fs.readdirSync(directory)
    const old = new Date(Date.now() - 8 * DAY_MS)
    fs.utimesSync(path.join(directory, name), old, old)
    fs.writeFileSync(path.join(directory, 'foreign'), '')
    await openAt(root).clean()
    expect(kept()).toEqual([])
  })

  test('goes when its sender may send no longer, also while its last write keeps it from waiting', async () => {
    const { store, kept } = openLarge()
    await beginLarge(store, 'waits', bytes, 1000)
    const file = store.begin(factsOf('a', bytes.length), '1')
    await file.offset
    // Both are under way on the disk while the sender is revoked.
    const written = file.write(bytes.subarray(0, 1000))
    const closed = file.abort(true)
    await store.abandon(new Set(['pc']))
    await Promise.all([written, closed])
    expect(kept()).toEqual([])
  })

  test('symbolic links planted under its name are not followed', async () => {
    const { root, store, kept } = openLarge()
    await beginLarge(store, 'a', bytes, 1000)
    const directory = path.join(root, '.holdfast', 'partial', 'pc')
    const [name = ''] = fs.readdirSync(directory)
    const victim = path.join(root, 'victim')
    fs.writeFileSync(victim, 'mine')
    fs.rmSync(path.join(directory, name))
    fs.symlinkSync(victim, path.join(directory, name))
    expect(await sendLarge(store, 'a', bytes)).toEqual({ offset: 0, status: 'durable' })
    expect(fs.readFileSync(victim, 'utf8')).toBe('mine')
    expect(kept()).toEqual([])
  })
})

describe('what waits to be gone on with is bounded', () => {
  test('is not opened before it is its turn, and never when its connection is gone by then', async () => {
    const { store } = openLarge()
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
    const { store, kept } = openLarge()
    const bytes = randomBytes(1000)
    for (let index = 0; index < 70; index += 1) await beginLarge(store, `f${index}`, bytes, 10 + index)
    expect(kept()).toHaveLength(64)
    expect(await beginLarge(store, 'f0', bytes, 1)).toBe(0)
    expect(await beginLarge(store, 'f69', bytes, 1)).toBe(79)
  })

  test('it counts against its sender’s quota, and goes where it is in the way', async () => {
    const { store, kept } = openLarge({ quota: { each: { bytes: 5000, files: null }, of: {} } })
    const large = randomBytes(4000)
    const small = randomBytes(3000)
    await beginLarge(store, 'large', large, 3000)
    const attempt = () => store.receive(factsOf('small', small.length), small, digestOf(small))
    expect((await attempt()).status).toBe('full')
    await until('it is removed', () => kept().length === 0)
    expect((await attempt()).status).toBe('durable')
  })

  test('it waits for room, also while another connection asks for that', async () => {
    const quota = (bytes: number) => ({ quota: { each: { bytes, files: null }, of: {} } })
    const { root, store, kept } = openLarge(quota(5000))
    const bytes = randomBytes(4000)
    await beginLarge(store, 'a', bytes, 3000)
    await store.close()
    const tight = openAt(root, quota(3500))
    const begin = () => tight.begin(factsOf('a', bytes.length), '1')
    const [first, second] = [begin(), begin()]
    expect([await first.offset, await second.offset]).toEqual([null, null])
    expect(second.refused).toMatchObject({ status: 'full' })
    await Promise.all([first.abort(true), second.abort(true)])
    expect(kept()).toHaveLength(1)
    await tight.close()
    expect(await sendLarge(openAt(root, quota(5000)), 'a', bytes)).toEqual({
      offset: 3000,
      status: 'durable',
    })
  })

  test('what could not have room without it, too, costs nobody anything', async () => {
    const { store, kept } = openLarge({ quota: { each: { bytes: 5000, files: null }, of: {} } })
    await beginLarge(store, 'large', randomBytes(4000), 3000)
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
    const { store, kept } = openLarge({ quota: { each: { bytes: 5000, files: null }, of: {} } })
    const bytes = randomBytes(2000)
    for (const name of ['oldest', 'older', 'newest']) await beginLarge(store, name, bytes, 1000)
    const small = randomBytes(3500)
    expect((await store.receive(factsOf('small', small.length), small, digestOf(small))).status).toBe('full')
    await until('two are removed', () => kept().length === 1)
    expect(await beginLarge(store, 'newest', bytes, 1)).toBe(1000)
  })
})
