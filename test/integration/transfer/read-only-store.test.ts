import { describe, expect, onTestFinished, test } from 'vitest'
import { factsOf, openAt } from '../../support/large-files.ts'
import { canMount, mountTmpfs } from '../../support/mounts.ts'

describe.skipIf(!canMount)('a store that is read-only (needs root: mounts)', () => {
  for (const isUsed of [false, true])
    test(`says so to a sender's first large file${isUsed ? ', also where others have sent some' : ''}`, async () => {
      const { point, remount } = await mountTmpfs(onTestFinished)
      const store = openAt(point, { floor: { bytes: 0, percent: 0 } })
      if (isUsed) {
        const before = store.begin({ ...factsOf('before', 10), folder: 'other' }, '1')
        expect(await before.offset).toBe(0)
        await before.abort(true)
      }
      await remount('ro')
      const file = store.begin(factsOf('large', 10), '1')
      expect([await file.offset, file.refused]).toEqual([null, { status: 'readOnly', detail: 'EROFS' }])
      await file.abort(true)
    })
})
