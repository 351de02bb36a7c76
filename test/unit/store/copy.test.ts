import fs from 'node:fs'
import path from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { createSemaphore } from '../../../core/lib/async/semaphore.ts'
import { computeDigest, offeredAs } from '../../support/store/file-facts.ts'
import { heldBytes } from '../../support/store/held-bytes.ts'
import { begin, openLarge, smallFile } from '../../support/store/large-files.ts'
import { readTree } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

// The store's threads run here: their start costs more than the tests.
vi.mock('node:worker_threads', async (original) => ({
  ...(await original<typeof import('node:worker_threads')>()),
  Worker: (await import('../../support/threads-here.ts')).ThreadHere,
}))

/** The reads of what is stored: those that wait for the test, and whether they have to. */
const reads = vi.hoisted(() => ({ isHeld: false, waiting: [] as (() => void)[] }))
vi.mock('../../../core/platform/fd.ts', async (original) => {
  const real = await original<typeof import('../../../core/platform/fd.ts')>()
  return {
    ...real,
    async readFully(...words: Parameters<typeof real.readFully>) {
      if (reads.isHeld) await new Promise<void>((resolve) => reads.waiting.push(resolve))
      return real.readFully(...words)
    },
  }
})
beforeEach(() => Object.assign(reads, { isHeld: false, waiting: [] }))
const letOneGo = () => reads.waiting.shift()?.()

const content = Buffer.alloc(3_000_000, 'some content ')
const never = new AbortController().signal

async function open() {
  const { root, store, source } = await openLarge()
  const own = path.join(root, 'pc', 'data')
  fs.mkdirSync(own, { recursive: true })
  const offered = (name: string, size = content.length) => offeredAs(source, name, size)
  const ask = (to: string, from: string, signal = never, bytes = content, turns = createSemaphore(1)) =>
    store.copy(
      offered(to, bytes.length),
      { from: { source, path: from }, digest: computeDigest(bytes), isMoved: false },
      signal,
      turns,
    )
  const copy = async (...words: Parameters<typeof ask>) => ask(...words)
  const receive = (name: string, bytes: Buffer) => store.receive(smallFile(source, name, bytes))
  const temporary = () => readTree(path.join(root, '.holdfast', 'tmp'))
  return { root, store, source, own, offered, copy, receive, temporary }
}

test('copy: has its own time, leaves the old name in place, and keeps the content it replaces as a version', async () => {
  const { root, own, copy, receive, temporary } = await open()
  await receive('old', content)
  await receive('new', Buffer.from('what was there'))
  expect(await copy('new', 'old')).toMatchObject({ status: 'durable', detail: '' })
  const stats = fs.statSync(path.join(own, 'new'))
  expect([stats.mtimeMs, stats.nlink]).toEqual([1_600_000_000_500, 1])
  expect(fs.readFileSync(path.join(own, 'new')).equals(content)).toBe(true)
  expect(Object.keys(readTree(own)).sort()).toEqual(['new', 'old'])
  expect(Object.keys(readTree(path.join(root, '.holdfast', 'versions')))).toHaveLength(1)
  expect(await copy('new', 'old')).toMatchObject({ status: 'same', detail: '' })
  expect(await copy('old', 'old')).toMatchObject({ status: 'same', detail: '' })
  expect(temporary()).toEqual({})
})

test('copy: a file waits for the round of another that is being copied', async () => {
  const { own, copy, temporary } = await open()
  const bytes = Buffer.from('some content')
  fs.writeFileSync(path.join(own, 'old'), bytes)
  let shared = 0
  // On a busy machine the second file may take longer than the first one waits.
  for (let pair = 0; pair < 10 && shared === 0; pair += 1) {
    reads.isHeld = true
    const first = copy(`first ${pair}`, 'old', never, bytes)
    const second = copy(`second ${pair}`, 'old', never, bytes)
    await until('both are read', () => reads.waiting.length === 2)
    letOneGo()
    const isWritten = () => Object.values(temporary()).includes(readTree(own).old ?? '')
    await until(
      'one is written',
      () => isWritten() || fs.readdirSync(own).some((name) => name.endsWith(` ${pair}`)),
    )
    letOneGo()
    const results = await Promise.all([first, second])
    expect(results.map(({ status }) => status)).toEqual(['durable', 'durable'])
    if (results[0].position === results[1].position) shared += 1
  }
  expect(shared).toBe(1)
})

test('copy: one that waits for its round is dropped when its sender disconnects', async () => {
  const { own, copy, temporary } = await open()
  const bytes = Buffer.from('some content')
  fs.writeFileSync(path.join(own, 'old'), bytes)
  let statuses = ['']
  // On a busy machine the round may begin before the sender disconnects.
  for (let pair = 0; pair < 10 && statuses.some((one) => one !== 'aborted'); pair += 1) {
    const gone = new AbortController()
    reads.isHeld = true
    const copies = Array.from({ length: 8 }, (_, index) =>
      copy(`${pair} ${index}`, 'old', gone.signal, bytes),
    )
    await until('all are read', () => reads.waiting.length === 8)
    const last = copy(`${pair} last`, 'old', never, bytes)
    letOneGo()
    // It has its turn once another copy waits for the round.
    await until('the last one is read', () => reads.waiting.length === 8)
    gone.abort()
    reads.isHeld = false
    while (reads.waiting.length > 0) letOneGo()
    expect((await last).status).toBe('durable')
    statuses = (await Promise.all(copies)).map(({ status }) => status)
  }
  expect(statuses).toEqual(Array(8).fill('aborted'))
  expect(temporary()).toEqual({})
})

test('copy: an empty file is copied', async () => {
  const { own, copy } = await open()
  fs.writeFileSync(path.join(own, 'old'), '')
  expect((await copy('new', 'old', never, Buffer.alloc(0))).status).toBe('durable')
})

test('copy: an original that is missing, changed or resized is answered with unknown and leaves no files', async () => {
  const { own, copy, temporary } = await open()
  const rotten = Buffer.from(content)
  rotten[2_500_000] = 0
  fs.writeFileSync(path.join(own, 'rotten'), rotten)
  fs.writeFileSync(path.join(own, 'longer'), Buffer.concat([content, content]))
  fs.mkdirSync(path.join(own, 'directory'))
  for (const from of ['rotten', 'longer', 'directory', 'nothing', 'rotten/below', '../data/rotten', ''])
    expect([from, (await copy('new', from)).status]).toEqual([from, 'unknown'])
  expect(Object.keys(readTree(own)).sort()).toEqual(['longer', 'rotten'])
  expect(temporary()).toEqual({})
})

test('copy: an invalid new name is refused with its reason', async () => {
  const { own, copy } = await open()
  fs.writeFileSync(path.join(own, 'old'), content)
  expect(await copy('../up', 'old')).toEqual({ status: 'name', detail: 'dots' })
})

test('copy: an overlong name is refused before the copy waits for its turn, as is that of a large file', async () => {
  const { store, source, own, copy } = await open()
  fs.writeFileSync(path.join(own, 'old'), content)
  const turns = createSemaphore(1)
  await turns.acquire()
  const inTurn = (to: string, from: string) => copy(to, from, never, content, turns)
  const long = 'x'.repeat(16 * 1024)
  expect(await inTurn(long, 'old')).toEqual({ status: 'name', detail: 'long' })
  expect(await inTurn('new', long)).toEqual({ status: 'unknown', detail: 'name' })
  const large = begin(store, source, long, content.length, '1')
  expect([await large.offset, large.refused]).toEqual([null, { status: 'name', detail: 'long' }])
  await large.abort(false)
  const waiting = inTurn('new', 'old')
  expect(fs.readdirSync(own)).toEqual(['old'])
  turns.release()
  expect(await waiting).toMatchObject({ status: 'durable', detail: '' })
  expect(turns.tryAcquire()).toBe(true)
})

test('copy: each copy that waits for its turn takes less than 4,000 bytes of memory', async () => {
  const { store, source, offered } = await open()
  const turns = createSemaphore(1)
  await turns.acquire()
  const gone = new AbortController()
  const buildName = (index: number) => Buffer.from(`${'directory-name/'.repeat(250)}${index}`).toString()
  const names = Array.from({ length: 500 }, (_, index) => ({ to: buildName(index), from: buildName(-index) }))
  const digest = computeDigest(content)
  const before = heldBytes()
  const waiting = names.map(({ to, from }) =>
    store.copy(offered(to), { from: { source, path: from }, digest, isMoved: false }, gone.signal, turns),
  )
  expect((heldBytes() - before) / names.length).toBeLessThan(4_000)
  gone.abort()
  turns.release()
  await Promise.all(waiting)
})

test('copy: is aborted when its sender disconnects, even when all of the content has been read', async () => {
  const { own, copy, temporary } = await open()
  fs.writeFileSync(path.join(own, 'old'), content)
  for (const readBefore of [0, 2]) {
    const gone = new AbortController()
    reads.isHeld = true
    const copying = copy('new', 'old', gone.signal)
    for (let count = 0; count < readBefore; count += 1) {
      await until('a read waits', () => reads.waiting.length > 0)
      letOneGo()
    }
    await until('a read waits', () => reads.waiting.length > 0)
    gone.abort()
    reads.isHeld = false
    letOneGo()
    expect((await copying).status).toBe('aborted')
    expect(Object.keys(readTree(own))).toEqual(['old'])
    expect(temporary()).toEqual({})
  }
})

test('copy: each read is timed separately, so that a long copy does not count as a hung disk', async () => {
  const { store, own, copy } = await open()
  fs.writeFileSync(path.join(own, 'old'), content)
  reads.isHeld = true
  const copying = copy('new', 'old')
  await until('a read waits', () => reads.waiting.length > 0)
  const began = performance.now()
  expect(store.stalledMs()).toBeGreaterThan(0)
  letOneGo()
  await until('the next read waits', () => reads.waiting.length > 0)
  expect(store.stalledMs()).toBeLessThan(performance.now() - began)
  reads.isHeld = false
  letOneGo()
  expect((await copying).status).toBe('durable')
})
