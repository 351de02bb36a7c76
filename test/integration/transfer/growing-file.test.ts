import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { arrivedIn, started } from '../../support/destinations/folder-sender.ts'
import { startRelay } from '../../support/faults/relay.ts'
import { isPrefix, keepChanging, watchVersions } from '../../support/scan/growing.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  makeHome,
  offerAll,
  readTree,
  SOURCE,
  senderConfig,
  startPair,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const MIB = 1024 * 1024
const limit = { bytesPerSecond: 2 * MIB, schedule: [] }

test('growing file: a file that grows faster than it is sent is stored as of one moment, and whole once it rests', async () => {
  const { home, at, sender, arrived } = await startPair(temporaryDirectory('growing'))
  const relay = await startRelay(at.port)
  const file = path.join(home.source, 'measure.log')
  const there = path.join(arrived, 'measure.log')
  fs.writeFileSync(file, randomBytes(6 * MIB))
  offerAll(home)
  const versions = watchVersions(there)
  const growing = keepChanging({ home, sender, everyMs: 150 }, (count) =>
    fs.appendFileSync(file, `line ${count}\n`),
  )
  sender.configure(senderConfig(home, { ...at, port: relay.port }, { limit }))
  await until('a version is stored while the file grows', () => fs.existsSync(there))
  expect(isPrefix(there, file)).toBe(true)
  const changes = growing.changes()
  expect(changes).toBeGreaterThan(5)
  await until('the file has grown on for twice as long', () => growing.changes() > 3 * changes)
  const report = sender.report()
  expect(report?.totals[SOURCE]?.waitingFiles).toBe(1)
  expect(report?.restless).toMatchObject([{ path: 'measure.log', tries: 0 }])
  expect(report?.leftOfAll).toBeNull()
  expect(versions.seen()).toHaveLength(1)
  growing.stop()
  await allSent(sender, 1, 40_000)
  expect(readTree(arrived)).toEqual(readTree(home.source))
  expect(versions.seen()).toHaveLength(2)
  expect(relay.sentBytes()).toBeLessThan(3 * fs.statSync(file).size)
})

test('growing file: a file that is rewritten in place is reported, never stored torn, and sent once it rests', async () => {
  const { home, sender, config, arrived } = await startPair(temporaryDirectory('rewritten'), { limit })
  const file = path.join(home.source, 'state.db')
  const there = path.join(arrived, 'state.db')
  fs.writeFileSync(file, Buffer.alloc(6 * MIB, 'state'))
  offerAll(home)
  const rewriting = keepChanging({ home, sender, everyMs: 150 }, (count) => {
    const fd = fs.openSync(file, 'r+')
    fs.writeSync(fd, String(count), 0)
    fs.writeSync(fd, String(count), 6 * MIB - 100)
    fs.closeSync(fd)
  })
  sender.configure(config)
  const restless = () => sender.report()?.restless?.[0]
  await until('three attempts are told', () => (restless()?.tries ?? 0) >= 3)
  expect(restless()).toMatchObject({ source: SOURCE, path: 'state.db', storedAt: null })
  expect(sender.report()?.leftOfAll).toBeNull()
  expect(fs.existsSync(there)).toBe(false)
  rewriting.stop()
  await allSent(sender, 1, 60_000)
  expect(readTree(arrived)).toEqual(readTree(home.source))
  await until('nothing is told any more', () => sender.report()?.restless === undefined)
})

test('growing file: a folder gets few versions of a file that is appended to quickly', async () => {
  const directory = temporaryDirectory('quick')
  const home = await makeHome(path.join(directory, 'home'))
  const store = path.join(directory, 'folder')
  fs.mkdirSync(store)
  const file = path.join(home.source, 'measure.log')
  fs.writeFileSync(file, Buffer.alloc(20 * MIB, 'measured\n'))
  offerAll(home)
  const sender = await started(home, store)
  const there = path.join(arrivedIn(store), 'measure.log')
  await until('it is there', () => fs.existsSync(there))
  const versions = watchVersions(there)
  const growing = keepChanging({ home, sender, everyMs: 100 }, () =>
    fs.appendFileSync(file, Buffer.alloc(MIB, 'more\n')),
  )
  await until('40 MiB were appended', () => growing.changes() >= 40)
  expect(versions.seen().length).toBeLessThanOrEqual(2)
  growing.stop()
  await allSent(sender, 1, 60_000)
  expect(versions.seen().length).toBeLessThanOrEqual(3)
  expect(isPrefix(file, there)).toBe(true)
})
