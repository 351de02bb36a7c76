import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { createSemaphore } from '../../../core/lib/async/semaphore.ts'
import { computeDigest, offeredAs } from '../../support/store/file-facts.ts'
import {
  begin,
  beginLarge,
  openAt,
  openLarge,
  sendLarge,
  smallFile,
} from '../../support/store/large-files.ts'
import { until } from '../../support/until.ts'

// The store's threads run here: their start costs more than the tests.
vi.mock('node:worker_threads', async (original) => ({
  ...(await original<typeof import('node:worker_threads')>()),
  Worker: (await import('../../support/threads-here.ts')).ThreadHere,
}))

const DAY_MS = 24 * 60 * 60 * 1000
const told = (content: Buffer) => `${content.length} ${sha256(content)}`
const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex')

describe('partial file', () => {
  const bytes = randomBytes(3 * 1024 * 1024 + 77)

  test('is resumed by this receiver and by the next one, and is removed when the file is complete', async () => {
    const at = await openLarge()
    expect(await beginLarge(at, 'a', bytes, 100_000)).toBe(0)
    expect(await beginLarge(at, 'a', bytes, 2_000_001)).toBe(100_000)
    await at.store.close()
    const next = await openAt(at.root)
    expect(await sendLarge(next, 'a', bytes)).toEqual({ offset: 2_000_001, status: 'durable' })
    expect([at.stored(), at.kept()]).toEqual([{ a: told(bytes) }, []])
  })

  test('is resumed at its full length when all bytes have arrived', async () => {
    const at = await openLarge()
    await beginLarge(at, 'a', bytes, bytes.length)
    expect(await sendLarge(at, 'a', bytes)).toEqual({ offset: bytes.length, status: 'durable' })
    expect(at.kept()).toEqual([])
  })

  test('stays unchanged when the upload that resumes it is aborted while it is read', async () => {
    const at = await openLarge()
    const long = randomBytes(6 * 1024 * 1024)
    await beginLarge(at, 'a', long, 5_000_000)
    const file = begin(at.store, at.source, 'a', long.length, '1')
    const offset = await file.offset
    expect(offset).toBe(5_000_000)
    void file.write(long.subarray(5_000_000))
    await file.abort(true)
    expect(await sendLarge(at, 'a', long)).toEqual({ offset: 5_000_000, status: 'durable' })
  })

  test('is discarded when the digest does not match, and the next upload starts from the first byte', async () => {
    const at = await openLarge()
    await beginLarge(at, 'a', randomBytes(bytes.length), 500_000)
    expect(await sendLarge(at, 'a', bytes)).toEqual({ offset: 500_000, status: 'digest' })
    expect(at.kept()).toEqual([])
    expect(await sendLarge(at, 'a', bytes)).toEqual({ offset: 0, status: 'durable' })
  })

  test('is not resumed for another inode, size, path or source, and is replaced by a newer one of its path', async () => {
    const at = await openLarge()
    await beginLarge(at, 'a', bytes, 1000, 'inode 1')
    expect(await beginLarge(at, 'b', bytes, 1000, 'inode 1')).toBe(0)
    expect(await beginLarge(at, 'a', bytes, 1000, 'inode 2')).toBe(0)
    expect(await beginLarge(at, 'a', bytes.subarray(1), 1000, 'inode 2')).toBe(0)
    expect(at.kept()).toHaveLength(2)
    const other = { store: at.store, source: await at.store.source('pc', 'other') }
    expect(await beginLarge(other, 'a', bytes.subarray(1), 1000, 'inode 2')).toBe(0)
    expect(at.kept()).toHaveLength(3)
  })

  test('stays with its connection while a second one sends the whole file; one content is stored', async () => {
    const at = await openLarge()
    const first = begin(at.store, at.source, 'a', bytes.length, '1')
    await first.write(bytes.subarray(0, 1000))
    expect(await sendLarge(at, 'a', bytes)).toEqual({ offset: 0, status: 'durable' })
    expect(await sendLarge(at, 'a', bytes, 'another inode')).toEqual({ offset: 0, status: 'same' })
    await first.write(bytes.subarray(1000))
    expect((await first.finish(computeDigest(bytes))).status).toBe('same')
    expect([at.stored(), at.kept()]).toEqual([{ a: told(bytes) }, []])
  })

  test('is removed when its path receives content as a whole file or as a copy', async () => {
    const at = await openLarge()
    const { store, source, kept } = at
    const small = Buffer.from('small now')
    const receive = (name: string) => store.receive(smallFile(source, name, small))
    await beginLarge(at, 'a', bytes, 1000)
    expect((await receive('a')).status).toBe('durable')
    await until('it is removed', () => kept().length === 0)
    // Also if it is still being written at that time.
    const half = begin(store, source, 'b', bytes.length, '1')
    await half.write(bytes.subarray(0, 1000))
    await receive('b')
    await half.abort(true)
    expect(kept()).toEqual([])
    await beginLarge(at, 'c', bytes, 1000)
    const copy = { from: { source, path: 'a' }, digest: computeDigest(small), isMoved: false }
    const { signal } = new AbortController()
    await store.copy(offeredAs(source, 'c', small.length), copy, signal, createSemaphore(1))
    await until('it is removed', () => kept().length === 0)
  })

  test('is removed when the sender aborts it, and when it is a week old, together with foreign files beside it', async () => {
    const at = await openLarge()
    const file = begin(at.store, at.source, 'a', bytes.length, '1')
    await file.write(bytes.subarray(0, 1000))
    await file.abort(false)
    expect(at.kept()).toEqual([])
    await beginLarge(at, 'old', bytes, 1000)
    await at.store.close()
    const directory = path.join(at.root, '.holdfast', 'partial', 'pc')
    const [name = ''] = fs.readdirSync(directory)
    const old = new Date(Date.now() - 8 * DAY_MS)
    fs.utimesSync(path.join(directory, name), old, old)
    fs.writeFileSync(path.join(directory, 'foreign'), '')
    await openAt(at.root)
    await until('nothing is left', () => at.kept().length === 0)
  })

  test('is removed when its sender is revoked, even while its last write is under way', async () => {
    const at = await openLarge()
    await beginLarge(at, 'waits', bytes, 1000)
    const file = begin(at.store, at.source, 'a', bytes.length, '1')
    await file.offset
    // Both are under way on the disk while the sender is revoked.
    const written = file.write(bytes.subarray(0, 1000))
    const closed = file.abort(true)
    await at.store.abandon(new Set(['pc']))
    await Promise.all([written, closed])
    expect(at.kept()).toEqual([])
  })

  test('is not read or written through a symbolic link planted under its name', async () => {
    const at = await openLarge()
    await beginLarge(at, 'a', bytes, 1000)
    const directory = path.join(at.root, '.holdfast', 'partial', 'pc')
    const [name = ''] = fs.readdirSync(directory)
    const victim = path.join(at.root, 'victim')
    fs.writeFileSync(victim, 'mine')
    fs.rmSync(path.join(directory, name))
    fs.symlinkSync(victim, path.join(directory, name))
    expect(await sendLarge(at, 'a', bytes)).toEqual({ offset: 0, status: 'durable' })
    expect(fs.readFileSync(victim, 'utf8')).toBe('mine')
    expect(at.kept()).toEqual([])
  })
})

test('large file: a repeated content is answered with same, keeps no version and repairs a damaged file', async () => {
  const bytes = randomBytes(5 * 1024 * 1024)
  const at = await openLarge()
  await sendLarge(at, 'a', bytes)
  const file = path.join(at.root, 'pc', 'data', 'a')
  fs.writeFileSync(file, randomBytes(bytes.length))
  fs.utimesSync(file, 1, 1)
  expect(await sendLarge(at, 'a', bytes)).toEqual({ offset: 0, status: 'same' })
  expect(fs.readFileSync(file).equals(bytes)).toBe(true)
  expect(fs.statSync(file).mtimeMs).toBe(1_600_000_000_500)
  expect([at.kept(), fs.existsSync(path.join(at.root, '.holdfast', 'versions'))]).toEqual([[], false])
})
