import { mkdirSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createMark } from '../../../core/scan/batch/effects.ts'
import { getIdentity } from '../../../core/scan/batch/rules.ts'
import { bornAt } from '../../../core/walk/scanned-file.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** As a look at the batch directories finds it. */
function identity(directory: string): string {
  const stats = statSync(directory, { bigint: true })
  return getIdentity({ inode: stats.ino, bornAtNs: bornAt(stats) })
}

test('batch mark: the mark keeps the modification time of its directory to the microsecond', async () => {
  const root = temporaryDirectory('mark')
  const seed = Date.now()
  for (let index = 0; index < 200; index += 1) {
    const directory = path.join(root, String(index))
    mkdirSync(directory)
    // Times all over the second, this one's seed included.
    const time = 1_500_000_000 + ((seed * (index + 1) * 7919) % 300_000_000_000) / 1000 + index / 1e6
    utimesSync(directory, time, time)
    const before = statSync(directory, { bigint: true }).mtimeNs / 1000n
    await createMark(directory, 'finished.watch', identity(directory))
    const mark = statSync(path.join(directory, 'finished.watch'), { bigint: true }).mtimeNs / 1000n
    expect({ seed, index, mark }).toEqual({ seed, index, mark: before })
  }
})

test('batch mark: an existing mark is left as it is, and a missing directory is an error', async () => {
  const root = temporaryDirectory('mark')
  writeFileSync(path.join(root, 'finished.watch'), 'whose')
  await createMark(root, 'finished.watch', identity(root))
  expect(readdirSync(root)).toEqual(['finished.watch'])
  expect(statSync(path.join(root, 'finished.watch')).size).toBe(5)
  await expect(createMark(path.join(root, 'none'), 'finished.watch', identity(root))).rejects.toMatchObject({
    code: 'ENOENT',
  })
})

test('batch mark: a symbolic link in place of the mark is left as it is', async () => {
  const root = temporaryDirectory('mark')
  symlinkSync('nowhere', path.join(root, 'finished.watch'))
  await createMark(root, 'finished.watch', identity(root))
  expect(readdirSync(root)).toEqual(['finished.watch'])
})
