import { expect, test } from 'vitest'
import { manifestTotals } from '../../support/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { offerAll, startPair, writeFile } from '../../support/transfer.ts'
import { until } from '../../support/until.ts'

test('the manifest follows also while files come without a pause', async () => {
  const { home, sender, store, config } = await startPair(temporaryDirectory('pace'))
  sender.configure(config)
  let files = 0
  // Each look brings another file, many of them in the half second that the manifest waits for.
  const known = await until(
    'the manifest to know some',
    () => {
      writeFile(home.source, `file-${files}`, `content ${files}`)
      files += 1
      offerAll(home)
      sender.nudge()
      return manifestTotals(store)?.files || null
    },
    15_000,
  )
  expect(known).toBeLessThan(files)
  await until('the manifest to know all', () => manifestTotals(store)?.files === files, 15_000)
})
