import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { digestOf, factsOf } from '../../support/file-facts.ts'
import { beginLarge, openAt, openLarge, sendLarge } from '../../support/large-files.ts'
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
