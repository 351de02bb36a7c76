import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { storeChoice } from '../../../cli/restore/restore-task.ts'
import { openLibrary } from '../../../core/backends/open.ts'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { restoreFrom } from '../../../core/restore/restore.ts'
import { started } from '../../support/destinations/folder-sender.ts'
import { startRelay } from '../../support/faults/relay.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  DESTINATION,
  type Home,
  listFoundFiles,
  makeHome,
  offerAll,
  readTree,
  SOURCE,
  startPair,
  type TestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const MIB = 1024 * 1024

/** Restores the one source and lists it, without the names that its files had before. */
async function restored(store: string, to: string): Promise<Record<string, string>> {
  const { signal } = new AbortController()
  const library = await openLibrary({ store }, signal)
  try {
    const choice = { ...storeChoice({ oldNames: false }), at: null }
    const told = { event: async () => undefined, progress: () => undefined }
    await restoreFrom(library, [{ choice, destination: to, conflict: 'leave' }], told, signal)
  } finally {
    library.close()
  }
  const [computer = ''] = fs.readdirSync(to)
  return readTree(path.join(to, computer, 'data'))
}

/** Sends files under three names one after the other, and some under their first name again. */
async function renameTwice(home: Home, sender: TestSender): Promise<void> {
  const at = (name: string) => path.join(home.source, name)
  const rename = (from: string, to: string) => fs.renameSync(at(from), at(to))
  const ledger = openLedger(home.ledgerPath)
  onTestFinished(() => ledger.close())
  const send = async () => {
    offerAll(home)
    sender.nudge()
    await until('nothing waits', () => ledger.totals(DESTINATION)[SOURCE]?.waitingFiles === 0)
    // Former names do not count.
    expect(ledger.totals(DESTINATION)[SOURCE]?.sentFiles).toBe(listFoundFiles(home.source).length)
  }
  writeFile(home.source, 'x1', randomBytes(3_000))
  writeFile(home.source, 'large1', randomBytes(2 * MIB))
  writeFile(home.source, 'there', randomBytes(3_000))
  for (const name of ['a', 'b']) writeFile(home.source, `run/${name}`, randomBytes(2_000))
  fs.linkSync(at('run/a'), at('run/link'))
  await send()
  for (const [from, to] of [
    ['x1', 'x2'],
    ['large1', 'large2'],
    ['there', 'away'],
    ['run', 'run-checked'],
  ] as const)
    rename(from, to)
  await send()
  for (const [from, to] of [
    ['x2', 'x3'],
    ['large2', 'large3'],
    ['away', 'there'],
    ['run-checked', 'run-done'],
  ] as const)
    rename(from, to)
  // "there" is a name that the destination has heard of.
  await send()
  for (const [from, to] of [
    ['x3', 'x4'],
    ['large3', 'large4'],
    ['run-done', 'run-kept'],
  ] as const)
    rename(from, to)
  await send()
}

test('repeated renames: a restore from a receiver brings back only the last names', async () => {
  const base = temporaryDirectory('renamed-again')
  const { home, store, sender, config } = await startPair(base)
  sender.configure(config)
  await renameTwice(home, sender)
  expect(await restored(store, path.join(base, 'to'))).toEqual(readTree(home.source))
})

test('repeated renames: a restore from a folder brings back only the last names', async () => {
  const base = temporaryDirectory('renamed-again')
  const folder = path.join(base, 'folder')
  fs.mkdirSync(folder)
  const home = await makeHome(path.join(base, 'home'))
  await renameTwice(home, await started(home, folder))
  expect(await restored(folder, path.join(base, 'to'))).toEqual(readTree(home.source))
})

test('reverted rename: a restore has the original names if they came back while the rename was being sent', async () => {
  const base = temporaryDirectory('renamed-back')
  const { home, store, sender, config, at, arrived } = await startPair(base)
  const relay = await startRelay(at.port)
  const destination = { ...config.destination, port: relay.port }
  const rename = (from: string, to: string) =>
    fs.renameSync(path.join(home.source, from), path.join(home.source, to))
  sender.configure({ ...config, destination })
  for (const name of ['a', 'b', 'c']) writeFile(home.source, `run/${name}`, randomBytes(2_000))
  offerAll(home)
  await allSent(sender, 3)

  rename('run', 'checked')
  const before = relay.sentBytes()
  // A heartbeat is shorter, what is told of a file is longer.
  relay.holdAfter(200)
  offerAll(home)
  sender.nudge()
  await until('the receiver to be told', () => relay.sentBytes() > before + 200)
  rename('checked', 'run')
  // The ledger has these names as sent.
  offerAll(home)
  relay.letGo()
  const isThere = (name: string) => fs.existsSync(path.join(arrived, 'checked', name))
  await until('the receiver to have the other names', () => ['a', 'b', 'c'].every(isThere))
  let count = 0
  const restoredNow = async () => {
    count += 1
    return JSON.stringify(await restored(store, path.join(base, `to-${count}`)))
  }
  const here = JSON.stringify(readTree(home.source))
  await until('the names to be there again', async () => (await restoredNow()) === here)
})
