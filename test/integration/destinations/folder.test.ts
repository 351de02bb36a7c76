import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { EMBEDDED_DESTINATION } from '../../../core/settings/destinations.ts'
import { drive, source } from '../../support/destinations/drive.ts'
import { folderKind } from '../../support/destinations/folder-kind.ts'
import {
  arrivedIn,
  configFor,
  getProblem,
  leftOvers,
  MIB,
  started,
} from '../../support/destinations/folder-sender.ts'
import { buildFacts } from '../../support/store/file-facts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  makeHome,
  offerAll,
  readTree,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

test('folder destination: contents and times are stored, and another computer gets a folder of its own', {
  tags: 'story',
}, async () => {
  const base = temporaryDirectory('folder')
  const folder = path.join(base, 'disk')
  fs.mkdirSync(folder)
  const home = await makeHome(path.join(base, 'home'))
  writeFile(home.source, 'd/small', 'small')
  writeFile(home.source, 'empty', '')
  writeFile(home.source, 'large', Buffer.alloc(6 * MIB + 1, 'large '))
  const old = new Date('2001-02-03T04:05:06.789Z')
  for (const name of ['d/small', 'large']) fs.utimesSync(path.join(home.source, name), old, old)
  const sender = await started(home, folder)
  offerAll(home)
  sender.nudge()
  await allSent(sender, 3)
  expect(sender.report()?.connection).toMatchObject({ state: 'connected', toItself: true })
  const arrived = arrivedIn(folder)
  expect(readTree(arrived)).toEqual(readTree(home.source))
  for (const name of ['d/small', 'large'])
    expect(fs.statSync(path.join(arrived, name)).mtimeMs).toBe(old.getTime())

  const other = await makeHome(path.join(base, 'other'))
  const second = startTestSender()
  second.configure(configFor(other, folder))
  await until('it is said that somebody uses it', () => getProblem(second) === 'transfer.storeInUse')
  await sender.kill()
  writeFile(other.source, 'mine', 'of another computer')
  offerAll(other)
  second.nudge()
  await allSent(second, 1)
  expect(readTree(path.join(folder, `${hostname()}-2`, 'data'))).toEqual(readTree(other.source))
  expect(readTree(arrived)).toEqual(readTree(home.source))
})

test('folder destination: a sender killed three times loses no file and leaves no partial file', async () => {
  const base = temporaryDirectory('folder')
  const folder = path.join(base, 'disk')
  fs.mkdirSync(folder)
  const home = await makeHome(path.join(base, 'home'))
  for (let index = 0; index < 300; index += 1) writeFile(home.source, `d${index % 7}/${index}`, `${index}`)
  for (const name of ['one', 'two']) writeFile(home.source, name, Buffer.alloc(12 * MIB, name))
  let sender = await started(home, folder)
  offerAll(home)
  for (const atLeast of [1, 100, 200]) {
    sender.nudge()
    await until('some are there', () => Object.keys(readTree(arrivedIn(folder))).length >= atLeast)
    await sender.kill()
    sender = startTestSender()
    sender.configure(configFor(home, folder))
  }
  await allSent(sender, 302)
  expect(readTree(arrivedIn(folder))).toEqual(readTree(home.source))
  expect(leftOvers(folder)).toEqual([])
})

test('folder destination: an interrupted large file is resumed in the next session', {
  tags: 'story',
}, async () => {
  const home = await makeHome(path.join(temporaryDirectory('folder'), 'home'))
  const place = await folderKind.open(home)
  const memory = { session: null }
  const open = () => drive(home, place.settings(), place.secrets, { memory })
  const first = open()
  const bytes = randomBytes(12 * MIB)
  const session = await first.session()
  const upload = await session.begin({ source, path: 'large', facts: buildFacts(bytes.length) }, [], '7.1')
  for (let at = 0; at < 8 * MIB; at += MIB / 4)
    expect(await upload?.chunk(Buffer.from(bytes.subarray(at, at + MIB / 4)))).toBe(true)
  const isWritten = (file: string) => fs.statSync(file).size > 2 * MIB
  await until('some of it is on the disk', async () => (await place.leftOvers()).some(isWritten))
  first.stop()
  await until('the session is over', () => session.closed)
  const second = open()
  expect(await second.send('large', bytes, {}, '7.1')).toMatchObject({ kind: 'stored' })
  expect(second.skipped).toBeGreaterThan(MIB)
  expect((await place.file('data', 'large'))?.bytes.equals(bytes)).toBe(true)
  await until('nothing is left', async () => (await place.leftOvers()).length === 0)
})

test('folder retention: a stricter setting removes older versions from the folder', async () => {
  const home = await makeHome(temporaryDirectory('home'))
  const place = await folderKind.open(home)
  const first = drive(home, place.settings(), place.secrets)
  for (const content of ['first', 'second', 'third']) await first.send('hot', Buffer.from(content))
  expect((await place.older('data', 'hot')).map(String)).toEqual(['first', 'second'])
  first.stop()
  const keep = { withinDays: 0, daily: 1, weekly: 0, monthly: 0, yearly: 0 }
  drive(home, place.settings(), place.secrets, { keep })
  await until('one to be left', async () => (await place.older('data', 'hot')).join() === 'second')
})

test('folder destination: repeated settings changes restart the session without a store-in-use error', async () => {
  const base = temporaryDirectory('folder')
  const folder = path.join(base, 'disk')
  fs.mkdirSync(folder)
  const home = await makeHome(path.join(base, 'home'))
  const sender = await started(home, folder)
  for (let days = 1; days <= 10; days += 1) {
    const config = configFor(home, folder)
    sender.configure({ ...config, keep: { ...config.keep, withinDays: days } })
    await setTimeout(days * 10)
    expect(getProblem(sender)).toBe(undefined)
  }
  await until('it is connected', () => sender.report()?.connection.state === 'connected')
})

test('embedded folder destination: its missing folder is created', async () => {
  const base = temporaryDirectory('folder')
  const home = await makeHome(path.join(base, 'home'))
  const folder = path.join(base, 'store')
  const sender = startTestSender()
  sender.configure(configFor(home, folder, EMBEDDED_DESTINATION))
  await until('it is connected', () => sender.report()?.connection.state === 'connected')
  expect(sender.report()?.connection.toItself).toBe(true)
})
