import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { BATCH_OVERRUN_BYTES, SMALL_FILE_BYTES } from '../../../core/protocol/limits.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  createRandom,
  listFoundFiles,
  makeHome,
  newSeed,
  offerAll,
  readTree,
  SOURCE,
  senderConfig,
  startListening,
  startPair,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'
import vectors from '../../vectors/isocket.json' with { type: 'json' }

const ODD_NAMES = [
  'with space.txt',
  'colon:in:name',
  'quote\'s "double"',
  'line\nbreak',
  'back\\slash',
  '資料/照片/一.jpg',
  '-rf',
  '%41&+=?#.bin',
  'e\u0301-decomposed',
  `${'n'.repeat(255)}`,
  `${'deep/'.repeat(40)}file`,
  '.hidden',
  'trailing. ',
]

function fill(root: string, random: () => number): void {
  for (let index = 0; index < 480; index += 1) {
    const size = index % 16 === 0 ? 0 : Math.floor(random() ** 3 * 400_000)
    const bytes = Buffer.alloc(size, Math.floor(random() * 256))
    writeFile(root, `d${index % 7}/sub${index % 3}/file-${index}`, bytes)
  }
  for (const name of ODD_NAMES) writeFile(root, name, `content of ${name}`)
  const large = Buffer.alloc(50 * 1024 * 1024)
  for (let at = 0; at < large.length; at += 4) large.writeUInt32LE(Math.floor(random() * 2 ** 32), at)
  writeFile(root, 'large/fifty.bin', large)
  for (const size of [BATCH_OVERRUN_BYTES, SMALL_FILE_BYTES]) {
    writeFile(root, `exactly-${size}`, Buffer.alloc(size, 1))
    writeFile(root, `more-than-${size}`, Buffer.alloc(size + 1, 2))
  }
}

test('file trees: 500 files from each of two senders reach one receiver with their bytes and times', async () => {
  const random = createRandom(newSeed('trees'))
  const base = temporaryDirectory('trees')
  const store = path.join(base, 'store')
  const homes = [await makeHome(path.join(base, 'one')), await makeHome(path.join(base, 'two'))]
  for (const home of homes) {
    fill(home.source, random)
    fs.chmodSync(path.join(home.source, '-rf'), 0o640)
    fs.utimesSync(path.join(home.source, '-rf'), 1_600_000_000, 1_600_000_000.25)
  }
  const { receiver, at } = await startListening(store, homes)
  const senders = homes.map((home) => {
    const sender = startTestSender()
    sender.configure(senderConfig(home, at))
    return { home, sender, files: offerAll(home) }
  })
  for (const { sender } of senders) sender.nudge()
  for (const { sender, files } of senders) await allSent(sender, files, 60_000)

  for (const [index, { home, sender }] of senders.entries()) {
    const arrived = path.join(store, `sender-${index + 1}`, 'data')
    expect(readTree(arrived)).toEqual(readTree(home.source))
    const stats = fs.statSync(path.join(arrived, '-rf'))
    // The store is the receiver's own; the manifest knows the mode, and restore gives it back.
    expect(stats.mode & 0o777).toBe(0o600)
    expect(stats.mtimeMs).toBeCloseTo(1_600_000_000_250, 0)
    expect(sender.nudges()).toBeGreaterThan(0)
    expect(sender.report()?.lastFile[SOURCE]).toBeDefined()
  }
  expect(readTree(path.join(store, '.holdfast', 'tmp'))).toEqual({})
  await until('the receiver reports all', () => (receiver.report()?.receivedFiles ?? 0) >= 992)
})

for (const { name, groupWrite, received, absent } of vectors.fsync) {
  test(`group-write mark: isocket's fsync case ${name} leaves out files with the bit, and the others get it`, async () => {
    const base = temporaryDirectory('fsync')
    const { home, sender, config } = await startPair(base, { groupWriteMark: true })
    for (const [directory, bit] of Object.entries(groupWrite)) {
      for (const file of ['file0', 'file1', 'file2']) {
        writeFile(home.source, `${directory}/${file}`, `${directory} ${file}`)
        fs.chmodSync(path.join(home.source, directory, file), bit ? 0o664 : 0o644)
      }
    }
    // The scanner's rule, as isocket's: a file that has the bit is never offered.
    const due = listFoundFiles(home.source).filter(
      (file) => (fs.statSync(path.join(home.source, file.path)).mode & 0o020) === 0,
    )
    sender.configure(config)
    offerAll(home, due)
    sender.nudge()
    await allSent(sender, due.length)

    const arrived = path.join(base, 'store', 'sender-1', 'data')
    for (const directory of received)
      expect(readTree(path.join(arrived, directory))).toEqual(readTree(path.join(home.source, directory)))
    for (const directory of absent ?? []) expect(fs.existsSync(path.join(arrived, directory))).toBe(false)
    await until('every file carries the mark', () =>
      listFoundFiles(home.source).every(
        (file) => (fs.statSync(path.join(home.source, file.path)).mode & 0o020) !== 0,
      ),
    )
  })
}

test('stored content: unchanged content is not sent again, and changed content turns the old one into a version', async () => {
  const base = temporaryDirectory('again')
  const { home, store, receiver, sender, config } = await startPair(base)
  writeFile(home.source, 'a/kept', 'same content')
  writeFile(home.source, 'a/changed', 'old content')
  sender.configure(config)
  offerAll(home)
  sender.nudge()
  await allSent(sender, 2)

  writeFile(home.source, 'a/changed', 'new content!')
  fs.utimesSync(path.join(home.source, 'a/kept'), 1_700_000_000, 1_700_000_000)
  expect(offerAll(home)).toBe(2)
  sender.nudge()
  const kept = path.join(store, 'sender-1/data/a/kept')
  await until('the time of one to be set', () => fs.statSync(kept).mtimeMs === 1_700_000_000_000)
  await until('the other one to be sent', () => (receiver.report()?.receivedFiles ?? 0) === 3)
  await allSent(sender, 2)

  const versions = path.join(store, '.holdfast', 'versions', 'sender-1', 'data', 'a')
  expect(Object.keys(readTree(versions)).map((name) => path.dirname(name))).toEqual(['changed'])
  const [version] = fs.readdirSync(path.join(versions, 'changed'))
  expect(fs.readFileSync(path.join(versions, 'changed', version ?? ''), 'utf8')).toBe('old content')
  expect(readTree(path.join(store, 'sender-1', 'data'))).toEqual(readTree(home.source))
})

test('extended attributes: files that have them are stored beside files that have none', async () => {
  const base = temporaryDirectory('attributes')
  const { home, store, sender, config } = await startPair(base)
  for (let index = 0; index < 100; index += 1) {
    writeFile(home.source, `plain-${index}`, Buffer.alloc(4000, index))
    writeFile(home.source, `marked-${index}`, Buffer.alloc(4000, 100 + index))
  }
  // Python has setxattr(2), Node has not. The second attribute is an ACL (acl(5)): user 1234 may read.
  const acl = '0200000001000600ffffffff02000400d204000004000400ffffffff10000700ffffffff20000400ffffffff'
  const script = `
import os, sys
for index in range(100):
    file = os.path.join(sys.argv[1], f"marked-{index}")
    os.setxattr(file, "user.note", b"n" * 100)
    os.setxattr(file, "system.posix_acl_access", bytes.fromhex("${acl}"))
`
  execFileSync('python3', ['-c', script, home.source])
  sender.configure(config)
  expect(offerAll(home)).toBe(200)
  sender.nudge()
  await allSent(sender, 200)
  expect(readTree(path.join(store, 'sender-1', 'data'))).toEqual(readTree(home.source))
})
