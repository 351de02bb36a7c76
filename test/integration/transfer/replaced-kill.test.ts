import fs from 'node:fs'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { isVersionName } from '../../../core/store/retention/retention.ts'
import { runVerify } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  createRandom,
  newSeed,
  offerAll,
  startListening,
  startPair,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const FILES = 150
const ROUNDS = 5

test('manifest: every older version is recorded, without --adopt, after the receiver is killed while replacing files', async () => {
  const random = createRandom(newSeed('replaced'))
  const { home, store, receiver, sender, config } = await startPair(temporaryDirectory('replaced'), {
    retrySeconds: 0.1,
  })
  const versions = path.join(store, '.holdfast', 'versions')
  const kept = () =>
    fs.existsSync(versions)
      ? fs
          .readdirSync(versions, { recursive: true, encoding: 'utf8' })
          .filter((name) => isVersionName(path.basename(name))).length
      : 0
  const writeAll = (round: number) => {
    for (let index = 0; index < FILES; index += 1)
      writeFile(home.source, `d${index % 5}/f${index}`, `round ${round}, file ${index}`)
    offerAll(home)
    sender.nudge()
  }
  writeAll(0)
  sender.configure(config)
  await allSent(sender, FILES)
  let running = receiver
  for (let round = 1; round <= ROUNDS; round += 1) {
    const goal = kept() + 1 + Math.floor(random() * FILES * 0.8)
    writeAll(round)
    const deadline = Date.now() + 20_000
    while (kept() < goal && Date.now() < deadline) await turn()
    await running.kill()
    running = (await startListening(store, [home], config.destination?.port)).receiver
    // A report of before would say that all are sent.
    await until('every older content is kept', () => kept() >= round * FILES)
    await allSent(sender, FILES)
  }
  await running.kill()
  expect(await runVerify(store)).toMatchObject({ code: 0, found: [] })
})
