import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { RestoreEvent } from '../../../core/receive/restore/restore.ts'
import { restoreStore } from '../../../core/receive/restore/restore.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { treeOf, writeFile } from '../../support/transfer.ts'

/** A store that was copied without its manifest. */
function setUp() {
  const base = temporaryDirectory('restore')
  const store = path.join(base, 'store')
  writeFile(store, 'pc/data/file', 'content')
  const restore = async (destination: string) => {
    const events: RestoreEvent[] = []
    const wanted = { sender: null, source: null, path: null, at: null, version: null }
    const host = { event: async (one: RestoreEvent) => void events.push(one), progress: () => undefined }
    const summary = await restoreStore(store, destination, wanted, false, host)
    return { events, summary }
  }
  return { base, store, restore }
}

test('what the manifest does not know is not told as verified, whether it was restored or was there', async () => {
  const { base, restore } = setUp()
  const to = path.join(base, 'to')
  expect(await restore(to)).toMatchObject({
    events: [{ kind: 'restored', verified: false }],
    summary: { restored: 1, unverified: 1 },
  })
  expect(await restore(to)).toMatchObject({
    events: [{ kind: 'same', verified: false }],
    summary: { restored: 0, same: 1, unverified: 1 },
  })
})

test('no path that leads into the store is restored to, whatever links it takes', async () => {
  const { base, store, restore } = setUp()
  fs.symlinkSync(store, path.join(base, 'link'))
  fs.symlinkSync(path.join(store, 'pc'), path.join(base, 'deeper'))
  const before = treeOf(store)
  for (const destination of ['store', 'store/new', 'store/pc/data', 'link', 'link/a/b', 'deeper/new'])
    await expect(restore(path.join(base, destination)), destination).rejects.toMatchObject({
      sentence: { key: 'store.restoreInside', params: { path: path.join(base, destination) } },
    })
  expect(treeOf(store)).toEqual(before)
  expect((await restore(path.join(base, 'store-2/new'))).summary).toMatchObject({ restored: 1 })
})
