import fs from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { expect, test } from 'vitest'
import { storeLayout } from '../../../core/store/layout.ts'
import { verifyStore } from '../../../core/store/verify/verify.ts'
import { openLarge, smallFile } from '../../support/store/large-files.ts'

test('verify: files of a case-folding store on a read-only disk are recognised, and only a foreign file is reported', async () => {
  const { root, store, source } = await openLarge()
  for (const name of ['readme.txt', 'other.txt'])
    await store.receive(smallFile(source, name, Buffer.from(name)))
  await store.close()
  const layout = storeLayout(root)
  // As such a file system has it: the key is folded, the path and the name on the disk are not.
  const database = new DatabaseSync(layout.manifest)
  database.prepare("UPDATE file SET path = 'README.txt' WHERE key = 'readme.txt'").run()
  database.close()
  const at = (name: string) => path.join(root, 'pc', 'data', name)
  fs.renameSync(at('readme.txt'), at('README.txt'))
  fs.writeFileSync(at('Other.txt'), 'nobody has sent it')
  // Nothing can be tried where nothing can be written.
  fs.rmSync(layout.temporary, { recursive: true })
  const found: string[] = []
  const host = {
    notice: async () => undefined,
    found: async ({ kind, place }: { kind: string; place: string }) => void found.push(`${kind} ${place}`),
    progress: () => undefined,
  }
  await verifyStore(root, { adopt: false }, host)
  expect(found).toEqual(['unknown pc/data/Other.txt'])
})
