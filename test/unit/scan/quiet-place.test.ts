import { statSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { type ScannedFile, toScannedFile } from '../../../core/walk/scanned-file.ts'
import { callOn } from '../../../core/walk/walk.ts'
import { InotifyWatcher } from '../../../core/watch/inotify.ts'
import { Recorder } from '../../support/scan/tree.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** A thread that opens every tree, and tells of one file there whose writer cannot be asked for. */
const unprovenThread = `
  import { parentPort } from 'node:worker_threads'
  parentPort.on('message', ({ type, tree }) => {
    if (type === 'stop') process.exit()
    if (type !== 'open') return
    parentPort.postMessage({ type: 'ready', tree })
    parentPort.postMessage({ type: 'files', tree, finished: [], unproven: [UNPROVEN], reopened: [], linked: [], directories: [] })
  })
`

/** The facts as a JavaScript expression. */
const written = (facts: ScannedFile): string =>
  `{ ${Object.entries(facts)
    .map(([name, value]) => `${name}: ${typeof value === 'bigint' ? `${value}n` : JSON.stringify(value)}`)
    .join()} }`

test('inner disk: its files are examined although all calls of the source hang', async () => {
  const root = temporaryDirectory('quiet-place')
  const place = path.join(root, 'disk')
  await mkdir(place)
  await writeFile(path.join(place, 'a'), 'a')
  const facts = toScannedFile('disk/a', statSync(path.join(place, 'a'), { bigint: true }))
  const thread = path.join(root, 'thread.mjs')
  await writeFile(thread, unprovenThread.replace('UNPROVEN', written(facts)))
  // The source's own calls are all out: were they the disk's, a disk that hangs could take them all.
  for (let count = 0; count < 100; count += 1) void callOn(root, () => new Promise<never>(() => undefined))
  const watcher = new InotifyWatcher(pathToFileURL(thread), 20)
  onTestFinished(() => watcher.stop())
  const recorder = new Recorder()
  const names = { ignore: [], marks: [] }
  await watcher.open({ root, base: 'disk', place, names }, recorder)
  await until('it is finished', () => recorder.paths.length > 0)
  expect(recorder.paths).toEqual(['disk/a'])
})
