import { fstatSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { withContent } from '../../../core/store/verify/read-digest.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('content of a store: its file is closed after the read, also if that fails', async () => {
  const root = temporaryDirectory('content')
  writeFileSync(path.join(root, 'a'), 'a')
  const used: number[] = []
  const identify = (fd: number) => `${fstatSync(fd).dev} ${fstatSync(fd).ino}`
  const read = async (fd: number) => {
    used.push(fd)
    return identify(fd)
  }
  const opened = await withContent(root, 'a', read)
  const failing = withContent(root, 'a', async (fd) => {
    used.push(fd)
    throw new Error('a fault of the reader')
  })
  await expect(failing).rejects.toThrow('a fault of the reader')
  expect(used).toHaveLength(2)
  for (const fd of used) {
    // The number may belong to a file that was opened since.
    let now = 'closed'
    try {
      now = identify(fd)
    } catch {}
    expect(now).not.toBe(opened)
  }
})
