import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { startRelay } from '../../support/faults/relay.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  offerAll,
  readTree,
  SOURCE,
  senderConfig,
  startPair,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const KIB = 1024
const RATE = 500 * KIB

test('bandwidth limit: large and small files together stay below it, and lifting it keeps the connection', async () => {
  const { home, at, sender, arrived } = await startPair(temporaryDirectory('bandwidth'))
  const relay = await startRelay(at.port)
  writeFile(home.source, 'large', randomBytes(12_000 * KIB))
  for (let file = 0; file < 200; file += 1) writeFile(home.source, `small-${file}`, randomBytes(60 * KIB))
  offerAll(home)
  const to = { ...at, port: relay.port }
  sender.configure(senderConfig(home, to, { limit: { bytesPerSecond: RATE, schedule: [] } }))
  await until('bytes go', () => relay.sentBytes() > 64 * KIB)
  const since = await until('it says that it is connected', () => {
    const connection = sender.report()?.connection
    return connection?.state === 'connected' ? connection.since : null
  })
  const [began, before] = [performance.now(), relay.sentBytes()]
  await until('four seconds of the rate', () => relay.sentBytes() - before > 4 * RATE)
  const seconds = (performance.now() - began) / 1000
  // A loaded machine may be slower than the limit, but never faster.
  expect(seconds).toBeGreaterThan(3.7)
  expect(sender.report()?.totals[SOURCE]?.sentFiles).toBeGreaterThan(0)

  sender.configure(senderConfig(home, to))
  await allSent(sender, 201)
  expect(sender.report()?.connection.since).toBe(since)
  expect(readTree(arrived)).toEqual(readTree(home.source))
})

const days = [0, 1, 2, 3, 4, 5, 6]
const always = { days, from: '00:00', to: '00:00', allow: 'pause' as const }

test.each([
  ['of the schedule', { limit: { bytesPerSecond: 50 * KIB, schedule: [always] } }],
  ['of a person', { paused: true, limit: { bytesPerSecond: 50 * KIB, schedule: [] } }],
])(
  'bandwidth limit: a pause %s holds back small files that were read already, and clears the estimated time',
  async (_, pause) => {
    const { home, at, sender, arrived } = await startPair(temporaryDirectory('read-already'))
    const relay = await startRelay(at.port)
    for (let file = 0; file < 200; file += 1) writeFile(home.source, `small-${file}`, randomBytes(60 * KIB))
    offerAll(home)
    const to = { ...at, port: relay.port }
    sender.configure(senderConfig(home, to, { limit: { bytesPerSecond: 50 * KIB, schedule: [] } }))
    await until('some have gone', () => (sender.report()?.totals[SOURCE]?.sentFiles ?? 0) > 1)
    await until('their end is told', () => (sender.report()?.leftOfAll ?? 0) > 0)
    sender.configure(senderConfig(home, to, pause))
    const before = relay.sentBytes()
    const leftNow = () => [sender.report()?.leftOfAll, Object.keys(sender.report()?.left ?? {}).length]
    await until('no end is foreseen', () => JSON.stringify(leftNow()) === '[null,0]')
    await until('nothing is under way', () => sender.report()?.transfers.length === 0)
    expect(relay.sentBytes() - before).toBeLessThan(1_000 * KIB)
    sender.configure(senderConfig(home, to))
    await allSent(sender, 200)
    expect(readTree(arrived)).toEqual(readTree(home.source))
  },
  90_000,
)

test('bandwidth limit: a scheduled pause holds back every file, and removing it resumes sending', async () => {
  const { home, at, sender } = await startPair(temporaryDirectory('schedule'))
  writeFile(home.source, 'a', 'a')
  offerAll(home)
  sender.configure(senderConfig(home, at, { limit: { bytesPerSecond: null, schedule: [always] } }))
  await until('it is connected', () => sender.report()?.connection.state === 'connected')
  for (let nudge = 0; nudge < 20; nudge += 1) sender.nudge()
  const { files } = (await sender.request('files', {
    source: null,
    state: null,
    before: null,
    limit: 5,
  })) as {
    files: { state: string }[]
  }
  expect(files.map(({ state }) => state)).toEqual(['waiting'])
  sender.configure(senderConfig(home, at))
  await allSent(sender, 1)
})
