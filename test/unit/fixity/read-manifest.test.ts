import { truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { readManifest } from '../../../core/fixity/read-manifest.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('manifest: a file too large to be kept in memory is refused unread', async () => {
  const file = path.join(temporaryDirectory('manifest'), 'sums.txt')
  writeFileSync(file, `${'0'.repeat(64)}  one\n`)
  expect(await readManifest(file)).toEqual(new Map([['one', { kind: 'sha256', digest: '0'.repeat(64) }]]))
  truncateSync(file, 512 * 1024 * 1024 + 1)
  await expect(readManifest(file)).rejects.toMatchObject({
    sentence: { key: 'fixity.tooLarge', params: { path: file } },
  })
})
