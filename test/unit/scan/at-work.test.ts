import { utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { oneAtWork } from '../../../core/scan/batch/at-work.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const QUIET_MS = 5_000
const NFS = 0x6969
const EXT4 = 0xef53

const disk = vi.hoisted(() => ({ type: 0 }))
vi.mock('node:fs/promises', async (original) => ({
  ...(await original<typeof import('node:fs/promises')>()),
  statfs: async () => ({ type: disk.type }),
}))
// As NFSv4 and SMB answer for each file.
vi.mock('../../../core/files/lease.ts', () => ({ hasWriter: () => 'yes' }))

function leftBehind(): { root: string; file: string } {
  const root = temporaryDirectory('at-work')
  const file = path.join(root, 'x.tmp')
  writeFileSync(file, '')
  utimesSync(file, 1, 1)
  return { root, file }
}

describe.skipIf(process.platform !== 'linux')('whether a file with a temporary name is being written', () => {
  test('is said by whoever holds it open', async () => {
    disk.type = EXT4
    expect(await oneAtWork(leftBehind().root, ['x.tmp'], QUIET_MS)).toBe('x.tmp')
  })

  test('is said by its time alone where other computers may write: there every file seems to be held open', async () => {
    disk.type = NFS
    const { root, file } = leftBehind()
    expect(await oneAtWork(root, ['x.tmp'], QUIET_MS)).toBeNull()
    writeFileSync(file, 'more')
    expect(await oneAtWork(root, ['x.tmp'], QUIET_MS)).toBe('x.tmp')
  })
})
