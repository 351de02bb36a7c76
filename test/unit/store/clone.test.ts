import fs from 'node:fs'
import path from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { createSemaphore } from '../../../core/lib/async/semaphore.ts'
import { computeDigest, offeredAs } from '../../support/store/file-facts.ts'
import { openLarge } from '../../support/store/large-files.ts'
import { readTree } from '../../support/transfer/transfer.ts'

/** What the file system of the test answers to the wish to share blocks, and how often it was asked. */
const disk = vi.hoisted(() => ({ answer: '', asked: 0 }))
// Few machines have a file system with FICLONE: a copy of the whole file stands for the clone.
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  return {
    ...real,
    async copyFile(from: string, to: string, mode: number) {
      expect(mode).toBe(fs.constants.COPYFILE_FICLONE_FORCE | fs.constants.COPYFILE_EXCL)
      disk.asked += 1
      if (disk.answer !== '') throw Object.assign(new Error('no clone'), { code: disk.answer })
      await real.copyFile(from, to)
      await real.chmod(to, 0o400)
    },
  }
})

beforeEach(() => Object.assign(disk, { answer: '', asked: 0 }))

const content = Buffer.alloc(2_500_000, 'some content ')

async function open() {
  const { root, store, source } = await openLarge()
  const own = path.join(root, 'pc', 'data')
  fs.mkdirSync(own, { recursive: true })
  const { signal } = new AbortController()
  const copy = async (to: string, from: string) => {
    const what = { from: { source, path: from }, digest: computeDigest(content), isMoved: false }
    return await store.copy(offeredAs(source, to, content.length), what, signal, createSemaphore(1))
  }
  return { own, copy, temporary: () => readTree(path.join(root, '.holdfast', 'tmp')) }
}

test.runIf(process.platform === 'linux')(
  'copy by clone: the clone is verified before it is placed, and damaged content is answered with unknown',
  async () => {
    const { own, copy, temporary } = await open()
    fs.writeFileSync(path.join(own, 'old'), content)
    expect((await copy('new', 'old')).status).toBe('durable')
    expect(fs.readFileSync(path.join(own, 'new')).equals(content)).toBe(true)
    expect(fs.statSync(path.join(own, 'new')).mode & 0o777).toBe(0o600)
    const rotten = Buffer.from(content)
    rotten[2_400_000] = 0
    fs.writeFileSync(path.join(own, 'rotten'), rotten)
    expect((await copy('another', 'rotten')).status).toBe('unknown')
    expect(Object.keys(readTree(own)).sort()).toEqual(['new', 'old', 'rotten'])
    expect([disk.asked, temporary()]).toEqual([2, {}])
  },
)

test.runIf(process.platform === 'linux').each([
  ['EOPNOTSUPP', 1],
  ['EXDEV', 2],
  ['EIO', 2],
])(
  'copy by clone: after %s the content is copied instead, with %i clone attempts for two files',
  async (code, times) => {
    const { own, copy, temporary } = await open()
    disk.answer = code
    fs.writeFileSync(path.join(own, 'old'), content)
    for (const name of ['one', 'two']) expect((await copy(name, 'old')).status).toBe('durable')
    expect(fs.readFileSync(path.join(own, 'two')).equals(content)).toBe(true)
    expect([disk.asked, temporary()]).toEqual([times, {}])
  },
)
