import { existsSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createSemaphore } from '../../../core/lib/async/semaphore.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { StorageError } from '../../../core/store/outcome.ts'
import { Admission, DEFAULT_RULES, type Quota, type Room } from '../../../core/store/quota/admission.ts'
import { Store } from '../../../core/store/store.ts'
import { computeDigest, offeredAs } from '../../support/store/file-facts.ts'
import { begin, openAt, openLarge, smallFile } from '../../support/store/large-files.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree, receiverParts } from '../../support/transfer/transfer.ts'

// The store's threads run here: their start costs more than the tests.
vi.mock('node:worker_threads', async (original) => ({
  ...(await original<typeof import('node:worker_threads')>()),
  Worker: (await import('../../support/threads-here.ts')).ThreadHere,
}))

/** The space of the disk of a directory, beside which nothing else writes; null: the real disk's. */
const disk: { root: string | null; bytes: number } = { root: null, bytes: 0 }
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  return {
    ...real,
    statfs: async (directory: string) => {
      const facts = await real.statfs(directory)
      if (disk.root !== directory) return facts
      const used = blocksOf(directory) * 512
      return { ...facts, bsize: 1, blocks: disk.bytes, bavail: disk.bytes - used }
    },
  }
})

const MIB = 1024 * 1024
const NAME = 4096

const limited = (each: Partial<Quota>) => ({
  ...DEFAULT_RULES,
  quota: { each: { bytes: null, files: null, ...each }, of: {} },
})
/** Returns the blocks of the files below a directory, also of those that are open and have no name yet. */
function blocksOf(root: string): number {
  const named = readdirSync(root, { recursive: true }).map((name) => path.join(root, `${name}`))
  const open = existsSync('/proc/self/fd')
    ? readdirSync('/proc/self/fd').map((fd) => `/proc/self/fd/${fd}`)
    : []
  const isBelow = (fd: string) => existsSync(fd) && readlinkSync(fd).startsWith(`${root}/`)
  const files = [...named, ...open.filter(isBelow)].map((name) => statSync(name))
  return [...new Map(files.map(({ ino, blocks }) => [ino, blocks])).values()].reduce(
    (sum, one) => sum + one,
    0,
  )
}

/** Gives a directory a disk of its own for this test, and returns its bytes. */
function setSpace(root: string, bytes: number): number {
  Object.assign(disk, { root, bytes })
  onTestFinished(() => void Object.assign(disk, { root: null }))
  return bytes
}
const nothing = () => ({ files: 0, bytes: 0, names: 0 })

/** Admission of single files: the room of each, or why there is none. */
function open(rules = DEFAULT_RULES, root = temporaryDirectory('admission'), used = nothing) {
  const admission = new Admission(root, rules, used)
  const enter = async (folder: string, size: number, path = 'f'): Promise<Room | StorageError> => {
    const [room] = await admission.enterAll(folder, [{ place: `${folder}/data/${path}`, size }])
    if (room === undefined) throw new Error('no answer')
    return room
  }
  /** @throws why there is no room. */
  const roomFor = async (folder: string, size: number) => {
    const room = await enter(folder, size)
    if (room instanceof StorageError) throw room
    return room
  }
  return { enter, roomFor }
}

describe('admission', () => {
  test('files in transfer count towards the quota until they are released', async () => {
    const { roomFor } = open(limited({ files: 2 }))
    const [first] = [await roomFor('pc', 1), await roomFor('pc', 1)]
    await expect(roomFor('pc', 1)).rejects.toMatchObject({ status: 'full', detail: 'quota files 2' })
    await roomFor('other', 1)
    first?.leave()
    first?.leave()
    await roomFor('pc', 1)
    await expect(roomFor('pc', 1)).rejects.toThrow('quota files 2')
  })

  test('names of files and of new directories count, so that a byte quota also bounds empty files', async () => {
    const { enter } = open(limited({ bytes: 6 * NAME }))
    // pc, data, a, b, and the file; then one more file beside it.
    expect(await enter('pc', 0, 'a/b/one')).not.toBeInstanceOf(StorageError)
    expect(await enter('pc', 0, 'a/b/two')).not.toBeInstanceOf(StorageError)
    expect(await enter('pc', 0, 'a/b/three')).toMatchObject({ status: 'full', missingBytes: NAME })
  })

  test('the directories of a refused file are counted again when the file is retried', async () => {
    const { enter } = open(limited({ bytes: 6 * NAME }))
    for (let round = 0; round < 3; round += 1)
      expect(await enter('pc', 0, 'a/b/c/d/e/one')).toMatchObject({ status: 'full', missingBytes: 2 * NAME })
    expect(await enter('pc', 0, 'a/b/one')).not.toBeInstanceOf(StorageError)
  })

  test('a file that was not written frees its reserved space for the next one', async () => {
    const root = temporaryDirectory('admission')
    const { roomFor } = open({ ...DEFAULT_RULES, floor: { bytes: 0, percent: 0 } }, root)
    const most = Math.floor(setSpace(root, MIB) * 0.6)
    const first = await roomFor('pc', most)
    first.leave()
    await roomFor('pc', most)
  })
})

describe('store with limits', () => {
  test('a large file in transfer reserves space only for the bytes that are still to come', async () => {
    const root = temporaryDirectory('admission')
    setSpace(root, 1024 * MIB)
    const { store, source } = await openAt(root, {
      // Half of the 100 MiB that are to be told apart is left for what the store itself writes.
      floor: { bytes: (1024 - 154) * MIB, percent: 100 },
    })
    const large = begin(store, source, 'large', 104 * MIB)
    expect(await large.offset).toBe(0)
    const receive = (name: string) => store.receive(smallFile(source, name, Buffer.from('x')))
    const piece = Buffer.alloc(MIB, 7)
    for (let count = 0; count < 100; count += 1) await large.write(piece)
    expect(await receive('other')).toMatchObject({ status: 'durable' })
    await large.abort(false)
  })

  test('a large file that is refused for lack of space reserves none, even before its sender aborts it', async () => {
    const { store, source } = await openLarge()
    const large = begin(store, source, 'file', 2 ** 50)
    expect(await large.offset).toBeNull()
    expect(large.refused?.status).toBe('full')
    const other = await store.source('other', 'data')
    const outcome = await store.receive(smallFile(other, 'small', Buffer.from('x')))
    expect(outcome).toMatchObject({ status: 'durable' })
    await large.abort(false)
  })

  test('a file is admitted only after the files already stored were counted', async () => {
    const root = temporaryDirectory('admission')
    const before = await openAt(root)
    const one = smallFile(before.source, 'one', Buffer.from('one'))
    expect((await before.store.receive(one)).status).toBe('durable')
    await before.store.close()
    const store = new Store(storeLayout(root), {
      thread: receiverParts.storeThread,
      rules: limited({ files: 1 }),
      log: () => undefined,
    })
    onTestFinished(() => store.close())
    // Its first call: the manifest has not been opened yet.
    const two = store.receive(smallFile(before.source, 'two', Buffer.from('two')))
    expect(await two).toEqual({ status: 'full', detail: 'quota files 1' })
  })

  test('a full store still answers that a content is stored, and stores no other content', async () => {
    const { root, store, source } = await openLarge(limited({ files: 1 }))
    const receive = (text: string) => store.receive(smallFile(source, 'file', Buffer.from(text)))
    const isThere = async (text: string) => {
      const bytes = Buffer.from(text)
      const copy = { from: { source, path: 'file' }, digest: computeDigest(bytes), isMoved: false }
      const { signal } = new AbortController()
      const file = offeredAs(source, 'file', bytes.length)
      return (await store.copy(file, copy, signal, createSemaphore(1))).status
    }
    expect((await receive('one')).status).toBe('durable')
    expect([await isThere('one'), await isThere('two')]).toEqual(['same', 'unknown'])
    expect(await receive('two')).toEqual({ status: 'full', detail: 'quota files 1' })
    expect(Object.keys(readTree(root)).filter((name) => !name.startsWith('.holdfast'))).toEqual([
      'pc/data/file',
    ])
  })
})
