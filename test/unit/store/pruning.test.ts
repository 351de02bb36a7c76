import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openManifestFile } from '../../../core/store/manifest/manifest.ts'
import { DEFAULT_KEEP } from '../../../core/store/retention/retention.ts'
import type { Store, StoreSource } from '../../../core/store/store.ts'
import { openAt, smallFile } from '../../support/store/large-files.ts'
import { listVersions } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/transfer/transfer.ts'

// The clock of the test is that of its own process.
vi.mock('node:worker_threads', async (original) => ({
  ...(await original<typeof import('node:worker_threads')>()),
  Worker: (await import('../../support/threads-here.ts')).ThreadHere,
}))

const DAY_MS = 86_400_000
const NOTHING = { withinDays: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 }

async function open(keep = NOTHING, root = temporaryDirectory('pruning')) {
  const logged: string[] = []
  const { store, source } = await openAt(root, { keep }, (text) => void logged.push(text))
  const versions = (name: string) => listVersions(root, `pc/data/${name}`)
  return { root, store, source, logged, versions, send: sending(store, source) }
}

const sending =
  (store: Store, source: StoreSource) =>
  async (name: string, ...texts: string[]) => {
    for (const text of texts) {
      const { status } = await store.receive(smallFile(source, name, Buffer.from(text)))
      expect(status).toBe('durable')
    }
  }

/** A receiver has run on the store for so long, in days. */
function pass(root: string, days: number): void {
  const { database } = openManifestFile(path.join(root, '.holdfast', 'manifest.db'))
  database.prepare('UPDATE store SET clock_ms = clock_ms + ?').run(days * DAY_MS)
  database.close()
}

test('pruning: versions are removed with their usage and empty directories; current files stay', async () => {
  const { root, store, send, versions } = await open()
  await send('deep/down/a', 'one', 'two', 'three')
  await send('b', 'one')
  expect(versions('deep/down/a')).toHaveLength(2)
  await store.prune()
  expect(readTree(path.join(root, '.holdfast', 'versions'))).toEqual({})
  expect(fs.readdirSync(path.join(root, '.holdfast', 'versions', 'pc', 'data'))).toEqual([])
  expect(fs.readFileSync(path.join(root, 'pc/data/deep/down/a'), 'utf8')).toBe('three')
  expect(store.usage('pc')).toMatchObject({ files: 2, bytes: 8, names: 4 })
})

test('pruning: a sender’s directory that is named like a version is not pruned', async () => {
  const { root, store, send, versions } = await open()
  await send('name', 'one', 'two')
  const [stamp = ''] = versions('name')
  await send(`${stamp}/result`, 'one', 'two')
  await send(`runs/${stamp}/result`, 'one', 'two')
  await store.prune()
  const stored = ['name', `${stamp}/result`, `runs/${stamp}/result`]
  expect(Object.keys(readTree(path.join(root, 'pc', 'data'))).sort()).toEqual(stored.sort())
  for (const name of stored) expect(versions(name)).toEqual([])
})

test('pruning: replaced directories are pruned file by file, except for the newest version of each name', async () => {
  const { root, store, send, versions } = await open()
  for (const round of ['one', 'two']) {
    await send('x/deep/file', round)
    await send('x', round)
  }
  await send('x/other', 'once')
  await send('x', 'last')
  const [, , , , latest = ''] = versions('x')
  expect(versions('x')).toHaveLength(5)
  await store.prune()
  const left = Object.keys(readTree(path.join(root, '.holdfast', 'versions', 'pc', 'data', 'x')))
  expect(left.map((name) => name.split('/').slice(1).join('/')).sort()).toEqual(['deep/file', 'other'])
  expect(versions('x')).toContain(latest)
  // Beside what is in its place: two older contents, and the directories that they were in.
  expect(store.usage('pc')).toMatchObject({ files: 3, names: 1 + 2 * 2 + 3 })
})

test('pruning: a version that cannot be removed is logged and does not block the pruning of other files', async () => {
  const { root, store, send, versions, logged } = await open()
  const names = ['a', 'b', 'c', 'd', 'e']
  for (const name of names) await send(name, 'one', 'two', 'three')
  const [first = ''] = versions('c')
  const stuck = path.join(root, '.holdfast', 'versions', 'pc', 'data', 'c', first)
  fs.rmSync(stuck)
  fs.mkdirSync(stuck)
  await store.prune()
  expect(names.map((name) => versions(name).length)).toEqual([0, 0, 1, 0, 0])
  expect(logged).toEqual([expect.stringMatching(/^older contents cannot be removed \(1\): .*(EISDIR|EPERM)/)])
  // It is told as often as it is tried, and goes when it can.
  fs.rmdirSync(stuck)
  await store.prune()
  expect(store.usage('pc')).toMatchObject({ files: 5 })
})

test('pruning: a file that was proven as a sample is not kept for it', async () => {
  const { store, source, send, versions } = await open()
  await send('a', 'one')
  await store.prove({ source, path: 'a' }, 3, Buffer.alloc(32), new AbortController().signal, true)
  await send('a', 'two', 'three')
  await store.prune()
  expect(versions('a')).toHaveLength(0)
})

test('pruning: a locked version stays for the days of the lock, however short the other times are', async () => {
  const root = temporaryDirectory('pruning')
  const openLocked = async (lockDays: number) => {
    const { store, source } = await openAt(root, { keep: NOTHING, lockDays })
    onTestFinished(() => store.close())
    return { store, send: sending(store, source) }
  }
  const versions = () => listVersions(root, 'pc/data/a').length
  const first = await openLocked(90)
  await first.send('a', 'one', 'two', 'three')
  await first.store.close()
  for (const [days, left] of [
    [89, 2],
    [2, 0],
  ] as const) {
    pass(root, days)
    const { store } = await openLocked(90)
    await store.prune()
    expect(versions()).toBe(left)
    await store.close()
  }
})

test('pruning: a version that was proved for the removal of its original is kept for ever', async () => {
  const { store, source, send, versions } = await open()
  await send('a', 'one')
  const { signal } = new AbortController()
  await store.prove({ source, path: 'a' }, 3, Buffer.alloc(32), signal)
  await send('a', 'two', 'three')
  await store.prune()
  expect(versions('a')).toHaveLength(1)
})

test('pruning: a version is kept for the time counted by the store, whatever the computer’s clock shows', async () => {
  const root = temporaryDirectory('pruning')
  const rules = { ...DEFAULT_KEEP, daily: 0, weekly: 0, monthly: 0, yearly: 0 }
  const real = Date.now
  let ahead = 0
  vi.spyOn(Date, 'now').mockImplementation(() => real() + ahead)
  onTestFinished(() => void vi.restoreAllMocks())
  const first = await open(rules, root)
  await first.send('a', 'one', 'two', 'three')
  for (const days of [60, 4000, -4000]) {
    ahead = days * DAY_MS
    await first.store.prune()
    expect(first.versions('a')).toHaveLength(2)
  }
  await first.store.close()
  pass(root, 29)
  const second = await open(rules, root)
  await second.store.prune()
  expect(second.versions('a')).toHaveLength(2)
  await second.send('a', 'four')
  await second.store.close()
  pass(root, 2)
  const third = await open(rules, root)
  await third.store.prune()
  expect(third.versions('a')).toHaveLength(1)
})
