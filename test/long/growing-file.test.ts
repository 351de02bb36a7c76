import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { startRelay } from '../support/faults/relay.ts'
import { isPrefix, keepChanging, watchVersions } from '../support/scan/growing.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { allSent, offerAll, readTree, senderConfig, startPair } from '../support/transfer/transfer.ts'
import { until } from '../support/until.ts'

const MIB = 1024 * 1024
const MINUTE = 60_000
const limit = { bytesPerSecond: 4 * MIB, schedule: [] }

test(
  'growing file: 40 MiB that grow by a line a second arrive within minutes, in few versions, under a limit',
  async () => {
    const { home, at, sender, arrived } = await startPair(temporaryDirectory('long-growing'))
    const relay = await startRelay(at.port)
    const file = path.join(home.source, 'measure.log')
    const there = path.join(arrived, 'measure.log')
    fs.writeFileSync(file, randomBytes(40 * MIB))
    offerAll(home)
    const versions = watchVersions(there)
    const began = Date.now()
    let left = 0
    const growing = keepChanging({ home, sender, everyMs: 1_000 }, (count) => {
      fs.appendFileSync(file, `line ${count}\n`)
      const report = sender.report()
      if (report?.restless !== undefined && report.leftOfAll !== null) left += 1
    })
    sender.configure(senderConfig(home, { ...at, port: relay.port }, { limit }))
    await until('ten minutes are over', () => Date.now() - began > 10 * MINUTE, 11 * MINUTE)
    const whileGrowing = versions.seen().map((one) => ({ ...one, at: one.at - began }))
    const sent = relay.sentBytes()
    expect(isPrefix(there, file)).toBe(true)
    growing.stop()
    const stopped = Date.now()
    await allSent(sender, 1, 6 * MINUTE)
    const written = fs.statSync(file).size
    const figures = {
      versions: whileGrowing.map(({ at: ms, bytes }) => `${(ms / 1000).toFixed(1)} s: ${bytes} bytes`),
      sent,
      written,
      ratio: (sent / written).toFixed(2),
      secondsFromTheLastLineToTheLastVersion: ((Date.now() - stopped) / 1000).toFixed(1),
    }
    console.log(JSON.stringify(figures, null, 2))
    expect(readTree(arrived)).toEqual(readTree(home.source))
    expect(whileGrowing.length).toBeLessThanOrEqual(3)
    expect(sent).toBeLessThanOrEqual(3 * written)
    // No estimate while nothing but a file that keeps changing waits.
    expect(left).toBe(0)
  },
  20 * MINUTE,
)
