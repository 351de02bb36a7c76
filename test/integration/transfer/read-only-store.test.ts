// @module-tag story
import { describe, expect, onTestFinished, test } from 'vitest'
import { invite } from '../../../core/receive/pairing/invitation.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { openSenders } from '../../../core/store/senders/senders.ts'
import { canMount, mountTmpfs } from '../../support/faults/mounts.ts'
import { begin, openAt } from '../../support/store/large-files.ts'
import { startRuled } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome } from '../../support/transfer/transfer.ts'

describe.skipIf(!canMount)('unusable store (needs root: mounts)', () => {
  for (const isUsed of [false, true])
    test(`a read-only store refuses a sender's first large file${isUsed ? ' after another sender has used it' : ''}`, async () => {
      const { point, remount } = await mountTmpfs(onTestFinished)
      const { store, source } = await openAt(point, { floor: { bytes: 0, percent: 0 } })
      if (isUsed) {
        const before = begin(store, await store.source('other', 'data'), 'before', 10, '1')
        expect(await before.offset).toBe(0)
        await before.abort(true)
      }
      await remount('ro')
      const file = begin(store, source, 'large', 10, '1')
      expect([await file.offset, file.refused]).toEqual([null, { status: 'readOnly', detail: 'EROFS' }])
      await file.abort(true)
    })

  test('a read-only store refuses pairing codes and sender changes with a reason, and keeps its senders', async () => {
    const { point, remount } = await mountTmpfs(onTestFinished)
    const home = await makeHome(temporaryDirectory('read-only'))
    const { receiver } = await startRuled(point, [home], { floor: { bytes: 0, percent: 0 } })
    await receiver.close()
    await remount('ro')
    const notice = () => undefined
    const { senders: file } = storeLayout(point)
    const senders = await openSenders(file, notice)
    await expect(invite(point, Date.now())).rejects.toThrow(
      `${point} could not be made: read-only file system. Nothing was`,
    )
    await expect(senders.rename(home.identity.fingerprint, 'other')).rejects.toThrow(
      `${file} could not be changed: read-only file system. It is unchanged`,
    )
    expect((await openSenders(file, notice)).list().map(({ name }) => name)).toEqual(['sender-1'])
  })

  test('a store inside another store is refused', async () => {
    const { point } = await mountTmpfs(onTestFinished)
    const { receiver } = await startRuled(point, [], {})
    await expect(startRuled(`${point}/pc/data`, [], {})).rejects.toThrow(`is inside another store, ${point}.`)
    await receiver.close()
  })
})
