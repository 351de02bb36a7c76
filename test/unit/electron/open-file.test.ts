import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { temporaryDirectory } from '../../support/temporary.ts'

const shell = vi.hoisted(() => ({ openPath: vi.fn(async () => ''), showItemInFolder: vi.fn() }))
const fs = vi.hoisted(() => ({ hangs: false }))
vi.mock('electron', () => ({ shell }))
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const realpath = (file: string) => (fs.hangs ? new Promise(() => undefined) : real.realpath(file))
  return { ...real, realpath }
})

const { isInside, openFile } = await import('../../../electron/main/open-file.ts')

beforeEach(() => void vi.clearAllMocks())

const folder = () => realpathSync(temporaryDirectory('open'))
const open = (root: string, name: string) => openFile(path.join(root, name), root, 'refuse.notOpened')

test.each(['notes.txt', 'Photo.JPG', 'run.exe.pdf', 'table.xlsx'])(
  'opening a file: plain data such as %s opens in its program',
  async (name) => {
    const root = folder()
    writeFileSync(path.join(root, name), 'x')
    await open(root, name)
    expect(shell.openPath).toHaveBeenCalledExactlyOnceWith(path.join(root, name))
    expect(shell.showItemInFolder).not.toHaveBeenCalled()
  },
)

test.each([
  ...['x.exe', 'x.py', 'x.AppImage', 'x.url', 'x.terminal', 'x.xlsm', 'x.html', 'x.svg', 'x.pdf.exe'],
  ...['script', 'pdf', 'x.pdf.', 'x.exe ', 'x.pdf ', 'x.txt\n', 'x.dat'],
])('opening a file: %j is shown in its folder', async (name) => {
  const root = folder()
  writeFileSync(path.join(root, name), 'x')
  await open(root, name)
  expect(shell.showItemInFolder).toHaveBeenCalledExactlyOnceWith(path.join(root, name))
  expect(shell.openPath).not.toHaveBeenCalled()
})

test('opening a file: a link is judged by its target, which must be in the same folder', async () => {
  const [root, elsewhere] = [folder(), folder()]
  mkdirSync(path.join(root, 'inner'))
  writeFileSync(path.join(root, 'inner/x.exe'), 'x')
  writeFileSync(path.join(root, 'inner/x.pdf'), 'x')
  writeFileSync(path.join(elsewhere, 'x.pdf'), 'x')
  symlinkSync('inner/x.exe', path.join(root, 'program.pdf'))
  symlinkSync('inner/x.pdf', path.join(root, 'document'))
  symlinkSync(path.join(elsewhere, 'x.pdf'), path.join(root, 'outside.pdf'))
  for (const name of ['program.pdf', 'outside.pdf', 'document']) await open(root, name)
  expect(shell.showItemInFolder.mock.calls).toEqual([
    [path.join(root, 'program.pdf')],
    [path.join(root, 'outside.pdf')],
  ])
  expect(shell.openPath).toHaveBeenCalledExactlyOnceWith(path.join(root, 'inner/x.pdf'))
})

test('opening a file: a folder that is reached through a link contains its files', async () => {
  const root = folder()
  writeFileSync(path.join(root, 'notes.txt'), 'x')
  const link = path.join(folder(), 'link')
  symlinkSync(root, link)
  await open(link, 'notes.txt')
  expect(shell.openPath).toHaveBeenCalledExactlyOnceWith(path.join(root, 'notes.txt'))
})

test('opening a file: one that is gone, or that no program opens, is refused by its name', async () => {
  const root = folder()
  const refused = { key: 'refuse.notOpened', params: { path: 'notes.txt' } }
  await expect(open(root, 'notes.txt')).rejects.toMatchObject({ sentence: refused })
  writeFileSync(path.join(root, 'notes.txt'), 'x')
  shell.openPath.mockResolvedValueOnce('no program')
  await expect(open(root, 'notes.txt')).rejects.toMatchObject({ sentence: refused })
})

test('opening a file: a disk that does not answer is named', async () => {
  vi.useFakeTimers()
  fs.hangs = true
  try {
    const refused = expect(open('/hung', 'notes.txt')).rejects.toMatchObject({
      sentence: { key: 'store.hung' },
    })
    await vi.advanceTimersByTimeAsync(2_000)
    await refused
    expect(shell.showItemInFolder).not.toHaveBeenCalled()
  } finally {
    fs.hangs = false
    vi.useRealTimers()
  }
})

test.each([
  ['D:\\data', 'D:\\data\\2026\\x.txt', true],
  ['D:\\data', 'd:\\Data\\x.txt', true],
  ['D:\\', 'D:\\x.txt', true],
  ['D:\\data', 'D:\\data', true],
  ['D:\\data', 'D:\\data\\..x.txt', true],
  ['D:\\data', 'D:\\database\\x.txt', false],
  ['D:\\data', 'D:\\', false],
  ['D:\\data', 'C:\\x.txt', false],
  ['\\\\nas\\data', '\\\\nas\\other\\x.txt', false],
])('confinement: on Windows %s contains %s: %s', (root, file, inside) => {
  expect(isInside(file, root, path.win32)).toBe(inside)
})

test.each([
  ['/', '/x.txt', true],
  ['/data', '/data/..x.txt', true],
  ['/data', '/database/x.txt', false],
  ['/data/inner', '/data', false],
])('confinement: on Linux %s contains %s: %s', (root, file, inside) => {
  expect(isInside(file, root, path.posix)).toBe(inside)
})
