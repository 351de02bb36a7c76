import fs from 'node:fs'
import path from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { toFileStat } from '../../../core/platform/file-metadata.ts'
import { holdDirectory } from '../../../core/platform/openat2.ts'
import {
  asideName,
  safeUnlink,
  settleInterruptedRemoval,
  withDirectory,
} from '../../../core/send/delete-after-send/safe-unlink.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const ID = 42
type HasWriter = (fd: number) => 'no' | 'yes' | 'unknown'
const free: HasWriter = () => 'no'

const writers = vi.hoisted(() => ({ has: (_fd: number): string => 'no' }))
vi.mock('../../../core/platform/native.ts', async (original) => ({
  ...(await original<typeof import('../../../core/platform/native.ts')>()),
  hasWriter: (fd: number) => writers.has(fd),
}))
beforeEach(() => {
  writers.has = free
})

/** A verified file, and what is about to take it away. */
function setUp() {
  const root = temporaryDirectory('take-away')
  const file = path.join(root, 'd', 'file')
  fs.mkdirSync(path.dirname(file))
  fs.writeFileSync(file, 'sent')
  const stats = fs.lstatSync(file, { bigint: true })
  const facts = { id: ID, ...toFileStat(stats) }
  const take = async (hasWriter: HasWriter = free, device = stats.dev) => {
    writers.has = hasWriter
    return withDirectory({ path: root }, 'd/file', (directory) =>
      safeUnlink(directory, 'file', facts, device),
    )
  }
  const listed = () => fs.readdirSync(path.dirname(file)).sort()
  return { root, file, take, listed, aside: path.join(root, 'd', asideName(ID)) }
}

// Linux only: /proc/self/fd.
const onLinux = test.skipIf(process.platform !== 'linux')

onLinux('safe unlink: a file that is unchanged since its verification is removed', async () => {
  const { take, listed } = setUp()
  expect([await take(), listed()]).toEqual(['removed', []])
  expect(await take()).toBe('absent')
})

onLinux.each(['yes', 'unknown'] as const)(
  'safe unlink: a file that may have a writer (%s) gets its name back',
  async (answer) => {
    const { take, listed } = setUp()
    expect([await take(() => answer), listed()]).toEqual(['stays', ['file']])
  },
)

onLinux('safe unlink: a newer file in place of the verified one gets its name back', async () => {
  const { file, take, listed } = setUp()
  fs.writeFileSync(`${file}.new`, 'newer')
  fs.renameSync(`${file}.new`, file)
  expect([await take(), listed(), fs.readFileSync(file, 'utf8')]).toEqual(['stays', ['file'], 'newer'])
})

onLinux('safe unlink: a file that changes between the rename and the last check stays', async () => {
  const { file, take, listed } = setUp()
  const meanwhile: HasWriter = (fd) => {
    fs.appendFileSync(`/proc/self/fd/${fd}`, ', and more')
    return 'no'
  }
  expect([await take(meanwhile), listed(), fs.readFileSync(file, 'utf8')]).toEqual([
    'stays',
    ['file'],
    'sent, and more',
  ])
})

onLinux(
  'safe unlink: a file whose name is taken while it is set aside is kept under another name',
  async () => {
    const { file, take, listed } = setUp()
    const meanwhile: HasWriter = () => {
      fs.writeFileSync(file, 'another')
      return 'yes'
    }
    expect([await take(meanwhile), listed()]).toEqual(['stays', ['file', 'file.kept-42-1']])
    expect(fs.readFileSync(file, 'utf8')).toBe('another')
    expect(fs.readFileSync(`${file}.kept-42-1`, 'utf8')).toBe('sent')
  },
)

onLinux('safe unlink: a file on a device with an unexpected number stays', async () => {
  const { take, listed } = setUp()
  expect([await take(free, 1n), listed()]).toEqual(['stays', ['file']])
})

onLinux('safe unlink: a file set aside under an earlier ledger is not overwritten', async () => {
  const { take, listed, file, aside } = setUp()
  fs.writeFileSync(aside, 'from before')
  expect([await take(), listed()]).toEqual(['removed', ['file.kept-42-1']])
  expect(fs.readFileSync(`${file}.kept-42-1`, 'utf8')).toBe('from before')
})

onLinux.each([
  ['a path through a symbolic link', 'd/link/file', 'ENOTDIR'],
  ['a path with ".."', 'd/../file', 'EINVAL'],
  ['a path through a file', 'd/file/x', 'ENOTDIR'],
  ['a path in a missing directory', 'gone/file', 'ENOENT'],
])('safe unlink: %s is rejected with $2', async (_what, name, code) => {
  const { root } = setUp()
  fs.mkdirSync(path.join(root, 'elsewhere'))
  fs.symlinkSync(path.join(root, 'elsewhere'), path.join(root, 'd', 'link'))
  await expect(withDirectory({ path: root }, name, async () => undefined)).rejects.toMatchObject({ code })
})

onLinux('safe unlink: an interrupted removal is settled in each of its states', async () => {
  const { root, file, aside, listed } = setUp()
  const held = await holdDirectory(root, 'd')
  const directory = held.path
  expect(await settleInterruptedRemoval(directory, ID, 'file')).toBe('stays')
  fs.renameSync(file, aside)
  expect([await settleInterruptedRemoval(directory, ID, 'file'), listed()]).toEqual(['stays', ['file']])
  fs.rmSync(file)
  expect(await settleInterruptedRemoval(directory, ID, 'file')).toBe('removed')
  await held.close()
})
