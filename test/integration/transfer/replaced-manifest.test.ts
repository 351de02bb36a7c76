// @module-tag story
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { storeLayout } from '../../../core/store/layout.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  makeHome,
  offerAll,
  readTree,
  receiverConfig,
  senderConfig,
  startListening,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

test('manifest: a receiver whose idle manifest was deleted still stores new files', async () => {
  const base = temporaryDirectory('replaced')
  const store = path.join(base, 'store')
  const home = await makeHome(path.join(base, 'home'))
  const { receiver, at } = await startListening(store, [home])
  // Where it listens again after each start.
  await receiver.configure(receiverConfig(store, [home], at.port))
  const sender = startTestSender()
  writeFile(home.source, 'one', 'one')
  offerAll(home)
  sender.configure(senderConfig(home, at))
  await allSent(sender, 1)
  const { manifest } = storeLayout(store)
  // It is closed when nobody uses it, and its log is gone with that.
  await until('the store rests', () => !fs.existsSync(`${manifest}-wal`))
  fs.rmSync(manifest)
  writeFile(home.source, 'two', 'two')
  offerAll(home)
  sender.nudge()
  await until('it is there', () => Object.hasOwn(readTree(path.join(store, 'sender-1/data')), 'two'))
  expect(readTree(path.join(store, 'sender-1/data'))).toEqual(readTree(home.source))
})
