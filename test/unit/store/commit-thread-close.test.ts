// @module-tag timeless
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { CallWatch } from '../../../core/lib/async/call-watch.ts'
import { CommitThread } from '../../../core/store/group-commit.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** A thread that notes its calls in the store's directory, and cannot open the store for writing. */
const refusing = `
  import { appendFileSync } from 'node:fs'
  import { parentPort, workerData } from 'node:worker_threads'
  parentPort.on('message', (asked) => {
    if (asked === null) return parentPort.close()
    const { id, name } = asked
    appendFileSync(workerData.root + '/calls', name + ' ')
    parentPort.postMessage(name === 'wake' ? { id, failure: { message: 'no', code: 'EIO' } } : { id, output: null })
  })`

test('commit thread: a store that could not be opened for writing is closed again', async () => {
  const root = temporaryDirectory('commit')
  const script = new URL(`data:text/javascript,${encodeURIComponent(refusing)}`)
  const watch = { during: <T>(call: () => Promise<T>) => call() } as CallWatch
  const ignore = () => undefined
  const thread = new CommitThread({ root, script, watch, onTotals: ignore, onReplaced: ignore })
  onTestFinished(() => thread.close())
  await thread.opened
  await expect(thread.use()).rejects.toMatchObject({ code: 'EIO' })
  // Its descriptors would keep a disk from being ejected.
  await until('it is closed', () => /wake rest $/.test(readFileSync(path.join(root, 'calls'), 'utf8')))
})
