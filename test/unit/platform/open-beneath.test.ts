import { closeSync, constants, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openBeneathSync } from '../../../core/platform/openat2.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

// As on a kernel without openat2(2).
vi.mock('../../../core/platform/native.ts', async (original) => ({
  ...(await original<typeof import('../../../core/platform/native.ts')>()),
  native: null,
}))

test('path below a directory, without openat2: a link is not followed, and no descriptor stays open', () => {
  const root = temporaryDirectory('beneath')
  mkdirSync(path.join(root, 'a/b/c'), { recursive: true })
  writeFileSync(path.join(root, 'a/b/c/file'), 'content')
  symlinkSync(path.join(root, 'a/b'), path.join(root, 'a/link'), 'dir')
  const base = process.platform === 'linux' ? openSync(root, constants.O_RDONLY) : -1
  onTestFinished(() => (base === -1 ? undefined : closeSync(base)))
  const open = (name: string) => openBeneathSync(base, root, name, constants.O_RDONLY)
  const read = () => {
    const fd = open('a/b/c/file')
    expect(readFileSync(fd, 'utf8')).toBe('content')
    closeSync(fd)
    return fd
  }
  const first = read()
  for (const name of ['a/link', 'a/link/c/file', 'a/b/none', 'a/none/file'])
    expect(() => open(name)).toThrow()
  // The system gives the lowest free number.
  expect([read(), read()]).toEqual([first, first])
})
