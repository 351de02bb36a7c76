import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { openAt, smallFile } from '../../support/store/large-files.ts'
import { listVersions, runStoreCommand, runVerify, startRuled } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { allSent, offerAll, readTree, startPair, writeFile } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const REWRITES = 34
const data = ['--sender', 'sender-1', '--source', 'data']

test(`replaced directory: its files can be restored after ${REWRITES} rewrites of the file in its place, and after pruning`, async () => {
  const base = temporaryDirectory('replaced-directory')
  const { home, store, arrived, receiver, sender, config } = await startPair(base)
  writeFile(home.source, 'd/a', 'a in the directory')
  writeFile(home.source, 'd/sub/b', 'b in the directory')
  const directory = readTree(home.source)
  offerAll(home)
  sender.configure(config)
  await allSent(sender, 2)
  const between = Date.now() + 1
  await until('a moment later', () => Date.now() > between)

  fs.rmSync(path.join(home.source, 'd'), { recursive: true })
  writeFile(home.source, 'd', 'content 0')
  offerAll(home)
  sender.nudge()
  const isReplaced = () => fs.readFileSync(path.join(arrived, 'd'), 'utf8') === 'content 0'
  await until('the file has its place', isReplaced)
  await receiver.kill()
  // A sender takes its time with a file that is never at rest.
  const { store: opened } = await openAt(store)
  const source = await opened.source('sender-1', 'data')
  for (let round = 1; round <= REWRITES; round += 1)
    await opened.receive(smallFile(source, 'd', Buffer.from(`content ${round}`)))
  await opened.close()
  // The directory, and each older content of the file.
  expect(listVersions(store, 'sender-1/data/d')).toHaveLength(1 + REWRITES)

  const restored = async (name: string, ...words: string[]) => {
    const to = path.join(base, name)
    const { code } = await runStoreCommand('restore', store, to, ...data, ...words)
    return { code, tree: readTree(to) }
  }
  const listed = async (file: string) => {
    const { lines } = await runStoreCommand('restore', store, '--list', ...data, '--path', file)
    return lines.flatMap(({ type, version }) => (type === 'listed' ? [version] : []))
  }
  const then = ['--at', new Date(between).toISOString()]
  const all = { code: 0, tree: directory }
  const [version, ...others] = await listed('d/a')
  expect([version, others]).toEqual([expect.stringMatching(/^\d{8}T/), []])
  expect(await restored('then', ...then)).toEqual(all)
  const [a] = Object.values(directory)
  expect(await restored('one', '--path', 'd/a', '--version', String(version))).toEqual({
    code: 0,
    tree: { a },
  })

  // Of the file one older content is left; of what was in the directory there is nothing newer.
  const nothing = { daily: 0, weekly: 0, monthly: 0, yearly: 0 }
  const strict = await startRuled(store, [home], { keep: { withinDays: 0, ...nothing, daily: 1 } })
  await until('the others are gone', () => listVersions(store, 'sender-1/data/d').length === 2)
  await strict.receiver.close()
  expect(await listed('d/a')).toEqual([version])
  expect(await restored('then again', ...then)).toEqual(all)
  expect(await runVerify(store)).toMatchObject({ code: 0, found: [], summary: { files: 4 } })
})
