import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { askAgent } from '../../support/agent/answers.ts'
import { untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { runStoreCommand } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'

test('restore: files in the embedded store are listed, searched and restored by commands of a view', {
  tags: 'story',
}, async () => {
  const data = temporaryDirectory('restore-agent')
  const source = path.join(temporaryDirectory('restore-source'), 'runs')
  mkdirSync(path.join(source, 'May', 'day 1'), { recursive: true })
  writeFileSync(path.join(source, 'May', 'day 1', 'one.raw'), 'first')
  writeFileSync(path.join(source, 'May', 'two.raw'), 'second')
  writeFileSync(path.join(source, 'three'), 'third')
  startHoldfast(['agent', '--data', data, source])
  const { destinations, sources } = await untilState(
    data,
    'all to be kept',
    ({ totals }) => totals.sentFiles === 3 && totals.waitingFiles === 0,
  )
  const destination = destinations[0]?.id ?? ''
  const ask = askAgent(data)

  const { folders } = await ask('restoreFolders', { destination })
  expect(folders).toEqual([{ name: 'runs', source: sources[0]?.settings.id }])
  const at = { destination, folder: 'runs' }
  const top = await ask('restoreList', { ...at, directory: '', at: null, after: null })
  expect(top.entries.map(({ name, kind }) => `${kind} ${name}`)).toEqual(['directory May', 'file three'])
  const may = await ask('restoreList', { ...at, directory: 'May', at: null, after: null })
  expect(may.entries).toMatchObject([
    { name: 'day 1', kind: 'directory', local: 'same' },
    { name: 'two.raw', kind: 'file', size: 6, versions: 0, local: 'same' },
  ])
  const found = await ask('restoreSearch', {
    ...{ destination, folder: null, directory: '', text: 'ONE', at: null, missingOnly: false },
  })
  expect(found).toMatchObject({
    files: [{ folder: 'runs', path: 'May/day 1/one.raw', size: 5 }],
    isPart: false,
  })

  // A newer content: the older one is a version, and comes back by its name.
  writeFileSync(path.join(source, 'three'), 'third, again')
  await untilState(data, 'it to be kept, too', ({ totals }) => totals.sentBytes === 5 + 6 + 12)
  const { versions } = await ask('restoreVersions', { ...at, path: 'three' })
  expect(versions).toMatchObject([{ version: '', size: 12 }, { size: 5 }])

  const to = path.join(temporaryDirectory('restore-to'), 'back')
  const wanted = { ...at, path: null, version: null, at: null, to }
  expect(await ask('restoreStart', wanted)).toEqual({ done: true })
  const done = await untilState(data, 'it to be done', ({ restore }) => restore?.phase === 'done')
  const there = path.join(to, 'runs')
  expect(done.restore).toMatchObject({ files: 3, restored: 3, failed: 0, kept: 0, to: there, sentence: null })
  expect(done.notices.map(({ sentence }) => sentence.key)).toContain('restore.done')
  expect(readTree(there)).toEqual(readTree(source))

  const older = { ...wanted, to: there, path: 'three', version: versions[1]?.version ?? '' }
  await ask('restoreStart', older)
  const left = await untilState(data, 'what is there to stay', ({ restore }) => restore?.phase === 'done')
  expect(left.restore).toMatchObject({ kept: 1, keptPaths: [path.join(there, 'three')], failures: [] })
  expect(left.notices.map(({ sentence }) => sentence.key)).toContain('restore.oneKept')
  expect(readFileSync(path.join(there, 'three'), 'utf8')).toBe('third, again')
  expect(await ask('restoreKept', { conflict: 'replace' })).toEqual({ done: true })
  await untilState(data, 'it to be replaced', ({ restore }) => restore?.restored === 1)
  expect(readFileSync(path.join(there, 'three'), 'utf8')).toBe('third')
  expect(await ask('restoreStart', { ...wanted, to: 'somewhere' })).toMatchObject({ done: false })
})

test('restore: a new computer chooses whose files it restores, in a view and on the command line', async () => {
  const data = temporaryDirectory('restore-was')
  const anew = temporaryDirectory('restore-anew')
  const shelf = temporaryDirectory('restore-shelf')
  const source = path.join(temporaryDirectory('restore-source'), 'runs')
  mkdirSync(source)
  writeFileSync(path.join(source, 'one'), 'first')
  const destination = {
    kind: 'folder',
    name: 'shelf',
    path: shelf,
    recipient: null,
    hideNames: false,
  } as const
  const before = startHoldfast(['agent', '--data', data, source])
  await untilState(data, 'it to run', () => true)
  expect(await askAgent(data)('addDestination', { destination, secrets: {} })).toEqual({ done: true })
  await untilState(data, 'all to be there', ({ destinations }) => destinations[0]?.totals.sentFiles === 1)
  before.child.kill('SIGTERM')
  await before.ended()

  startHoldfast(['agent', '--data', anew])
  await untilState(anew, 'it to run', () => true)
  const ask = askAgent(anew)
  await ask('addDestination', { destination, secrets: {} })
  const { destinations } = await untilState(anew, 'it to be there', ({ destinations: all }) => all.length > 0)
  const of = { destination: destinations[0]?.id ?? '' }
  const { computers } = await ask('restoreComputers', of)
  expect(computers).toMatchObject([{ isOwn: false, isEncrypted: false }])
  const computer = computers[0]?.folder ?? ''
  expect(await ask('restoreFolders', { ...of, computer })).toEqual({
    folders: [{ name: 'runs', source: null }],
  })
  const to = path.join(temporaryDirectory('restore-to'), 'back')
  const all = { folder: null, path: null, version: null, at: null, to }
  expect(await ask('restoreStart', { ...of, computer, ...all })).toEqual({ done: true })
  await untilState(anew, 'it to be done', ({ restore }) => restore?.phase === 'done')
  expect(readTree(path.join(to, 'runs'))).toEqual(readTree(source))

  const from = ['restore', '--from', 'shelf', '--data', anew]
  const listed = await runStoreCommand(...from, '--computers')
  expect(listed).toMatchObject({ code: 0, lines: [{ type: 'computer', ...computers[0] }] })
  const none = await runStoreCommand(...from, '--to', to)
  expect(none).toMatchObject({ code: 2, err: expect.stringContaining('nothing to restore at /') })
  const refused = await runStoreCommand(...from, '--computer', 'nobody', '--list')
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining(`there are: ${computer}.`) })
})
