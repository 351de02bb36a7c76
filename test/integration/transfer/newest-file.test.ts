// @module-tag story
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  offerAll,
  SOURCE,
  startListening,
  startPair,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

test('newest file: it is reported while its destination is away, and sending the backlog makes none newer', async () => {
  const { home, store, receiver, sender, config } = await startPair(temporaryDirectory('newest-file'))
  const changedAt = (name: string) => Math.floor(fs.statSync(path.join(home.source, name)).ctimeMs)
  const newest = () => sender.report()?.lastFile[SOURCE]
  writeFile(home.source, 'one', 'one')
  offerAll(home)
  sender.configure(config)
  await allSent(sender, 1)
  expect(newest()).toEqual({ path: 'one', at: changedAt('one') })

  await receiver.kill()
  await until('it is away', () => sender.report()?.connection.state !== 'connected')
  await until('the clock of the disk has moved', () => {
    writeFile(home.source, 'two', 'two')
    return changedAt('two') > changedAt('one')
  })
  offerAll(home)
  sender.nudge()
  await until('it is reported', () => newest()?.path === 'two')
  expect(sender.report()?.totals[SOURCE]?.waitingFiles).toBe(1)

  await startListening(store, [home], config.destination.port)
  await allSent(sender, 2)
  expect(newest()).toEqual({ path: 'two', at: changedAt('two') })
})
