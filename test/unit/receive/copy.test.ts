import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createSemaphore } from '../../../core/pacing/semaphore.ts'
import { openStore } from '../../../core/receive/store/store.ts'
import { digestOf, factsOf } from '../../support/file-facts.ts'
import { heldBytes } from '../../support/held-bytes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { treeOf } from '../../support/transfer.ts'

const content = Buffer.alloc(3_000_000, 'some content ')
const never = new AbortController().signal

function open() {
  const root = temporaryDirectory('copies')
  const store = openStore(root)
  onTestFinished(() => store.close())
  const own = path.join(root, 'pc', 'data')
  fs.mkdirSync(own, { recursive: true })
  const facts = (name: string, size = content.length) => factsOf(name, size)
  const copy = (to: string, from: string, signal = never, bytes = content) =>
    store.copy(facts(to, bytes.length), { source: 'data', path: from }, digestOf(bytes), signal)
  return { root, store, own, facts, copy, temporary: () => treeOf(path.join(root, '.holdfast', 'tmp')) }
}

test('a copy has its own time and mode, the old name stays, and what was under the new one is kept', async () => {
  const { root, own, copy, temporary } = open()
  fs.writeFileSync(path.join(own, 'old'), content, { mode: 0o400 })
  fs.writeFileSync(path.join(own, 'new'), 'what was there')
  expect(await copy('new', 'old')).toEqual({ status: 'durable', detail: '' })
  const stats = fs.statSync(path.join(own, 'new'))
  expect([stats.mtimeMs, stats.mode & 0o777, stats.nlink]).toEqual([1_600_000_000_500, 0o640, 1])
  expect(fs.readFileSync(path.join(own, 'new')).equals(content)).toBe(true)
  expect(Object.keys(treeOf(own)).sort()).toEqual(['new', 'old'])
  expect(Object.keys(treeOf(path.join(root, '.holdfast', 'versions')))).toHaveLength(1)
  expect(await copy('new', 'old')).toEqual({ status: 'same', detail: '' })
  expect(await copy('old', 'old')).toEqual({ status: 'same', detail: '' })
  expect(temporary()).toEqual({})
})

test('an empty file is copied, too', async () => {
  const { own, copy } = open()
  fs.writeFileSync(path.join(own, 'old'), '')
  expect((await copy('new', 'old', never, Buffer.alloc(0))).status).toBe('durable')
})

test('other content, other size, or no file at all is unknown, and leaves nothing', async () => {
  const { own, copy, temporary } = open()
  const rotten = Buffer.from(content)
  rotten[2_500_000] = 0
  fs.writeFileSync(path.join(own, 'rotten'), rotten)
  fs.writeFileSync(path.join(own, 'longer'), Buffer.concat([content, content]))
  fs.mkdirSync(path.join(own, 'directory'))
  for (const from of ['rotten', 'longer', 'directory', 'nothing', 'rotten/below', '../data/rotten', ''])
    expect([from, (await copy('new', from)).status]).toEqual([from, 'unknown'])
  expect(Object.keys(treeOf(own)).sort()).toEqual(['longer', 'rotten'])
  expect(temporary()).toEqual({})
})

test('a new name that is not stored is refused as such, before anything is read', async () => {
  const { own, copy } = open()
  fs.writeFileSync(path.join(own, 'old'), content)
  expect(await copy('../up', 'old')).toEqual({ status: 'name', detail: 'dots' })
})

test('names are judged before a copy or a large file waits for its turn: what is no name may be very long', async () => {
  const { store, own, facts } = open()
  fs.writeFileSync(path.join(own, 'old'), content)
  const turns = createSemaphore(1)
  await turns.acquire()
  const copy = (to: string, from: string) =>
    store.copy(facts(to), { source: 'data', path: from }, digestOf(content), never, turns)
  const long = 'x'.repeat(16 * 1024)
  expect(await copy(long, 'old')).toEqual({ status: 'name', detail: 'long' })
  expect(await copy('new', long)).toEqual({ status: 'unknown', detail: 'name' })
  const large = store.begin(facts(long), '1', turns)
  expect([await large.offset, large.refused]).toEqual([null, { status: 'name', detail: 'long' }])
  await large.abort()
  const waiting = copy('new', 'old')
  expect(fs.readdirSync(own)).toEqual(['old'])
  turns.release()
  expect(await waiting).toEqual({ status: 'durable', detail: '' })
  expect(turns.available).toBe(1)
})

test('copies that wait for their turn hold little more than their names', async () => {
  const { store, facts } = open()
  const turns = createSemaphore(1)
  await turns.acquire()
  const gone = new AbortController()
  const nameOf = (index: number) => Buffer.from(`${'directory-name/'.repeat(250)}${index}`).toString()
  const names = Array.from({ length: 500 }, (_, index) => ({ to: nameOf(index), from: nameOf(-index) }))
  const digest = digestOf(content)
  const before = heldBytes()
  const waiting = names.map(({ to, from }) =>
    store.copy(facts(to), { source: 'data', path: from }, digest, gone.signal, turns),
  )
  expect((heldBytes() - before) / names.length).toBeLessThan(4_000)
  gone.abort()
  turns.release()
  await Promise.all(waiting)
})

test('a copy of a sender that is gone is given up', async () => {
  const { own, copy, temporary } = open()
  fs.writeFileSync(path.join(own, 'old'), content)
  const gone = new AbortController()
  const copying = copy('new', 'old', gone.signal)
  gone.abort()
  expect((await copying).status).toBe('aborted')
  expect(Object.keys(treeOf(own))).toEqual(['old'])
  expect(temporary()).toEqual({})
})
