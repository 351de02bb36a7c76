import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { untilState } from '../../support/agent/two-receivers.ts'
import { headless } from '../../support/alerts/headless.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'
import { until } from '../../support/until.ts'

test('`destinations delete-local`: deletes the local copies once all files are stored at a destination', async () => {
  const base = temporaryDirectory('local')
  const [disk, source] = ['disk', 'source'].map((name) => path.join(base, name)) as [string, string]
  for (const directory of [disk, source]) mkdirSync(directory)
  for (const name of ['one', 'two']) writeFileSync(path.join(source, name), name)
  const home = headless({ sources: [{ id: 'a', path: source, name: 'source' }] })
  const store = path.join(home.directory, 'store')
  home.startAgent()
  const sent = (count: number) =>
    untilState(
      home.directory,
      `${count} files to be sent`,
      ({ sources: [one] }) => one?.totals.sentFiles === count && one.totals.waitingFiles === 0,
    )
  await sent(2)
  const deleting = ['destinations', 'delete-local']
  const refused = async () => {
    const { code, err } = await home.run(deleting)
    expect([code, existsSync(store)]).toEqual([1, true])
    return err
  }
  expect(await refused()).toContain('are the only ones')

  await home.says(['folders', 'pause'])
  await home.says(['destinations', 'add', 'folder', disk, '--name', 'disk'])
  await untilState(
    home.directory,
    'what waits to be counted',
    ({ sources: [one] }) => one?.totals.waitingFiles === 2,
  )
  expect(await home.says(['destinations'])).toContain('delete-local')
  expect(await refused()).toContain('2 files are not at their destinations yet')

  await home.says(['folders', 'resume'])
  await sent(2)
  expect(await home.says(deleting)).toContain('are deleted')
  expect([existsSync(store), readFileSync(path.join(source, 'one'), 'utf8')]).toEqual([false, 'one'])
  expect(await home.says(['destinations'])).not.toContain('delete-local')

  // What the ledger says of the deleted copies counts for nothing.
  await home.says(['destinations', 'remove', 'disk'])
  writeFileSync(path.join(source, 'three'), 'three')
  await sent(3)
  expect(Object.keys(readTree(store, /\.holdfast/)).map((file) => path.basename(file))).toEqual(
    expect.arrayContaining(['one', 'two', 'three']),
  )
})

test('`destinations delete-local`: is not offered if no file was copied before the first destination', async () => {
  const [disk, source] = [temporaryDirectory('disk'), temporaryDirectory('empty')]
  const home = headless({ sources: [{ id: 'a', path: source, name: 'empty' }] })
  home.startAgent()
  const store = path.join(home.directory, 'store')
  await until('the store on this computer', () => existsSync(path.join(store, '.holdfast')))
  await home.says(['destinations', 'add', 'folder', disk, '--name', 'disk'])
  expect(await home.says(['destinations'])).not.toContain('delete-local')
})

test('`destinations delete-local`: keeps the copies of a directory that is no longer protected', async () => {
  const base = temporaryDirectory('removed')
  const [disk, source, elsewhere] = ['disk', 'source', 'elsewhere'].map((name) => path.join(base, name)) as [
    string,
    string,
    string,
  ]
  for (const directory of [disk, source]) mkdirSync(directory)
  writeFileSync(path.join(source, 'only'), 'only')
  const home = headless({ sources: [{ id: 'a', path: source, name: 'source' }] })
  const store = path.join(home.directory, 'store')
  home.startAgent()
  await untilState(
    home.directory,
    'the file to be copied',
    ({ sources: [one] }) => one?.totals.sentFiles === 1,
  )
  rmSync(source, { recursive: true })
  await home.says(['folders', 'remove', source])
  await home.says(['destinations', 'add', 'folder', disk, '--name', 'disk'])

  const copies = path.join(store, hostname(), 'source')
  const { code, err } = await home.run(['destinations', 'delete-local'])
  expect([code, readFileSync(path.join(copies, 'only'), 'utf8')]).toEqual([1, 'only'])
  expect(err).toContain(copies)
  renameSync(copies, elsewhere)
  expect(await home.says(['destinations', 'delete-local'])).toContain('are deleted')
  expect([existsSync(store), readFileSync(path.join(elsewhere, 'only'), 'utf8')]).toEqual([false, 'only'])
})
