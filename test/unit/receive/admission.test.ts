import { statfsSync } from 'node:fs'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openAdmission } from '../../../core/receive/limits/admission.ts'
import { DEFAULT_RULES } from '../../../core/receive/limits/rules.ts'
import { openStore } from '../../../core/receive/store/store.ts'
import { digestOf } from '../../support/file-facts.ts'
import { openAt } from '../../support/large-files.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { treeOf } from '../../support/transfer.ts'

const MIB = 1024 * 1024

const limited = (files: number) => ({
  ...DEFAULT_RULES,
  quota: { each: { bytes: null, files }, of: {} },
})

test('files on their way count, and none is let in before it is known what is stored', async () => {
  let stored = 0
  let tell: () => void = () => undefined
  const known = new Promise<void>((resolve) => {
    tell = resolve
  })
  const admission = openAdmission(temporaryDirectory('admission'), limited(3), known, () => ({
    files: stored,
    bytes: 0,
  }))
  const first = admission.enter('pc', 1)
  stored = 1
  tell()
  const second = admission.enter('pc', 1)
  expect([(await first).unlessSame, (await second).unlessSame]).toEqual([null, null])
  expect((await admission.enter('pc', 1)).unlessSame?.detail).toBe('quota files 3')
  ;(await first).leave()
  ;(await first).leave()
  stored = 2
  expect((await admission.enter('other', 1)).unlessSame).toBeNull()
})

test('what was stored since the disk was asked counts against the floor', async () => {
  const root = temporaryDirectory('admission')
  const { bavail, bsize } = statfsSync(root)
  const rules = { ...DEFAULT_RULES, floor: { bytes: bavail * bsize - 64 * MIB, percent: 100 } }
  const admission = openAdmission(root, rules, Promise.resolve(), () => ({ files: 0, bytes: 0 }))
  const first = await admission.enter('pc', 40 * MIB)
  expect(first.unlessSame).toBeNull()
  first.written(40 * MIB)
  first.leave()
  expect((await admission.enter('pc', 40 * MIB)).unlessSame?.detail).toBe('floor')
})

test('a file of which nothing was written leaves its room to the next one', async () => {
  const root = temporaryDirectory('admission')
  const { bavail, bsize } = statfsSync(root)
  const rules = { ...DEFAULT_RULES, floor: { bytes: 0, percent: 0 } }
  const admission = openAdmission(root, rules, Promise.resolve(), () => ({ files: 0, bytes: 0 }))
  const most = Math.floor(bavail * bsize * 0.6)
  const first = await admission.enter('pc', most)
  expect(first.unlessSame).toBeNull()
  first.leave()
  expect((await admission.enter('pc', most)).unlessSame).toBeNull()
})

test('a large file on its way needs room for what is still to come of it, not for what the disk has already', async () => {
  const root = temporaryDirectory('admission')
  const { bavail, bsize } = statfsSync(root)
  const store = openAt(root, { floor: { bytes: bavail * bsize - 64 * MIB, percent: 100 } })
  const facts = { folder: 'pc', source: 's', mtimeMs: 1e12, mode: 0o644 }
  const large = store.begin({ ...facts, path: 'large', size: 48 * MIB })
  expect(await large.offset).toBe(0)
  const small = Buffer.alloc(1, 'x')
  const digest = digestOf(small)
  const receive = (name: string) => store.receive({ ...facts, path: name, size: 1 }, small, digest)
  const piece = Buffer.alloc(MIB, 7)
  for (let count = 0; count < 40; count += 1) await large.write(piece)
  expect(await receive('at once')).toMatchObject({ status: 'durable' })
  // What the disk has said is good for 250 ms: then it knows of the 40 MiB itself.
  const now = performance.now.bind(performance)
  vi.spyOn(performance, 'now').mockImplementation(() => now() + 300)
  onTestFinished(() => void vi.restoreAllMocks())
  expect(await receive('later')).toMatchObject({ status: 'durable' })
  await large.abort()
})

test('a large file that there is no room for takes none from others, also before its sender has ended it', async () => {
  const store = openStore(temporaryDirectory('admission'))
  onTestFinished(() => store.close())
  const facts = { folder: 'pc', source: 's', path: 'file', mtimeMs: 1e12, mode: 0o644 }
  const large = store.begin({ ...facts, size: 2 ** 50 })
  expect(await large.offset).toBeNull()
  expect(large.refused?.status).toBe('full')
  const small = Buffer.alloc(1, 'x')
  const digest = digestOf(small)
  const outcome = await store.receive({ ...facts, folder: 'other', size: 1 }, small, digest)
  expect(outcome).toMatchObject({ status: 'durable' })
  await large.abort()
})

test('usage that becomes known late refuses the file that waited for it', async () => {
  let stored = 0
  let tell: () => void = () => undefined
  const known = new Promise<void>((resolve) => {
    tell = resolve
  })
  const rules = { ...DEFAULT_RULES, quota: { each: { bytes: null, files: null }, of: { pc: { files: 3 } } } }
  const admission = openAdmission(temporaryDirectory('admission'), rules, known, () => ({
    files: stored,
    bytes: 0,
  }))
  // The disk has answered: nothing but the usage is waited for.
  expect((await admission.enter('free', 1)).unlessSame).toBeNull()
  const early = admission.enter('pc', 1)
  await new Promise((resolve) => setImmediate(resolve))
  stored = 3
  tell()
  expect((await early).unlessSame?.detail).toBe('quota files 3')
})

test('without room only the content that is there already is accepted, not another of its size', async () => {
  const root = temporaryDirectory('store')
  let stored = 0
  const store = openStore(root, {
    thread: null,
    journal: {
      record: async (notes) => {
        stored += notes.length
      },
      announce: () => Promise.resolve(),
    },
    admission: openAdmission(root, limited(1), Promise.resolve(), () => ({ files: stored, bytes: 0 })),
  })
  onTestFinished(() => store.close())
  const receive = (text: string) => {
    const bytes = Buffer.from(text)
    const facts = { folder: 'pc', source: 'data', path: 'file', size: bytes.length, mtimeMs: 1, mode: 0o600 }
    return store.receive(facts, bytes, digestOf(bytes))
  }
  expect((await receive('one')).status).toBe('durable')
  expect((await receive('one')).status).toBe('same')
  expect(await receive('two')).toEqual({ status: 'full', detail: 'quota files 1' })
  expect((await receive('three')).status).toBe('full')
  expect(Object.keys(treeOf(root))).toEqual(['pc/data/file'])
})
