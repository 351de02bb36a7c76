import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { startRelay } from '../../support/faults/relay.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  DESTINATION,
  offerAll,
  readTree,
  receiverConfig,
  SOURCE,
  startPair,
  startTestReceiver,
  startTestSender,
  waitUntilListening,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const setUp = (groupWriteMark = false) => startPair(temporaryDirectory('changes'), { groupWriteMark })

test('growing file: a large file that grows while it is sent is stored in two versions, the last one complete', async () => {
  const { home, receiver, sender, config, arrived } = await setUp()
  const relay = await startRelay(config.destination?.port ?? 0)
  const file = path.join(home.source, 'growing')
  fs.writeFileSync(file, randomBytes(64 * 1024 * 1024))
  offerAll(home)
  // A line that stands still: the sender stands in the middle of the file.
  const halfMiB = 512 * 1024
  relay.holdAfter(halfMiB)
  const { destination } = config
  sender.configure({ ...config, destination: destination && { ...destination, port: relay.port } })
  await until('it is on the wire', () => relay.sentBytes() >= halfMiB)
  fs.appendFileSync(file, 'the end')
  relay.letGo()
  await until(
    'it arrived as it is now',
    () => readTree(arrived).growing === readTree(home.source).growing,
    // It rests for as long as the first version was on the line.
    90_000,
  )
  await allSent(sender, 1)
  await until('two versions were stored', () => receiver.report()?.receivedFiles === 2)
})

const MIB = 1024 * 1024
const whileRead: [string, (file: string) => void][] = [
  ['truncated', (file) => fs.truncateSync(file, 20 * MIB + 1)],
  [
    'replaced by another one of its size and time',
    (file) => {
      const { atime, mtime } = fs.statSync(file)
      fs.writeFileSync(`${file}.new`, randomBytes(64 * MIB))
      fs.utimesSync(`${file}.new`, atime, mtime)
      fs.renameSync(`${file}.new`, file)
    },
  ],
  [
    'rewritten in the middle',
    (file) => {
      const fd = fs.openSync(file, 'r+')
      fs.writeSync(fd, 'other content', 63 * MIB)
      fs.closeSync(fd)
    },
  ],
  ['deleted', (file) => fs.rmSync(file)],
]

test.each(whileRead)(
  'changing source: a large file that is %s while it is sent is never stored in part or mixed',
  async (_, change) => {
    const { home, sender, config, arrived } = await setUp()
    const relay = await startRelay(config.destination?.port ?? 0)
    const file = path.join(home.source, 'file')
    fs.writeFileSync(file, randomBytes(64 * MIB))
    const before = readTree(home.source).file
    offerAll(home)
    relay.holdAfter(MIB)
    const { destination } = config
    sender.configure({ ...config, destination: destination && { ...destination, port: relay.port } })
    await until('it is on the wire', () => relay.sentBytes() >= MIB)
    change(file)
    relay.letGo()
    writeFile(home.source, 'other', 'not held up')
    offerAll(home)
    sender.nudge()
    await until('the other one is there', () => readTree(arrived).other !== undefined)
    const totals = () => sender.report()?.totals[SOURCE]
    await until('nothing waits', () => totals()?.waitingFiles === 0 && (totals()?.sentFiles ?? 0) > 0, 90_000)
    const there = readTree(arrived).file
    // What was open when its name went may still have been read to its end, whole and as it was offered.
    if (fs.existsSync(file)) expect(there).toBe(readTree(home.source).file)
    else expect([undefined, before]).toContain(there)
  },
  150_000,
)

test('changing source: files that changed, vanished or cannot be read do not hold up the others', async () => {
  const { home, sender, config, arrived } = await setUp(true)
  for (let index = 0; index < 50; index += 1) writeFile(home.source, `good/${index}`, `good ${index}`)
  writeFile(home.source, 'a-changed', 'before')
  writeFile(home.source, 'a-gone', 'gone')
  writeFile(home.source, 'a-fifo', 'will be a FIFO')
  writeFile(home.source, 'a-link', 'will be a link')
  writeFile(home.source, 'a-directory', 'will be a directory')
  offerAll(home)
  writeFile(home.source, 'a-changed', 'after, and longer')
  for (const name of ['a-gone', 'a-fifo', 'a-link', 'a-directory']) fs.rmSync(path.join(home.source, name))
  const { execFileSync } = await import('node:child_process')
  execFileSync('mkfifo', [path.join(home.source, 'a-fifo')])
  fs.symlinkSync('/etc/passwd', path.join(home.source, 'a-link'))
  fs.mkdirSync(path.join(home.source, 'a-directory'))
  sender.configure(config)
  await allSent(sender, 51)
  expect(readTree(arrived)).toEqual(readTree(home.source))
  const ledger = openLedger(home.ledgerPath)
  for (const name of ['a-gone', 'a-fifo', 'a-link', 'a-directory'])
    expect(ledger.lookup(DESTINATION, SOURCE, name)).toBeNull()
  ledger.close()
  expect(sender.log.join('\n')).toContain('a-gone vanished before it was sent')
})

test('changing source: a file that changes repeatedly keeps waiting until its last content is stored', async () => {
  const { home, sender, config, arrived } = await setUp()
  writeFile(home.source, 'file', 'one')
  offerAll(home)
  sender.configure(config)
  await allSent(sender, 1)
  for (const text of ['two', 'three', 'four', 'five!']) {
    writeFile(home.source, 'file', text)
    offerAll(home)
    sender.nudge()
  }
  await until('the last content is there', () => readTree(arrived).file === readTree(home.source).file)
  await allSent(sender, 1)
})

test('parked file: a name refused by the receiver is parked with its reason, and retried on request', {
  tags: 'story',
}, async () => {
  const { home, sender, config } = await setUp()
  const deep = `${'d/'.repeat(256)}file`
  writeFile(home.source, deep, 'in too many directories')
  writeFile(home.source, 'fine', 'fine')
  offerAll(home)
  sender.configure(config)
  await until('one is sent and one parked', () => {
    const totals = sender.report()?.totals[SOURCE]
    return totals?.parkedFiles === 1 && totals.sentFiles === 1
  })
  const page = { source: null, state: 'parked', before: null, limit: 10 }
  expect(await sender.request('files', page)).toMatchObject({
    files: [{ path: deep, state: 'parked', reason: { key: 'transfer.name.long' } }],
    older: null,
  })
  expect(await sender.request('retry', { source: SOURCE })).toEqual({ files: 1 })
  await until('it is parked again', () => sender.report()?.totals[SOURCE]?.parkedFiles === 1)
})

test('pause: a paused source, and a paused sender, send no file until they are resumed', {
  tags: 'story',
}, async () => {
  const { home, sender, config } = await setUp()
  writeFile(home.source, 'one', 'one')
  offerAll(home)
  const paused = config.sources.map((source) => ({ ...source, paused: true }))
  sender.configure({ ...config, sources: paused })
  await until('connected', () => sender.report()?.connection.state === 'connected')
  sender.configure({ ...config, paused: true })
  expect(await sender.request('files', { source: null, state: 'sent', before: null, limit: 1 })).toEqual({
    files: [],
    older: null,
  })
  sender.configure(config)
  await allSent(sender, 1)
})

test('new destination: every file is sent to it, and the old one gets no file twice', {
  tags: 'story',
}, async () => {
  const { home, receiver, sender, config } = await setUp()
  for (let index = 0; index < 30; index += 1) writeFile(home.source, `file-${index}`, `content ${index}`)
  offerAll(home)
  sender.configure(config)
  await allSent(sender, 30)
  await sender.kill()

  const other = startTestReceiver()
  const otherStore = path.join(home.directory, 'other-store')
  await other.configure(receiverConfig(otherStore, [home]))
  const next = startTestSender()
  const to = {
    id: 'elsewhere',
    kind: 'receiver' as const,
    name: 'other',
    host: '127.0.0.1',
    ...(await waitUntilListening(other)),
  }
  next.configure({ ...config, destination: to })
  await allSent(next, 30)
  expect(readTree(path.join(otherStore, 'sender-1', 'data'))).toEqual(readTree(home.source))
  next.configure(config)
  await allSent(next, 30)
  expect(receiver.report()?.receivedFiles).toBe(30)
})

test('ledger: a failure to open it at the start is reported, and it is opened once possible', async () => {
  const { home, sender, config } = await setUp()
  const away = path.join(home.directory, 'away')
  fs.writeFileSync(away, 'a file where the directory of the ledger should be')
  const ledgerPath = path.join(away, 'ledger.db')
  sender.configure({ ...config, ledgerPath })
  await until('it says so', () => sender.report()?.connection.problem?.key === 'transfer.ledgerFailed')
  fs.rmSync(away)
  await until('connected', () => sender.report()?.connection.state === 'connected')
  expect(sender.report()?.connection.problem).toBeNull()
  writeFile(home.source, 'file', 'one')
  offerAll({ ...home, ledgerPath })
  sender.nudge()
  await allSent(sender, 1)
})
