// @module-tag story
import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { DEFAULT_KEEP, versionPrefix } from '../../../core/store/retention/retention.ts'
import { drive, source } from '../../support/destinations/drive.ts'
import { sftpKind, sftpPlace, sftpServer } from '../../support/destinations/sftp-kind.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const DAY_MS = 86_400_000
const noon = Math.floor(Date.now() / DAY_MS) * DAY_MS + DAY_MS / 2

beforeAll(() => sftpKind.start?.())
afterAll(() => sftpKind.stop?.())

/** A server that has a file with six older contents, three on each of two days. */
async function begin(days: readonly [number, number], keep = DEFAULT_KEEP) {
  const directory = path.join(sftpServer().root, randomUUID())
  mkdirSync(directory)
  const place = sftpPlace(directory)
  const home = await makeHome(temporaryDirectory('thinning'))
  const driver = drive(home, place.settings(), place.secrets, { keep })
  await driver.send('hot', Buffer.from('first'))
  const older = path.join(directory, 'station/.holdfast/versions/data/hot')
  mkdirSync(older, { recursive: true })
  for (const day of days)
    for (const hour of [1, 2, 3]) {
      const at = new Date(noon - day * DAY_MS + hour * 3_600_000)
      const file = path.join(older, `${versionPrefix(at, 0)}0`)
      writeFileSync(file, `${day}-${hour}`)
      utimesSync(file, at, at)
    }
  const contents = () =>
    readdirSync(older)
      .sort()
      .map((name) => readFileSync(path.join(older, name), 'utf8'))
  return { driver, contents }
}

test('SFTP retention: older versions of a replaced file are thinned to one for each long-past day', async () => {
  const { driver, contents } = await begin([50, 40])
  await driver.send('hot', Buffer.from('second'))
  await until('four to be removed', () => contents().length === 3)
  expect(contents()).toEqual(['50-3', '40-3', 'first'])
})

test('SFTP retention: a stricter setting removes all older versions outside its period', async () => {
  const keep = { withinDays: 15, daily: 0, weekly: 0, monthly: 0, yearly: 0 }
  const { driver, contents } = await begin([20, 10], keep)
  await driver.send('hot', Buffer.from('second'))
  await until('those of the first day to be removed', () => contents().length === 4)
  expect(contents()).toEqual(['10-1', '10-2', '10-3', 'first'])
})

test('SFTP retention: a local clock ahead of the server’s removes no versions', async () => {
  const { driver, contents } = await begin([20, 10])
  vi.useFakeTimers({ toFake: ['Date'], now: noon + 60 * DAY_MS })
  onTestFinished(() => void vi.useRealTimers())
  for (const content of ['second', 'third']) await driver.send('hot', Buffer.from(content))
  expect(contents()).toHaveLength(8)
})

test('SFTP retention: all older versions are kept after a proof for delete after sending', async () => {
  const { driver, contents } = await begin([50, 40])
  const session = await driver.session()
  expect((await session.prove(source, 'hot', 5, Buffer.alloc(32))).kind).toBe('digest')
  for (const content of ['second', 'third']) await driver.send('hot', Buffer.from(content))
  expect(contents()).toEqual(['50-1', '50-2', '50-3', '40-1', '40-2', '40-3', 'first', 'second'])
})
