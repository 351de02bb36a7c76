import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { storeLayout } from '../../../core/receive/layout.ts'
import type { RestoreEvent } from '../../../core/receive/restore/restore.ts'
import { listStore, restoreStore } from '../../../core/receive/restore/restore.ts'
import { openSenders } from '../../../core/receive/senders/senders.ts'
import { walkStore } from '../../../core/receive/verify/walk.ts'
import { canMount, mountTmpfs } from '../../support/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { treeOf, writeFile } from '../../support/transfer.ts'

/** A store that was copied without its manifest. */
function setUp() {
  const base = temporaryDirectory('restore')
  const store = path.join(base, 'store')
  writeFile(store, 'pc/data/file', 'content')
  const wanted = { sender: null, source: null, path: null, at: null, version: null }
  const restore = async (destination: string, overwrite = false) => {
    const events: RestoreEvent[] = []
    const host = { event: async (one: RestoreEvent) => void events.push(one), progress: () => undefined }
    const summary = await restoreStore(store, destination, wanted, overwrite, host)
    return { events, summary }
  }
  const list = (only: Partial<Record<'sender' | 'source' | 'path', string>> & { at?: number }) =>
    listStore(store, { ...wanted, ...only }, { event: () => Promise.resolve(), progress: () => undefined })
  return { base, store, restore, list }
}

test('what the manifest does not know is not told as verified, whether it was restored or was there', async () => {
  const { base, restore } = setUp()
  const to = path.join(base, 'to')
  expect(await restore(to)).toMatchObject({
    events: [{ kind: 'restored', verified: false }],
    summary: { restored: 1, unverified: 1 },
  })
  expect(await restore(to)).toMatchObject({
    events: [{ kind: 'same', verified: false }],
    summary: { restored: 0, same: 1, unverified: 1 },
  })
})

test('a file that is there has its mode and time set where it might be replaced, and stays as it is elsewhere', async () => {
  const { base, store, restore } = setUp()
  const to = path.join(base, 'to')
  const stored = path.join(store, 'pc/data/file')
  fs.chmodSync(stored, 0o640)
  fs.utimesSync(stored, 1_500_000_000, 1_500_000_000)
  writeFile(to, 'pc/data/file', 'content')
  const file = path.join(to, 'pc/data/file')
  fs.chmodSync(file, 0o400)
  fs.utimesSync(file, 1_700_000_000, 1_700_000_000)
  const facts = () => {
    const { mode, mtimeMs } = fs.statSync(file)
    return [mode & 0o777, mtimeMs]
  }
  expect((await restore(to)).summary).toMatchObject({ same: 1 })
  expect(facts()).toEqual([0o400, 1_700_000_000_000])
  expect((await restore(to, true)).summary).toMatchObject({ same: 1, restored: 0 })
  expect(facts()).toEqual([0o640, 1_500_000_000_000])
})

test('no path that leads into the store is restored to, whatever links it takes', async () => {
  const { base, store, restore } = setUp()
  fs.symlinkSync(store, path.join(base, 'link'))
  fs.symlinkSync(path.join(store, 'pc'), path.join(base, 'deeper'))
  const before = treeOf(store)
  for (const destination of ['store', 'store/new', 'store/pc/data', 'link', 'link/a/b', 'deeper/new'])
    await expect(restore(path.join(base, destination)), destination).rejects.toMatchObject({
      sentence: { key: 'store.restoreInside', params: { path: path.join(base, destination) } },
    })
  expect(treeOf(store)).toEqual(before)
  expect((await restore(path.join(base, 'store-2/new'))).summary).toMatchObject({ restored: 1 })
})

test('a destination that cannot be made is told once, and nothing is made for a name that nobody sent', async () => {
  const { base, store, restore } = setUp()
  writeFile(base, 'file', 'x')
  for (const destination of ['file', 'file/below'])
    await expect(restore(path.join(base, destination)), destination).rejects.toMatchObject({
      sentence: {
        key: 'store.restoreNoDirectory',
        params: { path: path.join(base, destination), reason: 'ENOTDIR' },
      },
    })
  fs.rmSync(path.join(store, 'pc'), { recursive: true })
  await expect(restore(path.join(base, 'new/deep'))).rejects.toThrow('nothing to restore')
  expect(fs.existsSync(path.join(base, 'new'))).toBe(false)
})

test.skipIf(!canMount)('of a read-only disk that is the cause that is told (needs root: mount)', async () => {
  const { restore } = setUp()
  const disk = await mountTmpfs(onTestFinished)
  await disk.remount('ro')
  await expect(restore(path.join(disk.point, 'new/deep'))).rejects.toMatchObject({
    sentence: { key: 'store.restoreReadOnly', params: { reason: 'EROFS' } },
  })
})

test('what is no file is told as such, and holds nothing up', async () => {
  const { base, store, restore } = setUp()
  execFileSync('mkfifo', [path.join(store, 'pc/data/pipe')])
  expect(await restore(path.join(base, 'to'))).toMatchObject({
    events: expect.arrayContaining([{ kind: 'strange', place: 'pc/data/pipe' }]),
    summary: { restored: 1, failed: 1 },
  })
})

test('names that the store does not have are no empty list', async () => {
  const { store, list } = setUp()
  expect(await list({ sender: 'pc' })).toMatchObject({ files: 1 })
  for (const only of [
    { sender: 'none' },
    { sender: 'pc', source: 'none' },
    { sender: 'pc', source: 'data', path: 'none' },
  ])
    await expect(list(only)).rejects.toMatchObject({
      sentence: { key: 'store.restoreNothing', params: { path: [store, ...Object.values(only)].join('/') } },
    })
  await expect(list({ sender: 'pc', at: 1 })).rejects.toMatchObject({
    sentence: { key: 'store.restoreNothingThen' },
  })
  fs.rmSync(path.join(store, 'pc'), { recursive: true })
  expect(await list({})).toMatchObject({ files: 0 })
})

/** What verify and restore see of the store. */
async function seen({ base, store, restore }: ReturnType<typeof setUp>) {
  const walked: string[] = []
  for await (const { place } of walkStore(storeLayout(store))) walked.push(place.join('/'))
  fs.rmSync(path.join(base, 'to'), { recursive: true, force: true })
  const { summary } = await restore(path.join(base, 'to'))
  return { walked: walked.sort(), restored: summary.restored, failed: summary.failed }
}

test("a disk's own lost+found is no part of the store that the disk is, unless a sender has that folder", async () => {
  const world = setUp()
  const { store } = world
  writeFile(store, 'lost+found/#12', 'of fsck')
  writeFile(store, 'pc/lost+found/file', 'of a sender')
  const ofSenders = ['pc/data/file', 'pc/lost+found/file']
  expect(await seen(world)).toEqual({ walked: ofSenders, restored: 2, failed: 0 })

  const senders = await openSenders(storeLayout(store).senders, () => undefined)
  const paired = await senders.pair('a'.repeat(64), 'lost+found', 1)
  expect(paired.folder).toBe('lost+found-2')
  expect(await seen(world)).toEqual({ walked: ofSenders, restored: 2, failed: 0 })

  // As an earlier Holdfast could give it.
  const { senders: file } = storeLayout(store)
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('lost+found-2', 'lost+found'))
  const all = { walked: ['lost+found/#12', ...ofSenders], restored: 3, failed: 0 }
  expect(await seen(world)).toEqual(all)
  fs.writeFileSync(file, 'broken')
  expect(await seen(world)).toEqual(all)
})
