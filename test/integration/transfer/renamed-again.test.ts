import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { storeChoice } from '../../../cli/restore-task.ts'
import { openLibrary } from '../../../core/restore/open.ts'
import { restoreFrom } from '../../../core/restore/restore.ts'
import { started } from '../../support/destinations/folder-sender.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  type Home,
  makeHome,
  offerAll,
  startPair,
  type TestSender,
  treeOf,
  writeFile,
} from '../../support/transfer.ts'

const MIB = 1024 * 1024

/** Restores the one source and lists it, without the names that its files had before. */
async function restored(store: string, to: string): Promise<Record<string, string>> {
  const { signal } = new AbortController()
  const library = await openLibrary({ store }, signal)
  try {
    const choice = { ...storeChoice({ oldNames: false }), at: null }
    const told = { event: async () => undefined, progress: () => undefined }
    await restoreFrom(library, { choice, destination: to, overwrite: false }, told, signal)
  } finally {
    library.close()
  }
  const [computer = ''] = fs.readdirSync(to)
  return treeOf(path.join(to, computer, 'data'))
}

/** Sends files under three names one after the other, and some under their first name again. */
async function renameTwice(home: Home, sender: TestSender): Promise<void> {
  const at = (name: string) => path.join(home.source, name)
  const rename = (from: string, to: string) => fs.renameSync(at(from), at(to))
  let files = 0
  const send = async (more: number) => {
    files += more
    offerAll(home)
    sender.nudge()
    await allSent(sender, files)
  }
  writeFile(home.source, 'x1', randomBytes(3_000))
  writeFile(home.source, 'large1', randomBytes(2 * MIB))
  writeFile(home.source, 'there', randomBytes(3_000))
  for (const name of ['a', 'b']) writeFile(home.source, `run/${name}`, randomBytes(2_000))
  fs.linkSync(at('run/a'), at('run/link'))
  await send(6)
  for (const [from, to] of [
    ['x1', 'x2'],
    ['large1', 'large2'],
    ['there', 'away'],
    ['run', 'run-checked'],
  ] as const)
    rename(from, to)
  await send(6)
  for (const [from, to] of [
    ['x2', 'x3'],
    ['large2', 'large3'],
    ['away', 'there'],
    ['run-checked', 'run-done'],
  ] as const)
    rename(from, to)
  // "there" is a name that the destination has heard of.
  await send(5)
  for (const [from, to] of [
    ['x3', 'x4'],
    ['large3', 'large4'],
    ['run-done', 'run-kept'],
  ] as const)
    rename(from, to)
  await send(5)
}

test('a second rename: a restore from a receiver brings back the last name alone', async () => {
  const base = temporaryDirectory('renamed-again')
  const { home, store, sender, config } = await startPair(base)
  sender.configure(config)
  await renameTwice(home, sender)
  expect(await restored(store, path.join(base, 'to'))).toEqual(treeOf(home.source))
})

test('a second rename: a restore from a folder brings back the last name alone', async () => {
  const base = temporaryDirectory('renamed-again')
  const folder = path.join(base, 'folder')
  fs.mkdirSync(folder)
  const home = await makeHome(path.join(base, 'home'))
  await renameTwice(home, await started(home, folder))
  expect(await restored(folder, path.join(base, 'to'))).toEqual(treeOf(home.source))
})
