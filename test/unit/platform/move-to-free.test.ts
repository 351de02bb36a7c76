import fs from 'node:fs'
import path from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { moveToFree } from '../../../core/platform/files.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const disk = vi.hoisted(() => ({ answer: '' }))
// No FAT can be mounted everywhere: its answer to link(2) stands for it.
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  return {
    ...real,
    async link(from: string, to: string) {
      if (disk.answer === '') return real.link(from, to)
      throw Object.assign(new Error('no link'), { code: disk.answer })
    },
  }
})

beforeEach(() => Object.assign(disk, { answer: '' }))

test.each(['', 'EPERM', 'ENOTSUP', 'ENOSYS'])(
  '`moveToFree`: moves a file to a free name and never replaces another file (link error: %j)',
  async (answer) => {
    disk.answer = answer
    const directory = temporaryDirectory('move')
    const [from, to] = [path.join(directory, 'from'), path.join(directory, 'to')]
    fs.writeFileSync(from, 'new')
    fs.writeFileSync(to, 'old')
    expect(await moveToFree(from, to)).toBe(false)
    expect([fs.readFileSync(from, 'utf8'), fs.readFileSync(to, 'utf8')]).toEqual(['new', 'old'])
    fs.unlinkSync(to)
    expect(await moveToFree(from, to)).toBe(true)
    expect(fs.readdirSync(directory)).toEqual(['to'])
    expect(fs.readFileSync(to, 'utf8')).toBe('new')
  },
)

test('`moveToFree`: throws any other link error and leaves the file in place', async () => {
  disk.answer = 'EIO'
  const directory = temporaryDirectory('move')
  fs.writeFileSync(path.join(directory, 'from'), 'new')
  await expect(moveToFree(path.join(directory, 'from'), path.join(directory, 'to'))).rejects.toThrow(
    'no link',
  )
  expect(fs.readdirSync(directory)).toEqual(['from'])
})
