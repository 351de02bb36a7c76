import fs from 'node:fs'
import path from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import * as fd from '../../../core/files/fd.ts'
import { storeLayout } from '../../../core/receive/layout.ts'
import { openManifestFile } from '../../../core/receive/manifest/manifest-file.ts'
import { openRows } from '../../../core/receive/manifest/rows.ts'
import { restoreStore } from '../../../core/receive/restore/restore.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { writeFile } from '../../support/transfer.ts'

const MIB = 1024 * 1024

vi.mock('../../../core/files/fd.ts', async (original) => {
  const real = await original<typeof fd>()
  return { ...real, syncDataFd: vi.fn(real.syncDataFd) }
})
beforeEach(() => void vi.mocked(fd.syncDataFd).mockClear())

/** A store, and how often its restore has given a sign of life. */
function setUp() {
  const base = temporaryDirectory('restore-alive')
  const store = path.join(base, 'store')
  const restore = async () => {
    let signs = 0
    const sign = () => {
      signs += 1
    }
    const wanted = { sender: null, source: null, path: null, at: null, version: null }
    const host = { event: async () => undefined, progress: sign }
    const summary = await restoreStore(store, path.join(base, 'to'), wanted, false, host)
    return { summary, signs }
  }
  return { store, restore }
}

test('a large file is synced while it is written, so that the last sync is no long silence', async () => {
  const { store, restore } = setUp()
  writeFile(store, 'pc/data/large', '')
  fs.truncateSync(path.join(store, 'pc/data/large'), 100 * MIB)
  expect((await restore()).summary).toMatchObject({ restored: 1 })
  expect(fd.syncDataFd).toHaveBeenCalledTimes(3)
})

test('a file that is there already gives a sign of life while it is compared', async () => {
  const { store, restore } = setUp()
  writeFile(store, 'pc/data/large', Buffer.alloc(8 * MIB))
  await restore()
  const { summary, signs } = await restore()
  expect(summary).toMatchObject({ same: 1 })
  // Both are read, in pieces of 1 MiB.
  expect(signs).toBeGreaterThanOrEqual(16)
})

test('so do rows whose files are looked for', async () => {
  const { store, restore } = setUp()
  writeFile(store, 'pc/data/file', 'x')
  const layout = storeLayout(store)
  fs.mkdirSync(layout.own)
  const { database } = openManifestFile(layout.manifest)
  const changes = openRows(database).changes()
  const row = { digest: '0'.repeat(64), size: 1, mtimeMs: 1, mode: 0o644, storedAt: 1 }
  for (let index = 0; index < 500; index += 1)
    changes.add({ folder: 'pc', path: `data/gone-${index}`, version: '', depth: 0, ...row })
  database.close()
  const { summary, signs } = await restore()
  expect(summary).toMatchObject({ failed: 500 })
  expect(signs).toBeGreaterThan(500)
})
