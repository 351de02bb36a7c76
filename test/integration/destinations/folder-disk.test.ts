import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { deriveNameKey, hiddenPath, hiddenSource } from '../../../core/backends/encrypted/names.ts'
import { newEncryptionKey } from '../../../core/settings/secrets.ts'
import { waitForEnd } from '../../support/alerts/headless.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import {
  arrivedIn,
  configFor,
  getProblem,
  MIB,
  started,
  tryAt,
} from '../../support/destinations/folder-sender.ts'
import { mountExt4, mountTmpfs } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  DESTINATION,
  makeHome,
  offerAll,
  readTree,
  SOURCE,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

test('folder destination: an unmounted disk gets no files underneath, and sending resumes after the mount', async () => {
  const base = temporaryDirectory('folder')
  const [folder, disk] = [path.join(base, 'folder'), path.join(base, 'disk')]
  for (const directory of [folder, disk]) fs.mkdirSync(directory)
  const mount = () => execFileSync('mount', ['--bind', disk, folder])
  const unmount = () => spawnSync('umount', ['-l', folder])
  mount()
  onTestFinished(() => void unmount())
  const home = await makeHome(path.join(base, 'home'))
  const sender = await started(home, folder)
  writeFile(home.source, 'first', 'first')
  offerAll(home)
  sender.nudge()
  await allSent(sender, 1)
  unmount()
  await until('it is told', () => getProblem(sender) === 'transfer.notMounted')
  for (let index = 0; index < 20; index += 1) writeFile(home.source, `later-${index}`, `${index}`)
  offerAll(home)
  sender.nudge()
  expect(await tryAt(sender, folder, 'kept')).toMatchObject({
    works: false,
    sentence: { key: 'transfer.notMounted' },
  })
  // Nor does a sender that has never seen the disk.
  await sender.kill()
  const next = startTestSender()
  next.configure(configFor(home, folder))
  await until('it is told at the beginning', () => getProblem(next) === 'transfer.notMounted')
  expect(fs.readdirSync(folder)).toEqual([])
  mount()
  await allSent(next, 21)
  expect(readTree(arrivedIn(folder))).toEqual(readTree(home.source))
})

test.each([
  ['readable', false],
  ['hidden', true],
])(
  'encrypted folder with %s names: age decrypts files, verify finds damage, proven files are removed at the source',
  async (_, hideNames) => {
    const base = temporaryDirectory('folder')
    const folder = path.join(base, 'disk')
    fs.mkdirSync(folder)
    const home = await makeHome(path.join(base, 'home'))
    const { recipient, identity } = await newEncryptionKey()
    const key = path.join(base, 'key.txt')
    fs.writeFileSync(key, `${identity}\n`)
    const contents = new Map([
      ['d/small', randomBytes(900)],
      ['empty', Buffer.alloc(0)],
      ['large', randomBytes(3 * MIB + 1)],
    ])
    for (const [name, bytes] of contents) writeFile(home.source, name, bytes)
    const encryption = { recipient, hideNames }
    const sender = await started(home, folder, encryption)
    offerAll(home)
    sender.nudge()
    await allSent(sender, 3)
    const nameKey = deriveNameKey(home.identity, recipient)
    const directory = hideNames ? hiddenSource(nameKey, 'data') : 'data'
    const getStoredName = (name: string) => `${hideNames ? hiddenPath(nameKey, name) : name}.age`
    const arrived = (name: string) => path.join(folder, hostname(), directory, getStoredName(name))
    for (const [name, bytes] of contents) {
      const opened = execFileSync('age', ['-d', '-i', key, arrived(name)], { maxBuffer: 16 * MIB })
      expect(opened.equals(bytes)).toBe(true)
      expect(fs.statSync(arrived(name)).mtimeMs).toBe(fs.statSync(path.join(home.source, name)).mtimeMs)
    }

    const damaged = fs.readFileSync(arrived('d/small'))
    damaged[300] = (damaged[300] ?? 0) ^ 1
    const { atime, mtime } = fs.statSync(arrived('d/small'))
    fs.writeFileSync(arrived('d/small'), damaged)
    fs.utimesSync(arrived('d/small'), atime, mtime)
    const found = await waitForEnd(startHoldfast(['verify', folder, '--json'], {}))
    expect([found.code, found.out]).toEqual([1, expect.stringContaining(getStoredName('d/small'))])
    await until('it is sent again', () => !fs.readFileSync(arrived('d/small')).equals(damaged))
    const again = await waitForEnd(startHoldfast(['verify', folder, '--json'], {}))
    // The damaged one was kept, as a newer content has another seal.
    expect(again.out.match(/"place":"[^"]*/g)).toEqual([expect.stringContaining('.holdfast/versions/')])

    const config = configFor(home, folder, DESTINATION, encryption)
    const removal = { afterMs: 0, marks: [], sentMark: null }
    sender.configure({ ...config, sources: config.sources.map((one) => ({ ...one, removal })) })
    await until('what is proven is removed', () => Object.keys(readTree(home.source)).length === 0)
    expect(Object.keys(readTree(path.dirname(arrived('empty')))).sort()).toEqual(
      [...contents.keys()].map(getStoredName).sort(),
    )

    // Whoever has it by another key, or by none, is refused before anything is written.
    await sender.kill()
    const other = startTestSender()
    other.configure(configFor(home, folder))
    await until('it is refused', () => getProblem(other) === 'transfer.objects.otherRecipient')
    expect(await tryAt(other, folder, 'adding')).toMatchObject({
      works: false,
      sentence: { key: 'transfer.objects.otherRecipient' },
    })
    const plain = path.join(base, 'plain')
    fs.mkdirSync(plain)
    other.configure({ ...configFor(home, plain), destination: null, sources: [] })
    expect(await tryAt(other, plain, 'adding')).toMatchObject({ works: true })
    other.configure(configFor(home, plain))
    await until('it is in use', () => other.report()?.connection.state === 'connected')
    await other.kill()
    const late = startTestSender()
    late.configure(configFor(home, plain, DESTINATION, encryption))
    await until('it is refused, too', () => getProblem(late) === 'transfer.objects.begunPlain')
  },
  90_000,
)

test('folder destination: a full or read-only disk is reported, and sending resumes without intervention', async () => {
  const base = temporaryDirectory('folder')
  const { point, remount } = await mountTmpfs(onTestFinished, { megabytes: 16 })
  const home = await makeHome(path.join(base, 'home'))
  const sender = await started(home, point)
  fs.writeFileSync(path.join(point, 'filler'), Buffer.alloc(14 * MIB))
  writeFile(home.source, 'large', Buffer.alloc(6 * MIB, 'x'))
  offerAll(home)
  sender.nudge()
  await until('it is told that it is full', () => getProblem(sender) === 'transfer.storeFull')
  fs.rmSync(path.join(point, 'filler'))
  await allSent(sender, 1)
  await until('all is well again', () => getProblem(sender) === undefined)

  await remount('ro')
  writeFile(home.source, 'small', 'small')
  offerAll(home)
  sender.nudge()
  await until('it is told that it is read-only', () => getProblem(sender) === 'transfer.storeReadOnly')
  await remount('rw')
  await allSent(sender, 2)
  expect(readTree(arrivedIn(point))).toEqual(readTree(home.source))
})

test('folder destination: a full disk stays reported while small files fit, until the large file is removed', async () => {
  const { point } = await mountTmpfs(onTestFinished, { megabytes: 16 })
  const home = await makeHome(path.join(temporaryDirectory('folder'), 'home'))
  const sender = await started(home, point)
  fs.writeFileSync(path.join(point, 'filler'), Buffer.alloc(10 * MIB))
  writeFile(home.source, 'large', Buffer.alloc(12 * MIB, 'x'))
  offerAll(home)
  sender.nudge()
  await until('it is told that it is full', () => getProblem(sender) === 'transfer.storeFull')
  const problems = new Set<string | undefined>()
  for (let count = 1; count <= 4; count += 1) {
    writeFile(home.source, `small-${count}`, 'small')
    offerAll(home)
    sender.nudge()
    const seen = () => {
      problems.add(getProblem(sender))
      return sender.report()?.totals[SOURCE]?.sentFiles === count
    }
    await until('a small one to be stored', seen)
  }
  expect([...problems]).toEqual(['transfer.storeFull'])
  fs.rmSync(path.join(home.source, 'large'))
  await until('nothing is wrong any more', () => getProblem(sender) === undefined)
})

test('folder destination: its disk can be unmounted while sending is paused, and waiting files are sent after it', async () => {
  const { point, unmount, mountAgain } = await mountExt4(onTestFinished)
  const home = await makeHome(path.join(temporaryDirectory('folder'), 'home'))
  const sender = await started(home, point)
  const write = (name: string) => {
    writeFile(home.source, name, name)
    offerAll(home)
    sender.nudge()
  }
  write('before')
  await allSent(sender, 1)
  sender.configure({ ...configFor(home, point), paused: true })
  await until('it is let go of', () => sender.report()?.connection.state === 'idle')
  await unmount()
  write('meanwhile')
  await until('it waits', () => Object.values(sender.report()?.totals ?? {})[0]?.waitingFiles === 1)
  expect(getProblem(sender)).toBeUndefined()
  await mountAgain()
  sender.configure(configFor(home, point))
  await allSent(sender, 2)
  expect(readTree(arrivedIn(point))).toEqual(readTree(home.source))
})
