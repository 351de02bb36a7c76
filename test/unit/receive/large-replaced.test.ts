import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { Store } from '../../../core/receive/store/store.ts'
import { digestOf, factsOf } from '../../support/file-facts.ts'
import { openLarge, sendLarge } from '../../support/large-files.ts'
import { treeOf } from '../../support/transfer.ts'
import { until } from '../../support/until.ts'

/** The reads of what is stored under the name "large": those that wait for the test, and whether they have to. */
const reads = vi.hoisted(() => ({ isHeld: false, waiting: [] as (() => void)[], count: 0 }))
vi.mock('../../../core/files/fd.ts', async (original) => {
  const real = await original<typeof import('../../../core/files/fd.ts')>()
  const isOfTarget = (fd: number) => fs.readlinkSync(`/proc/self/fd/${fd}`).endsWith('/pc/data/large')
  return {
    ...real,
    async readFully(...words: Parameters<typeof real.readFully>) {
      if (isOfTarget(words[0])) {
        reads.count += 1
        if (reads.isHeld) await new Promise<void>((resolve) => reads.waiting.push(resolve))
      }
      return real.readFully(...words)
    },
  }
})

beforeEach(() => Object.assign(reads, { isHeld: false, waiting: [], count: 0 }))

const aReadWaits = () => until('a read of the old content waits', () => reads.waiting.length > 0)
const letOneGo = () => reads.waiting.shift()?.()
const letAllGo = () => {
  reads.isHeld = false
  while (reads.waiting.length > 0) letOneGo()
}

const bytes = randomBytes(5 * 1024 * 1024)
const others = randomBytes(bytes.length)

async function openWithLarge() {
  const parts = openLarge()
  expect(await sendLarge(parts.store, 'large', bytes)).toEqual({ offset: 0, status: 'durable' })
  const versions = () => Object.values(treeOf(path.join(parts.root, '.holdfast', 'versions', 'pc')))
  return { ...parts, file: path.join(parts.root, 'pc', 'data', 'large'), versions }
}

const told = (content: Buffer) => `${content.length} ${digestOf(content).toString('hex')}`

async function begun(store: Store, content: Buffer, identity = '2') {
  const file = store.begin(factsOf('large', content.length), identity)
  await file.offset
  return file
}

describe.skipIf(process.platform !== 'linux')('a large file that replaces one of the same size', () => {
  test('holds nobody up while the old content is read', async () => {
    const { store, stored, versions } = await openWithLarge()
    reads.isHeld = true
    const large = sendLarge(store, 'large', others, '2')
    await aReadWaits()
    const small = Buffer.from('small')
    const facts = { ...factsOf('small', small.length), folder: 'other' }
    expect((await store.receive(facts, small, digestOf(small))).status).toBe('durable')
    letAllGo()
    expect((await large).status).toBe('durable')
    expect([stored(), versions()]).toEqual([{ large: told(others) }, [told(bytes)]])
  })

  test('has its reads watched one by one: no disk hangs that answers each', async () => {
    const { store } = await openWithLarge()
    reads.isHeld = true
    const large = sendLarge(store, 'large', others, '2')
    await aReadWaits()
    const began = performance.now()
    expect(store.stalledMs()).toBeGreaterThan(0)
    letOneGo()
    await aReadWaits()
    expect(store.stalledMs()).toBeLessThan(performance.now() - began)
    letAllGo()
    await large
  })

  test('is the same if its content is: it gets the new time, and no version is kept', async () => {
    const { store, file, kept, versions } = await openWithLarge()
    const facts = { ...factsOf('large', bytes.length), mtimeMs: 1_700_000_000_000 }
    const again = store.begin(facts, '2')
    await again.write(bytes)
    expect((await again.finish(digestOf(bytes))).status).toBe('same')
    expect(fs.statSync(file).mtimeMs).toBe(1_700_000_000_000)
    expect([kept(), versions()]).toEqual([[], []])
  })

  test('is a new content where the old one has changed since it was read', async () => {
    const { store, file, stored, versions } = await openWithLarge()
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const again = await begun(store, bytes)
    await again.write(bytes)
    void store.alone(['pc', 'data', 'large'], () => held)
    const finished = again.finish(digestOf(bytes))
    const temporary = () => fs.readdirSync('/proc/self/fd').map((fd) => linkOf(fd))
    await until(
      'it was read, and waits for its place',
      () => reads.count >= 5 && !temporary().some(isInStore),
    )
    fs.writeFileSync(file, others)
    release()
    expect((await finished).status).toBe('durable')
    expect([stored(), versions()]).toEqual([{ large: told(bytes) }, [told(others)]])
  })

  test('is taken over while the old content is read: not a byte is sent again', async () => {
    const { store, stored, versions, kept } = await openWithLarge()
    reads.isHeld = true
    const first = await begun(store, others)
    await first.write(others)
    const one = first.finish(digestOf(others))
    await aReadWaits()
    const second = store.begin(factsOf('large', others.length), '2')
    letAllGo()
    expect(await second.offset).toBe(others.length)
    expect(await one).toEqual({ status: 'aborted', detail: '' })
    expect((await second.finish(digestOf(others))).status).toBe('durable')
    expect([stored(), versions(), kept()]).toEqual([{ large: told(others) }, [told(bytes)], []])
  })

  test('is not copied into its place any more when its sender is gone', async () => {
    const { root, store, stored } = await openWithLarge()
    expect((await sendLarge(store, 'old', others)).status).toBe('durable')
    reads.isHeld = true
    const gone = new AbortController()
    const from = { source: 'data', path: 'old' }
    const copied = store.copy(factsOf('large', others.length), from, digestOf(others), gone.signal)
    await aReadWaits()
    gone.abort()
    letAllGo()
    expect((await copied).status).toBe('aborted')
    expect(stored()).toEqual({ large: told(bytes), old: told(others) })
    expect(treeOf(path.join(root, '.holdfast', 'tmp'))).toEqual({})
  })
})

function linkOf(fd: string): string {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}

function isInStore(link: string): boolean {
  return link.includes('/.holdfast/partial/') || link.endsWith('/pc/data/large')
}
