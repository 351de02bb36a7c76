// @module-tag timeless
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { describeEvent } from '../../../core/restore/write/events.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { openManifestFile } from '../../../core/store/manifest/manifest.ts'
import { openSenders } from '../../../core/store/senders/senders.ts'
import type { Finding } from '../../../core/store/verify/findings.ts'
import { verifyStore, walkStore } from '../../../core/store/verify/verify.ts'
import { canMount, mountExt4, mountTmpfs } from '../../support/faults/mounts.ts'
import { openRestoring } from '../../support/store/restoring.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree, writeFile } from '../../support/transfer/transfer.ts'

/** A store with one file. */
async function setUp() {
  const world = await openRestoring()
  await world.put('file', 'content', { mode: 0o640, mtimeNs: 1_500_000_000_000_000_000n })
  return world
}

test('restore: a file that is not in the manifest is not restored, and a missing manifest is an error', async () => {
  const { base, store, root, layout, restore, stored, textsIn } = await setUp()
  fs.writeFileSync(stored('of somebody'), 'else')
  const to = path.join(base, 'to')
  expect((await restore(to)).summary).toMatchObject({ files: 1, restored: 1, failed: 0 })
  expect(textsIn(to)).toEqual({ 'pc/data/file': 'content' })
  await store.close()
  fs.rmSync(layout.manifest)
  await expect(restore(path.join(base, 'again'))).rejects.toMatchObject({
    sentence: { key: 'store.manifestNone', params: { path: layout.manifest, store: root } },
  })
  expect(fs.existsSync(path.join(base, 'again'))).toBe(false)
})

test('restore: an existing file of the same content gets its mode and time only if overwriting is allowed', async () => {
  const { base, restore } = await setUp()
  const to = path.join(base, 'to')
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
  expect((await restore(to, { overwrite: true })).summary).toMatchObject({ same: 1, restored: 0 })
  expect(facts()).toEqual([0o640, 1_500_000_000_000])
})

test('restore: an existing file of other content is kept unless overwriting is allowed', async () => {
  const { base, restore, textsIn } = await setUp()
  const to = path.join(base, 'to')
  writeFile(to, 'pc/data/file', 'newer work')
  expect(await restore(to)).toMatchObject({
    events: [{ kind: 'exists', to: path.join(to, 'pc/data/file') }],
    summary: { restored: 0, failed: 1 },
  })
  expect(textsIn(to)).toEqual({ 'pc/data/file': 'newer work' })
  expect((await restore(to, { overwrite: true })).summary).toMatchObject({ restored: 1, failed: 0 })
  expect(textsIn(to)).toEqual({ 'pc/data/file': 'content' })
})

test('restore: a damaged file is reported and not restored', async () => {
  const { base, put, restore, stored, textsIn } = await setUp()
  await put('rotten', 'as it was')
  fs.writeFileSync(stored('rotten'), 'as it is!')
  const to = path.join(base, 'to')
  const { events, summary } = await restore(to)
  expect(events).toContainEqual(expect.objectContaining({ kind: 'damaged', place: 'pc/data/rotten' }))
  expect(summary).toMatchObject({ restored: 1, failed: 1 })
  expect(textsIn(to)).toEqual({ 'pc/data/file': 'content' })
})

test('restore: a destination inside the store is refused, even through symbolic links', async () => {
  const { base, root, restore } = await setUp()
  fs.symlinkSync(root, path.join(base, 'link'))
  fs.symlinkSync(path.join(root, 'pc'), path.join(base, 'deeper'))
  const before = readTree(path.join(root, 'pc'))
  for (const destination of ['store', 'store/new', 'store/pc/data', 'link', 'link/a/b', 'deeper/new'])
    await expect(restore(path.join(base, destination)), destination).rejects.toMatchObject({
      sentence: { key: 'store.restoreInside', params: { path: path.join(base, destination) } },
    })
  expect(readTree(path.join(root, 'pc'))).toEqual(before)
  expect((await restore(path.join(base, 'store-2/new'))).summary).toMatchObject({ restored: 1 })
})

test('restore: a destination that cannot be created is an error, and an unknown sender creates no directory', async () => {
  const { base, restore } = await setUp()
  writeFile(base, 'file', 'x')
  for (const destination of ['file', 'file/below'])
    await expect(restore(path.join(base, destination)), destination).rejects.toMatchObject({
      sentence: {
        key: 'store.restoreNoDirectory',
        params: { path: path.join(base, destination), reason: 'ENOTDIR' },
      },
    })
  await expect(restore(path.join(base, 'new/deep'), { sender: 'nobody' })).rejects.toThrow(
    'nothing to restore',
  )
  expect(fs.existsSync(path.join(base, 'new'))).toBe(false)
})

test.skipIf(!canMount)('restore: a read-only disk is reported as the cause (needs root: mount)', async () => {
  const { restore } = await setUp()
  const disk = await mountTmpfs(onTestFinished)
  await disk.remount('ro')
  await expect(restore(path.join(disk.point, 'new/deep'))).rejects.toMatchObject({
    sentence: { key: 'store.restoreReadOnly', params: { reason: 'EROFS' } },
  })
})

test.skipIf(!canMount)(
  'restore: a file on a disk mounted within the destination is durable, too (needs root: mount)',
  async () => {
    const { base, put, restore, textsIn } = await setUp()
    await put('disk/photo', 'not to be lost')
    const disk = await mountExt4(onTestFinished)
    // Nothing goes to the disk unless it is synced (ext4(5)).
    await disk.remount('commit=600,noauto_da_alloc')
    const to = path.dirname(disk.point)
    expect((await restore(to, { sender: 'pc', source: 'data' })).summary).toMatchObject({ restored: 2 })
    const [image, copy] = [path.join(to, 'image'), path.join(base, 'copy')]
    fs.copyFileSync(image, `${image}-then`)
    fs.mkdirSync(copy)
    execFileSync('mount', ['-o', 'loop', `${image}-then`, copy])
    onTestFinished(() => void execFileSync('umount', ['-l', copy]))
    expect(textsIn(copy)).toMatchObject({ photo: 'not to be lost' })
  },
)

test('restore: a pipe, a symbolic link and a forged manifest row are reported, and other files are restored', async () => {
  const { base, put, restore, stored, inManifest, textsIn } = await setUp()
  for (const name of ['pipe', 'link', 'odd']) await put(name, name)
  for (const name of ['pipe', 'link']) fs.rmSync(stored(name))
  execFileSync('mkfifo', [stored('pipe')])
  fs.symlinkSync(stored('file'), stored('link'))
  inManifest("UPDATE file SET key = '../odd' WHERE key = 'odd'")
  const to = path.join(base, 'to')
  const { events, summary } = await restore(to)
  for (const place of ['pc/data/pipe', 'pc/data/link'])
    expect(events).toContainEqual({ kind: 'strange', place })
  expect(events).toContainEqual({ kind: 'badEntry', place: 'pc/data/../odd' })
  expect(summary).toMatchObject({ restored: 1, failed: 3 })
  expect(textsIn(to)).toEqual({ 'pc/data/file': 'content' })
})

test.each([
  ['a size beyond all numbers', 'size = 1152921504606846976'],
  ['a size beyond all files', 'size = 9007199254740990'],
  ['a blob as its path', "path = x'ff00'"],
  ['a blob as its version', "version = x'00'"],
  ['a text as its time', "mtime_s = 'today'"],
  ['a time of storing beyond all numbers', 'stored_at = -9223372036854775807'],
  ['a text as its digest', "digest = 'none'"],
])(
  'restore: a row of the manifest with %s is left out and named, and all others are restored',
  async (_, change) => {
    const { base, put, restore, inManifest, textsIn } = await setUp()
    await put('odd', 'odd')
    inManifest(`UPDATE file SET ${change} WHERE key = 'odd'`)
    const to = path.join(base, 'to')
    const { events, summary } = await restore(to)
    const bad = { kind: 'badEntry', place: 'pc/data/odd' } as const
    expect(events).toContainEqual(bad)
    const told = describeEvent('/store', bad)
    expect(told?.key).toBe('store.badEntry')
    expect(summary).toMatchObject({ restored: 1, failed: 1 })
    expect(textsIn(to)).toEqual({ 'pc/data/file': 'content' })
  },
)

test.each([
  ['an id beyond all numbers', "1152921504606846976, 'pc', 'odd'", 'pc/odd/'],
  ['a path as its name', "7, 'pc', '../odd'", 'pc/../odd/'],
  ['a blob as its name', "7, 'pc', x'6f6464'", 'pc/'],
])(
  'restore, list, verify: a folder of the manifest with %s is named, its files are not called unknown, and others are used',
  async (_, values, place) => {
    const { base, root, store, restore, list, inManifest, textsIn } = await setUp()
    inManifest(`INSERT INTO source (id, folder, directory) VALUES (${values})`)
    const isAt = place === 'pc/odd/'
    if (isAt) writeFile(root, 'pc/odd/file', 'lost')
    const bad = { kind: 'badEntry', place: expect.stringMatching(/\/$/) }
    const to = path.join(base, 'to')
    const { events, summary } = await restore(to)
    expect(events).toContainEqual(bad)
    expect(events.map((one) => ('place' in one ? one.place : ''))).toContainEqual(
      expect.stringContaining(place),
    )
    expect(describeEvent('/store', { kind: 'badEntry', place })?.key).toBe('store.badFolder')
    expect(summary).toMatchObject({ restored: 1, failed: 1 })
    expect(textsIn(to)).toEqual({ 'pc/data/file': 'content' })
    expect((await list()).summary).toMatchObject({ files: 1, failed: 1 })
    expect((await list({ sender: 'pc', source: 'data' })).summary).toMatchObject({ files: 1, failed: 0 })

    await store.close()
    const found: Finding[] = []
    const host = {
      notice: async () => undefined,
      found: async (one: Finding) => void found.push(one),
      progress: () => undefined,
    }
    await verifyStore(root, { adopt: true }, host)
    expect(found).toEqual([{ kind: 'strange', place: expect.stringContaining(place), isRow: true }])
    if (isAt) expect(fs.readFileSync(path.join(root, 'pc/odd/file'), 'utf8')).toBe('lost')
  },
)

test('restore: the store’s databases are readable by their user alone, also in a directory that existed', () => {
  const directory = temporaryDirectory('databases')
  fs.chmodSync(directory, 0o755)
  const file = path.join(directory, 'manifest.db')
  const before = process.umask(0o022)
  try {
    openManifestFile(file).database.close()
    expect((fs.statSync(file).mode & 0o777).toString(8)).toBe('600')
  } finally {
    process.umask(before)
  }
})

test('restore: a chosen sender, source or path is restored directly into the destination', async () => {
  const { base, put, restore, textsIn } = await setUp()
  for (const name of ['a/b/c', 'a/b0', 'a/b/d/e']) await put(name, name)
  let tries = 0
  const brought = async (wanted: Parameters<typeof restore>[1]) => {
    tries += 1
    const to = path.join(base, `to-${tries}`)
    await restore(to, wanted)
    return Object.keys(textsIn(to))
  }
  const [sender, source] = ['pc', 'data']
  expect(await brought({ sender })).toEqual(['data/a/b/c', 'data/a/b/d/e', 'data/a/b0', 'data/file'])
  expect(await brought({ sender, source })).toEqual(['a/b/c', 'a/b/d/e', 'a/b0', 'file'])
  expect(await brought({ sender, source, path: 'a/b/' })).toEqual(['c', 'd/e'])
  expect(await brought({ sender, source, path: 'a/b/c' })).toEqual(['c'])
})

test('list: a name or time that the store does not have is an error, not an empty list', async () => {
  const { root, list } = await setUp()
  expect((await list({ sender: 'pc' })).summary).toMatchObject({ files: 1 })
  for (const only of [
    { sender: 'none' },
    { sender: 'pc', source: 'none' },
    { sender: 'pc', source: 'data', path: 'none' },
  ])
    await expect(list(only)).rejects.toMatchObject({
      sentence: { key: 'store.restoreNothing', params: { path: [root, ...Object.values(only)].join('/') } },
    })
  await expect(list({ sender: 'pc', at: 1 })).rejects.toMatchObject({
    sentence: { key: 'store.restoreNothingThen' },
  })
  const empty = await openRestoring()
  expect((await empty.list()).summary).toMatchObject({ files: 0 })
})

test('store walk: the lost+found directory of the store’s disk is left out', async () => {
  const store = path.join(temporaryDirectory('lost'), 'store')
  const layout = storeLayout(store)
  const walked = async () => {
    const places: string[] = []
    for await (const { place } of walkStore(layout)) places.push(place.join('/'))
    return places.sort()
  }
  writeFile(store, 'lost+found/#12', 'of fsck')
  writeFile(store, 'pc/lost+found/file', 'of a sender')
  const ofSenders = ['pc/lost+found/file']
  expect(await walked()).toEqual(ofSenders)

  const senders = await openSenders(layout.senders, () => undefined)
  const paired = await senders.pair('a'.repeat(64), 'lost+found', 1, null)
  expect(paired.folder).toBe('lost+found-2')
  expect(await walked()).toEqual(ofSenders)
})

test('restore: a path is found by its spelling when sent, even where the store’s file system folds case', async () => {
  const { base, put, restore, inManifest, textsIn } = await setUp()
  await put('Photos/IMG', 'upper')
  await put('photos', 'another')
  // As on a file system that does not tell upper from lower case.
  inManifest("UPDATE file SET path = 'Photos/IMG', key = 'photos/img' WHERE key = 'Photos/IMG'")
  const to = (name: string) => path.join(base, name)
  const [sender, source] = ['pc', 'data']
  await restore(to('directory'), { sender, source, path: 'Photos' })
  await restore(to('file'), { sender, source, path: 'Photos/IMG' })
  expect([textsIn(to('directory')), textsIn(to('file'))]).toEqual([{ IMG: 'upper' }, { IMG: 'upper' }])
  await restore(to('other'), { sender, source, path: 'photos' })
  expect(textsIn(to('other'))).toEqual({ photos: 'another' })
})
