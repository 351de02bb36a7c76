import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { createNameFilter } from '../../../core/filter/exclusion-rules.ts'
import type { Mount } from '../../../core/platform/mounts.ts'
import { OwnPlaces } from '../../../core/walk/own-places.ts'
import { describeUnsendable, walk, walkRegions } from '../../../core/walk/walk.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** The mounts that the system lists. */
const system = vi.hoisted(() => ({ mounts: [] as Mount[] | null }))
vi.mock('../../../core/platform/mounts.ts', async (original) => ({
  ...(await original<typeof import('../../../core/platform/mounts.ts')>()),
  readMounts: () => system.mounts,
}))
beforeEach(() => {
  system.mounts = [mount('/', '8:1')]
})

const mount = (point: string, device: string): Mount => ({
  ...{ id: 1, device, point, type: 'ext4', source: device, options: ['rw'], superOptions: ['rw'] },
})
const { signal } = new AbortController()
const filter = createNameFilter({ ignore: ['left-out', 'no.txt'], marks: [] })

/** Creates files, by their paths. */
function makeTree(...files: string[]): string {
  const root = temporaryDirectory('walk')
  for (const file of files) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
    writeFileSync(path.join(root, file), file)
  }
  return root
}

/** Lists a tree: its files, and everything else with the reason. */
async function list(chunks: ReturnType<typeof walk>) {
  const files: string[] = []
  const others: Record<string, string> = {}
  for await (const chunk of chunks) {
    files.push(...chunk.files.map((file) => file.path))
    for (const one of chunk.skipped) others[one.path] = 'type' in one ? one.type : one.why
    for (const one of chunk.unsendable) others[one.path] = 'code' in one ? one.code : one.why
  }
  return { files: files.sort(), others }
}

test('walk: what is no file, is left out or has a name that is not UTF-8 is reported with its reason', async () => {
  const root = makeTree(
    'a',
    'd/b',
    'left-out/c',
    'd/no.txt',
    'store/.holdfast/manifest.db',
    'store/x',
    'own/y',
  )
  symlinkSync('a', path.join(root, 'link'))
  execFileSync('mkfifo', [path.join(root, 'fifo')])
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(path.join(root, 'socket'), resolve))
  onTestFinished(() => void server.close())
  writeFileSync(Buffer.concat([Buffer.from(`${root}/d/bad-`), Buffer.from([0xff])]), '')
  const own = new OwnPlaces([path.join(root, 'own'), path.join(root, 'gone')])
  await own.refresh()
  const found = await list(walk({ root, base: '', filter, recursive: true, signal, own, leaveOut: ['kept'] }))
  expect(found).toEqual({
    files: ['a', 'd/b'],
    others: {
      ...{ link: 'symlink', fifo: 'fifo', socket: 'socket', 'left-out': 'ignored', 'd/no.txt': 'ignored' },
      ...{ 'd/bad-\uFFFD': 'name', store: 'own-place', own: 'own-place' },
    },
  })
  expect(
    await list(walk({ root: path.join(root, 'own'), base: '', filter, recursive: true, signal, own })),
  ).toEqual({
    files: [],
    others: { '': 'own-place' },
  })
  expect(await list(walk({ root, base: 'd', filter, recursive: false, signal }))).toMatchObject({
    files: ['d/b'],
  })
})

test('walk: an ended signal ends it, and a directory that has become a link is not entered', async () => {
  const root = makeTree('a/x', 'other/y')
  expect(await list(walk({ root, base: '', filter, recursive: true, signal: AbortSignal.abort() }))).toEqual({
    files: [],
    others: {},
  })
  const chunks = walk({ root, base: '', filter, recursive: true, signal })
  await chunks.next()
  renameSync(path.join(root, 'a'), path.join(root, 'b'))
  symlinkSync('b', path.join(root, 'a'))
  expect(await list(chunks)).toEqual({ files: ['other/y'], others: {} })
})

test('walk of regions: a disk inside, a mounted file, and mounts that are left out or gone', async () => {
  const root = makeTree('a', 'disk/b', 'disk/inner/c', 'single', 'mine', 'no.txt', 'left-out/x/d')
  const points = ['disk', 'disk/inner', 'single', 'mine', 'no.txt', 'left-out/x', 'gone']
  const inner = points.map((name, index) => mount(path.join(root, name), `9:${index}`))
  system.mounts = [mount('/', '8:1'), ...inner]
  const own = new OwnPlaces([path.join(root, 'mine')])
  await own.refresh()
  const options = { root, base: '', filter, signal, own }
  const scope = { oneFileSystem: false, away: () => [] as string[] }
  expect(await list(walkRegions({ ...options, scope }))).toEqual({
    files: ['a', 'disk/b', 'disk/inner/c', 'single'],
    others: { 'left-out': 'ignored', mine: 'own-place' },
  })
  expect(await list(walkRegions({ ...options, scope: { ...scope, oneFileSystem: true } }))).toMatchObject({
    files: ['a'],
    others: { disk: 'other-file-system', single: 'other-file-system' },
  })
  // The directory under the mount point of an absent disk is not scanned.
  system.mounts = [mount('/', '8:1')]
  const away = () => [path.join(root, 'disk')]
  expect((await list(walkRegions({ ...options, scope: { ...scope, away } }))).files).toEqual(['a', 'single'])
  system.mounts = null
  const all = await list(walkRegions({ ...options, scope }))
  expect(all.files).toEqual(['a', 'disk/b', 'disk/inner/c', 'single'])
})

test('own places: those below a directory are listed relative to it, and it is none of them', async () => {
  const root = makeTree('a/x', 'ab/y', 'b')
  const own = new OwnPlaces(['a', 'ab', 'b/none', ''].map((name) => path.join(root, name)))
  await own.refresh()
  expect(own.below(root).sort()).toEqual(['a', 'ab'])
  expect(own.below(path.join(root, 'a'))).toEqual([])
  expect(own.has(statSync(path.join(root, 'a'), { bigint: true }))).toBe(true)
  expect(own.has(statSync(path.join(root, 'b'), { bigint: true }))).toBe(false)
})

test('walk: the sentence about something that cannot be sent names its path, of which a long one is cut', () => {
  const of = (unsendable: Parameters<typeof describeUnsendable>[1]) => describeUnsendable('/data', unsendable)
  expect(of({ why: 'name', path: 'a' })).toEqual({ key: 'scan.nameNotUtf8', params: { path: '/data/a' } })
  expect(of({ why: 'file', path: 'a', code: 'EIO' })).toMatchObject({
    key: 'scan.fileUnreadable',
    params: { reason: 'EIO' },
  })
  expect(of({ why: 'directory', path: '', code: 'EACCES' })).toMatchObject({
    key: 'scan.directoryUnreadable',
    params: { path: '/data' },
  })
  for (const why of ['file', 'directory'] as const)
    expect(of({ why, path: 'a', code: 'ENAMETOOLONG' }).key).toBe('scan.pathTooLong')
  const length = (path: string) => String(of({ why: 'name', path }).params.path).length
  expect([length('x'.repeat(294)), length('x'.repeat(295))]).toEqual([300, 301])
})
