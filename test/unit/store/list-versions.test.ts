import { DatabaseSync } from '@photostructure/sqlite'
import { expect, test } from 'vitest'
import { openStoreLibrary } from '../../../core/backends/folder/folder-library.ts'
import { readPages } from '../../../core/restore/choose.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { openLarge, smallFile } from '../../support/store/large-files.ts'

const OLDER = 12_000

test('version list: a file with more versions than one page may hold is listed with all of them, each once', async () => {
  const { root, store, source } = await openLarge()
  for (const name of ['a', 'log', 'z']) await store.receive(smallFile(source, name, Buffer.from(name)))
  await store.close()
  const layout = storeLayout(root)
  const database = new DatabaseSync(layout.manifest)
  // As a file has them that is written anew every few minutes.
  database.exec(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${OLDER})
     INSERT INTO file (source, key, version, depth, path, size, mtime_s, mtime_ns, mode, uid, gid, more, digest,
       stored_at, replaced_clock_ms, position)
     SELECT source, key, '20261120T065300.123Z-' || i || '-0', 1, path, size, mtime_s, mtime_ns, mode, uid, gid, more,
       digest, stored_at, i, position FROM file, n WHERE key = 'log'`,
  )
  database.close()
  const library = openStoreLibrary(layout, 'pc')
  const told: string[] = []
  let longest = 0
  const all = { folder: 'data', path: null, at: null, version: null, text: null, isList: true }
  for await (const { contents } of readPages(library, all)) {
    longest = Math.max(longest, contents.length)
    told.push(...contents.map(({ path, version }) => `${path} ${version}`))
  }
  library.close()
  const older = Array.from({ length: OLDER }, (_, index) => `log 20261120T065300.123Z-${index + 1}-0`)
  expect(told).toEqual(['a ', ...older, 'log ', 'z '])
  // The limit of one frame; see protocol/frames.ts.
  expect(longest).toBeLessThan(10_000)
})
