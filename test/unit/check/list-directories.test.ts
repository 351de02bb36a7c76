import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { listDirectories } from '../../../core/check/inspect.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('directory list: has directories and links to directories, without hidden ones and files', async () => {
  const root = temporaryDirectory('list')
  for (const name of ['b', 'a', '.hidden']) mkdirSync(path.join(root, name))
  writeFileSync(path.join(root, 'file'), '')
  for (const [name, target] of Object.entries({ c: 'a', 'to-file': 'file', broken: 'nothing' }))
    symlinkSync(target, path.join(root, name))
  expect(await listDirectories(root)).toEqual({ names: ['a', 'b', 'c'], isCut: false })
  await expect(listDirectories(path.join(root, 'nothing'))).rejects.toMatchObject({
    sentence: { key: 'web.notListed', params: { reason: expect.stringContaining('ENOENT') } },
  })
})
