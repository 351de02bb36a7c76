import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { storeChoice } from '../../../cli/restore/restore-task.ts'
import { openLibrary } from '../../../core/backends/open.ts'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { readAttributes } from '../../../core/platform/native.ts'
import { restoreFrom } from '../../../core/restore/restore.ts'
import { arrivedIn, started } from '../../support/destinations/folder-sender.ts'
import { startRelay } from '../../support/faults/relay.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  DESTINATION,
  type Home,
  makeHome,
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

const MIB = 1024 * 1024
const isLinux = process.platform === 'linux'

const attributesAt = (file: string) => {
  const fd = fs.openSync(file, 'r')
  try {
    return readAttributes(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/** Every regular file below a directory, with its attributes. */
const readAllAttributes = (root: string) =>
  Object.fromEntries(Object.keys(readTree(root)).map((name) => [name, attributesAt(path.join(root, name))]))

/** Files of every size that travels in its own way, half of them with an ACL and an attribute, beside plain ones. */
function makeDressed(source: string): number {
  for (let index = 0; index < 100; index += 1) {
    writeFile(source, `mixed/plain-${index}`, randomBytes(5_000))
    writeFile(source, `mixed/dressed-${index}`, randomBytes(5_000))
  }
  writeFile(source, 'mixed/dressed-large', randomBytes(3 * MIB))
  writeFile(source, 'mixed/dressed-empty', '')
  const dressed = fs
    .readdirSync(path.join(source, 'mixed'))
    .filter((name) => name.startsWith('dressed'))
    .map((name) => path.join(source, 'mixed', name))
  execFileSync('setfacl', ['-m', 'u:daemon:r', ...dressed])
  execFileSync('setfattr', ['-n', 'user.origin', '-v', 'scanner', ...dressed])
  execFileSync('setfacl', ['-d', '-m', 'u:daemon:rx', path.join(source, 'mixed')])
  return 202
}

async function restored(store: string, to: string): Promise<string> {
  const { signal } = new AbortController()
  const library = await openLibrary({ store }, signal)
  try {
    const choice = { ...storeChoice({ oldNames: false }), at: null }
    const told = { event: async () => undefined, progress: () => undefined }
    await restoreFrom(library, [{ choice, destination: to, conflict: 'leave' }], told, signal)
  } finally {
    library.close()
  }
  return to
}

test.skipIf(!isLinux)(
  'extended attributes and ACLs: files with and without them reach a receiver, and a restore keeps them (Linux)',
  async () => {
    const base = temporaryDirectory('attributes')
    const { home, store, sender, config, arrived } = await startPair(base)
    const ledger = openLedger(home.ledgerPath)
    onTestFinished(() => ledger.close())
    const files = makeDressed(home.source)
    const dress = readAllAttributes(home.source)
    expect(Object.values(dress).filter((one) => one !== null)).toHaveLength(102)
    offerAll(home)
    sender.configure(config)
    await allSent(sender, files)
    expect(readTree(arrived)).toEqual(readTree(home.source))

    // A name that is new is a copy at the receiver, which has them, too.
    fs.renameSync(path.join(home.source, 'mixed'), path.join(home.source, 'moved'))
    offerAll(home)
    sender.nudge()
    await until('the new names to be sent', () => {
      const query = { source: SOURCE, state: 'sent', before: null, limit: 1 } as const
      const [last] = ledger.files([DESTINATION], query).files
      return (
        last?.path.startsWith('moved/') === true && ledger.totals(DESTINATION)[SOURCE]?.waitingFiles === 0
      )
    })
    await allSent(sender, files)
    const to = await restored(store, path.join(base, 'to'))
    expect(readAllAttributes(path.join(to, 'sender-1/data'))).toEqual(readAllAttributes(home.source))
    const directory = (root: string) => attributesAt(path.join(root, 'moved'))
    expect(directory(path.join(to, 'sender-1/data'))).toEqual(directory(home.source))
  },
  90_000,
)

test.skipIf(!isLinux)(
  'extended attributes and ACLs: files with and without them reach a folder, and a restore keeps them (Linux)',
  async () => {
    const base = temporaryDirectory('attributes')
    const folder = path.join(base, 'folder')
    fs.mkdirSync(folder)
    const home = await makeHome(path.join(base, 'home'))
    const files = makeDressed(home.source)
    offerAll(home)
    await allSent(await started(home, folder), files)
    expect(readTree(arrivedIn(folder))).toEqual(readTree(home.source))
    const to = await restored(folder, path.join(base, 'to'))
    const [computer = ''] = fs.readdirSync(to)
    expect(readAllAttributes(path.join(to, computer, 'data'))).toEqual(readAllAttributes(home.source))
  },
  90_000,
)

test.skipIf(!isLinux)(
  'odd metadata: a time or a size beyond the limits of the protocol does not hold up other files (Linux)',
  async () => {
    const base = temporaryDirectory('odd-metadata')
    // A file system in memory takes any time and size.
    const home = await makeHome(temporaryDirectory('odd-metadata', '/dev/shm'))
    const store = path.join(base, 'store')
    const { at } = await startListening(store, [home])
    for (let index = 0; index < 20; index += 1) writeFile(home.source, `plain-${index}`, randomBytes(3_000))
    for (const [name, time] of [
      ['future', '@99999999999999'],
      ['past', '@-99999999999999'],
    ] as const) {
      writeFile(home.source, name, name)
      execFileSync('touch', ['-d', time, path.join(home.source, name)])
    }
    const expected = readTree(home.source)
    execFileSync('truncate', ['-s', '7P', path.join(home.source, 'endless')])
    offerAll(home)
    const sender = startTestSender()
    sender.configure(senderConfig(home, at))
    const totals = () => sender.report()?.totals[SOURCE]
    await until('all but the endless one are sent', () => totals()?.sentFiles === 22)
    expect(totals()).toMatchObject({ waitingFiles: 0, parkedFiles: 1 })
    expect(readTree(path.join(store, 'sender-1/data'))).toEqual(expected)
  },
  60_000,
)

const CHANGED = ['mode', 'attribute', 'acl', 'time'].flatMap((name) => [`small-${name}`, `large-${name}`])

function makeUnchanged(source: string): void {
  for (const name of CHANGED)
    writeFile(source, name, randomBytes(name.startsWith('small') ? 500_000 : 8 * MIB))
}

/** Seconds since 1970. */
const TOUCHED = 1_700_000_000.25

/** Changes all of a file but its content. */
function changeMetadata(source: string): void {
  for (const size of ['small', 'large']) {
    const place = (name: string) => path.join(source, `${size}-${name}`)
    fs.chmodSync(place('mode'), 0o440)
    execFileSync('setfattr', ['-n', 'user.origin', '-v', 'scanner', place('attribute')])
    execFileSync('setfacl', ['-m', 'u:daemon:r', place('acl')])
    fs.utimesSync(place('time'), TOUCHED, TOUCHED)
  }
}

/** Attributes, modes and times that a restore has to bring back. */
const readMetadata = (root: string) =>
  CHANGED.map((name) => {
    const file = path.join(root, name)
    const { mode, mtimeMs } = fs.statSync(file)
    return { name, mode: mode & 0o777, mtimeMs, attributes: attributesAt(file) }
  })

/** By the ledger: the sender's last report may be of the time before. */
async function nothingWaits({ ledgerPath }: Home): Promise<void> {
  const ledger = openLedger(ledgerPath)
  onTestFinished(() => ledger.close())
  await until('nothing waits', () => ledger.totals(DESTINATION)[SOURCE]?.waitingFiles === 0)
}

const readTimes = (root: string) =>
  CHANGED.map((name) => fs.statSync(path.join(root, name), { bigint: true }).mtimeNs)
const readInodes = (root: string) => CHANGED.map((name) => fs.statSync(path.join(root, name)).ino)

test.skipIf(!isLinux)(
  'changed metadata: a mode, an attribute, an ACL or a time reaches a receiver without the content (Linux)',
  async () => {
    const base = temporaryDirectory('changed-metadata')
    const { home, store, sender, config, arrived, at } = await startPair(base)
    const relay = await startRelay(at.port)
    makeUnchanged(home.source)
    offerAll(home)
    sender.configure({ ...config, destination: { ...config.destination, port: relay.port } })
    await allSent(sender, CHANGED.length)
    const [contents, inodes] = [relay.sentBytes(), readInodes(arrived)]
    changeMetadata(home.source)
    expect(offerAll(home)).toBe(CHANGED.length)
    sender.nudge()
    await nothingWaits(home)
    expect(relay.sentBytes() - contents).toBeLessThan(MIB / 4)
    expect(readInodes(arrived)).toEqual(inodes)
    expect(readTimes(arrived)).toEqual(readTimes(home.source))
    const to = await restored(store, path.join(base, 'to'))
    expect(readMetadata(path.join(to, 'sender-1/data'))).toEqual(readMetadata(home.source))
  },
  90_000,
)

test.skipIf(!isLinux)(
  'changed metadata: a mode, an attribute, an ACL or a time reaches a folder without the content (Linux)',
  async () => {
    const base = temporaryDirectory('changed-metadata')
    const folder = path.join(base, 'folder')
    fs.mkdirSync(folder)
    const home = await makeHome(path.join(base, 'home'))
    makeUnchanged(home.source)
    offerAll(home)
    const sender = await started(home, folder)
    await allSent(sender, CHANGED.length)
    const inodes = readInodes(arrivedIn(folder))
    changeMetadata(home.source)
    expect(offerAll(home)).toBe(CHANGED.length)
    sender.nudge()
    await nothingWaits(home)
    expect(readInodes(arrivedIn(folder))).toEqual(inodes)
    expect(readTimes(arrivedIn(folder))).toEqual(readTimes(home.source))
    const to = await restored(folder, path.join(base, 'to'))
    const [computer = ''] = fs.readdirSync(to)
    expect(readMetadata(path.join(to, computer, 'data'))).toEqual(readMetadata(home.source))
  },
  90_000,
)
