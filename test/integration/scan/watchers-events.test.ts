import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Implementation, openTree, passed } from '../../support/scan/tree.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const implementations: Implementation[] =
  process.platform === 'linux' ? ['inotify', 'chokidar'] : ['chokidar']

/** What only a watcher that is told of events knows of: polling compares the tree, and that finds the rest. */
describe.each(implementations)('%s watcher events', (implementation) => {
  const fresh = () => temporaryDirectory('watch')

  test('a mark is reported as a mark and not as a file', async () => {
    const root = fresh()
    mkdirSync(path.join(root, 'DC1'))
    const options = { names: { ignore: [], marks: ['finished.parse'] } }
    const { recorder } = await openTree(implementation, root, options)
    writeFileSync(path.join(root, 'DC1/a'), 'a')
    writeFileSync(path.join(root, 'DC1/finished.parse'), '')
    await until('the mark is told', () => recorder.marks.includes('DC1/finished.parse'))
    await until('the file is reported', () => recorder.paths.includes('DC1/a'))
    expect(recorder.paths).not.toContain('DC1/finished.parse')
  })

  test('a top-level directory is reported when it is created and when it is removed', async () => {
    const root = fresh()
    const { recorder } = await openTree(implementation, root)
    mkdirSync(path.join(root, 'DC1'))
    await until('the directory is told', () => recorder.changes > 0)
    const before = recorder.changes
    rmSync(path.join(root, 'DC1'), { recursive: true })
    await until('its end is told', () => recorder.changes > before)
  })

  test('files beside the batch directories of a batch source are not reported', async () => {
    const root = fresh()
    for (const name of ['DC1', 'other']) mkdirSync(path.join(root, name))
    const names = { ignore: [], marks: [], batchPrefix: 'DC' }
    const { recorder } = await openTree(implementation, root, { names })
    for (const name of ['beside', 'other/in', 'DC1/file']) writeFileSync(path.join(root, name), name)
    mkdirSync(path.join(root, 'DC2'))
    writeFileSync(path.join(root, 'DC2/file'), 'file')
    await until('both are reported', () => recorder.paths.length >= 2)
    expect(recorder.paths.toSorted()).toEqual(['DC1/file', 'DC2/file'])
  })

  test('a newly excluded directory is not reported; one no longer excluded is reported or causes a reconciliation', async () => {
    const root = fresh()
    for (const name of ['DC1', 'DC2']) mkdirSync(path.join(root, name))
    const { recorder, watcher } = await openTree(implementation, root, { leaveOut: ['DC1'] })
    writeFileSync(path.join(root, 'DC1/before'), 'before')
    watcher.leaveOut(['DC2'])
    await until('it is found', () => recorder.paths.includes('DC1/before') || recorder.losses > 0)
    writeFileSync(path.join(root, 'DC2/file'), 'file')
    await passed(root, () => recorder.paths)
    expect(recorder.paths).not.toContain('DC2/file')
  })
})

test('polling watcher: uses fewer than 20 timers for 50 files', async () => {
  const root = temporaryDirectory('watch')
  for (let index = 0; index < 50; index += 1) writeFileSync(path.join(root, `file-${index}`), '')
  const { recorder } = await openTree('polling', root)
  await passed(root, () => recorder.paths)
  // A poller of each file would have a timer of its own.
  const timers = process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout')
  expect(timers.length).toBeLessThan(20)
})

test.runIf(process.platform === 'linux')(
  'inotify: deleted paths are named after a second, and so is what is moved out, but no rename inside the tree',
  async () => {
    const root = temporaryDirectory('watch')
    for (const name of ['kept', 'album', 'gone', 'left']) mkdirSync(path.join(root, name))
    for (const name of ['file', 'again', 'ignored', 'album/a', 'gone/b', 'left/c', 'kept/d'])
      writeFileSync(path.join(root, name), name)
    const names = { ignore: ['ignored'], marks: [] }
    const { recorder } = await openTree('inotify', root, { names })
    renameSync(path.join(root, 'kept'), path.join(root, 'renamed'))
    // A renamed directory has no watch for a moment: a file moved into it then is found, but without its old name.
    await passed(path.join(root, 'renamed'), () => recorder.paths.map((name) => path.basename(name)))
    renameSync(path.join(root, 'album/a'), path.join(root, 'renamed/a'))
    renameSync(path.join(root, 'left'), path.join(temporaryDirectory('elsewhere'), 'left'))
    for (const name of ['file', 'ignored', 'gone']) rmSync(path.join(root, name), { recursive: true })
    await until('them to be named', () => recorder.deleted.length > 0)
    expect(recorder.deleted.toSorted()).toEqual(['file', 'gone', 'gone/b', 'left'])
  },
)

test.runIf(process.platform === 'linux')(
  'inotify: a directory of very many deleted files is not named path by path',
  async () => {
    const root = temporaryDirectory('watch')
    const files = Array.from({ length: 10_050 }, (_, index) => path.join(root, String(index)))
    for (const file of files) writeFileSync(file, '')
    const { recorder } = await openTree('inotify', root)
    for (const file of files) rmSync(file)
    await until('the loss to be told', () => recorder.deleted.includes(null))
  },
)
