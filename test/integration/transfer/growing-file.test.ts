import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { isPrefix, keepChanging } from '../../support/growing.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { allSent, offerAll, SOURCE, startPair, treeOf } from '../../support/transfer.ts'
import { until } from '../../support/until.ts'

const MIB = 1024 * 1024
const limit = { bytesPerSecond: 2 * MIB, schedule: [] }

test('growing file: a file that grows faster than it is sent arrives as it was at one moment, and whole in the end', async () => {
  const { home, sender, config, arrived } = await startPair(temporaryDirectory('growing'), { limit })
  const file = path.join(home.source, 'measure.log')
  const there = path.join(arrived, 'measure.log')
  fs.writeFileSync(file, Buffer.alloc(6 * MIB, 'measured\n'))
  offerAll(home)
  const growing = keepChanging({ home, sender, everyMs: 150 }, (count) =>
    fs.appendFileSync(file, `line ${count}\n`),
  )
  sender.configure(config)
  await until('a version is stored while the file grows', () => fs.existsSync(there), 25_000)
  expect(growing.changes()).toBeGreaterThan(5)
  expect(isPrefix(there, file)).toBe(true)
  expect(sender.report()?.totals[SOURCE]?.waitingFiles).toBe(1)
  growing.stop()
  await allSent(sender, 1, 30_000)
  expect(treeOf(arrived)).toEqual(treeOf(home.source))
})
