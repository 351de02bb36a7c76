import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openStoreLibrary } from '../../../core/backends/folder/folder-library.ts'
import { createHasher } from '../../../core/platform/digest.ts'
import { restoreFrom } from '../../../core/restore/restore.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { claimStore } from '../../../core/store/lock.ts'
import { DEFAULT_RULES } from '../../../core/store/quota/admission.ts'
import { Store } from '../../../core/store/store.ts'
import { computeDigest, offeredAs } from '../../support/store/file-facts.ts'
import { smallFile } from '../../support/store/large-files.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree, receiverParts } from '../../support/transfer/transfer.ts'

test('store library: stores small and large files, proves, lists and restores with no more than a path', async () => {
  const base = temporaryDirectory('library')
  const layout = storeLayout(path.join(base, 'store'))
  const lock = await claimStore(layout, () => undefined)
  onTestFinished(() => lock.release())
  const options = { thread: receiverParts.storeThread, rules: DEFAULT_RULES, log: () => undefined }
  const store = new Store(layout, options)
  onTestFinished(() => store.close())
  const source = await store.source('pc', 'data')

  const small = Buffer.from('a small file')
  expect(await store.receive(smallFile(source, 'd/small', small))).toMatchObject({ status: 'durable' })
  const large = Buffer.alloc(5 * 1024 * 1024, 'a large file ')
  const incoming = store.begin(offeredAs(source, 'large', large.length), {})
  expect(await incoming.offset).toBe(0)
  for (let at = 0; at < large.length; at += 1_000_000)
    await incoming.write(large.subarray(at, at + 1_000_000))
  expect(await incoming.finish(computeDigest(large))).toMatchObject({ status: 'durable' })

  const nonce = Buffer.alloc(32, 1)
  const expected = createHasher()
  for (const bytes of [nonce, large]) expected.update(bytes)
  const proof = await store.prove(
    { source, path: 'large' },
    large.length,
    nonce,
    new AbortController().signal,
  )
  expect(proof.equals(expected.digest())).toBe(true)

  const library = openStoreLibrary(layout, null)
  onTestFinished(() => library.close())
  const choice = { folder: 'pc/data', path: null, at: null, version: null }
  const { contents } = await library.contents({ ...choice, text: null, isList: true, after: null })
  expect(contents.map(({ path: name }) => name)).toEqual(['d/small', 'large'])
  const to = path.join(base, 'to')
  const host = { event: async () => undefined, progress: () => undefined }
  const wanted = { choice, destination: to, conflict: 'leave' as const }
  const { signal } = new AbortController()
  expect(await restoreFrom(library, [wanted], host, signal)).toMatchObject({ restored: 2, failed: 0 })
  expect(Object.keys(readTree(to)).sort()).toEqual(['d/small', 'large'])
  expect(fs.readFileSync(path.join(to, 'large')).equals(large)).toBe(true)
})
