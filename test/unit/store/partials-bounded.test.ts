import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
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
import { threadJobs } from '../../support/threads-here.ts'
import { until } from '../../support/until.ts'

vi.mock('node:worker_threads', async (original) => ({
  ...(await original<typeof import('node:worker_threads')>()),
  Worker: (await import('../../support/threads-here.ts')).ThreadHere,
}))

/** Beside it names take room, too: a few KiB. */
const quota = (bytes: number) => ({ quota: { each: { bytes, files: null }, of: {} } })

describe('partial file limits', () => {
  test('a large file is opened only in its turn, and never when its connection has closed by then', async () => {
    const { store, source } = await openLarge()
    const bytes = randomBytes(1000)
    const turns = createSemaphore(1)
    const [first, second, third] = ['a', 'b', 'c'].map((name) =>
      store.begin(offeredAs(source, name, bytes.length), { identity: '1', turns }),
    )
    expect(await first?.offset).toBe(0)
    let isOpen = false
    void second?.offset.then(() => {
      isOpen = true
    })
    const gone = third?.abort(true)
    await first?.write(bytes)
    expect(isOpen).toBe(false)
    expect(await first?.finish(computeDigest(bytes))).toMatchObject({ status: 'durable' })
    expect(await second?.offset).toBe(0)
    await second?.abort(false)
    await gone
    expect([await third?.offset, turns.tryAcquire()]).toEqual([null, true])
  })

  test('a sender keeps at most 64 partial files, and the oldest is removed first', async () => {
    const at = await openLarge()
    const bytes = randomBytes(1000)
    for (let index = 0; index < 70; index += 1) await beginLarge(at, `f${index}`, bytes, 10 + index)
    expect(at.kept()).toHaveLength(64)
    expect(await beginLarge(at, 'f0', bytes, 1)).toBe(0)
    expect(await beginLarge(at, 'f69', bytes, 1)).toBe(79)
  })

  test('a partial file counts towards its sender’s quota, and is removed when a new file needs the space', async () => {
    const at = await openLarge(quota(500_000))
    const small = smallFile(at.source, 'small', randomBytes(300_000))
    await beginLarge(at, 'large', randomBytes(400_000), 300_000)
    expect((await at.store.receive({ ...small })).status).toBe('full')
    await until('it is removed', () => at.kept().length === 0)
    expect((await at.store.receive({ ...small })).status).toBe('durable')
  })

  test('a complete file counts towards the quota while it waits for its commit', async () => {
    const at = await openLarge(quota(500_000))
    const large = randomBytes(400_000)
    await beginLarge(at, 'a', large, 300_000)
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let isHeld = false
    threadJobs.before = async (kind) => {
      isHeld ||= kind === 'round'
      if (kind === 'round') await held
    }
    onTestFinished(() => {
      threadJobs.before = async () => undefined
    })
    const finished = sendLarge(at, 'a', large)
    await until('it waits for its place', () => isHeld)
    const small = smallFile(at.source, 'small', randomBytes(150_000))
    expect((await at.store.receive({ ...small })).status).toBe('full')
    release()
    expect((await finished).status).toBe('durable')
    expect((await at.store.receive(small)).status).toBe('full')
  })

  test('a partial file stops counting towards the quota when its file is stored or refused', async () => {
    const at = await openLarge(quota(680_000))
    const large = randomBytes(400_000)
    const receive = (name: string, bytes: number) =>
      at.store.receive(smallFile(at.source, name, randomBytes(bytes)))
    await beginLarge(at, 'a', large, 300_000)
    expect((await sendLarge(at, 'a', large)).status).toBe('durable')
    expect((await receive('beside', 250_000)).status).toBe('durable')
    await at.store.close()
    const roomy = await openAt(at.root, quota(1_130_000))
    await beginLarge(roomy, 'below/b', large, 300_000)
    fs.symlinkSync('/', path.join(at.root, 'pc', 'data', 'below'))
    expect((await sendLarge(roomy, 'below/b', large)).status).toBe('name')
    const last = smallFile(roomy.source, 'last', randomBytes(450_000))
    expect([at.kept(), (await roomy.store.receive(last)).status]).toEqual([[], 'durable'])
  })

  test('a partial file that lacks room to resume is kept, even when two connections ask for it', async () => {
    const at = await openLarge(quota(500_000))
    const bytes = randomBytes(400_000)
    await beginLarge(at, 'a', bytes, 300_000)
    await at.store.close()
    const tight = await openAt(at.root, quota(350_000))
    const beginOne = () => begin(tight.store, tight.source, 'a', bytes.length, '1')
    const [first, second] = [beginOne(), beginOne()]
    expect([await first.offset, await second.offset]).toEqual([null, null])
    expect(second.refused).toMatchObject({ status: 'full' })
    await Promise.all([first.abort(true), second.abort(true)])
    expect(at.kept()).toHaveLength(1)
    await tight.store.close()
    const roomy = await openAt(at.root, quota(500_000))
    expect(await sendLarge(roomy, 'a', bytes)).toEqual({ offset: 300_000, status: 'durable' })
  })

  test('a partial file is kept when its removal would still not make enough room', async () => {
    const at = await openLarge(quota(500_000))
    const other = await at.store.source('other', 'data')
    await beginLarge(at, 'large', randomBytes(400_000), 300_000)
    for (const [source, size] of [
      [at.source, 600_000],
      [other, 2 ** 52],
    ] as const) {
      const file = begin(at.store, source, 'larger', size, '1')
      await file.offset
      expect(file.refused?.status).toBe('full')
      await file.abort(false)
    }
    await new Promise(setImmediate)
    expect(at.kept()).toHaveLength(1)
  })

  test('a sender’s oldest partial files are removed first, and no more than the new file needs', async () => {
    const at = await openLarge(quota(500_000))
    const bytes = randomBytes(200_000)
    for (const name of ['oldest', 'older', 'newest']) await beginLarge(at, name, bytes, 100_000)
    const small = smallFile(at.source, 'small', randomBytes(350_000))
    expect((await at.store.receive(small)).status).toBe('full')
    await until('two are removed', () => at.kept().length === 1)
    expect(await beginLarge(at, 'newest', bytes, 1)).toBe(100_000)
  })
})
