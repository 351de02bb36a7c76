import { DatabaseSync } from '@photostructure/sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../../support/temporary.ts'
import { offerAll, SOURCE, startPair, writeFile } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

test('totals: while the ledger cannot be read, the last totals are reported with the problem, which is logged once', async () => {
  const { home, sender, config } = await startPair(temporaryDirectory('totals'))
  for (const name of ['one', 'two']) writeFile(home.source, name, name)
  offerAll(home)
  const waiting = () => sender.report()?.totals[SOURCE]?.waitingFiles
  const problem = () => sender.report()?.connection.problem?.key
  sender.configure({ ...config, paused: true })
  await until('it is connected', () => sender.report()?.connection.state === 'connected')
  await until('two wait', () => waiting() === 2)

  const ledger = new DatabaseSync(home.ledgerPath, { timeout: 10_000 })
  onTestFinished(() => ledger.close())
  ledger.exec('ALTER TABLE total RENAME TO lost')
  sender.nudge()
  await until('the problem is told', () => problem() === 'transfer.ledgerFailed')
  expect(waiting()).toBe(2)

  ledger.exec('ALTER TABLE lost RENAME TO total')
  writeFile(home.source, 'three', 'three')
  offerAll(home)
  await until('three wait', () => waiting() === 3)
  expect(problem()).toBeUndefined()
  expect(sender.log.filter((line) => line.includes('no such table'))).toHaveLength(1)
})
