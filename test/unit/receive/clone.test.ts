import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { openStore } from '../../../core/receive/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { treeOf } from '../../support/transfer.ts'

/** What the file system of the test answers to the wish to share blocks, and how often it was asked. */
const disk = vi.hoisted(() => ({ answer: '', asked: 0 }))
// Few machines have a file system with FICLONE: a copy of the whole file stands for the clone.
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  return {
    ...real,
    async copyFile(from: string, to: string, mode: number) {
      expect(mode).toBe(fs.constants.COPYFILE_FICLONE_FORCE)
      disk.asked += 1
      if (disk.answer !== '') {
        // libuv takes the new file away when it cannot clone.
        await real.unlink(to)
        throw Object.assign(new Error('no clone'), { code: disk.answer })
      }
      await real.copyFile(from, to)
      await real.chmod(to, 0o400)
    },
  }
})

beforeEach(() => Object.assign(disk, { answer: '', asked: 0 }))

const content = Buffer.alloc(2_500_000, 'some content ')

function open() {
  const root = temporaryDirectory('clones')
  const store = openStore(root)
  onTestFinished(() => store.close())
  const own = path.join(root, 'pc', 'data')
  fs.mkdirSync(own, { recursive: true })
  const copy = (to: string, from: string) =>
    store.copy(
      { folder: 'pc', source: 'data', path: to, size: content.length, mtimeMs: 5_000, mode: 0o640 },
      { source: 'data', path: from },
      createHash('sha256').update(content).digest(),
      new AbortController().signal,
    )
  return { own, copy, temporary: () => treeOf(path.join(root, '.holdfast', 'tmp')) }
}

test.runIf(process.platform === 'linux')(
  'a clone is looked at before it is placed: what has rotted is unknown',
  async () => {
    const { own, copy, temporary } = open()
    fs.writeFileSync(path.join(own, 'old'), content)
    expect((await copy('new', 'old')).status).toBe('durable')
    expect(fs.readFileSync(path.join(own, 'new')).equals(content)).toBe(true)
    expect(fs.statSync(path.join(own, 'new')).mode & 0o777).toBe(0o640)
    const rotten = Buffer.from(content)
    rotten[2_400_000] = 0
    fs.writeFileSync(path.join(own, 'rotten'), rotten)
    expect((await copy('another', 'rotten')).status).toBe('unknown')
    expect(Object.keys(treeOf(own)).sort()).toEqual(['new', 'old', 'rotten'])
    expect([disk.asked, temporary()]).toEqual([2, {}])
  },
)

test.runIf(process.platform === 'linux').each([
  ['EOPNOTSUPP', 1],
  ['EXDEV', 2],
  ['EIO', 2],
])('%s: it is copied instead, and asked %i times for two files', async (code, times) => {
  const { own, copy, temporary } = open()
  disk.answer = code
  fs.writeFileSync(path.join(own, 'old'), content)
  for (const name of ['one', 'two']) expect((await copy(name, 'old')).status).toBe('durable')
  expect(fs.readFileSync(path.join(own, 'two')).equals(content)).toBe(true)
  expect([disk.asked, temporary()]).toEqual([times, {}])
})
