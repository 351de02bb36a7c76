// @module-tag timeless
import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { storeLayout } from '../../../core/store/layout.ts'
import { DEFAULT_RULES } from '../../../core/store/quota/admission.ts'
import { Store } from '../../../core/store/store.ts'
import { openLarge, smallFile } from '../../support/store/large-files.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

/** The threads of a store, of which one ends at such a job, the first time. */
function fragile(directory: string, kind: string): URL {
  const script = path.join(directory, 'thread.ts')
  const real = new URL('../../../core/store/store-thread.ts', import.meta.url)
  fs.writeFileSync(
    script,
    `import { existsSync, writeFileSync } from 'node:fs'
    import { parentPort, workerData } from 'node:worker_threads'
    import { runStoreThread } from '${real}'
    parentPort.on('message', ({ name }) => {
      if (name !== '${kind}' || existsSync('${script}.ended')) return
      writeFileSync('${script}.ended', '')
      process.exit(3)
    })
    runStoreThread(parentPort, workerData)`,
  )
  return new URL(`file://${script}`)
}

test.each(['write', 'round'])(
  'store thread: a thread that ends at a %s is restarted; its file fails, and is stored on retry',
  async (kind) => {
    const root = temporaryDirectory('store')
    const layout = storeLayout(root)
    fs.mkdirSync(layout.own)
    const thread = fragile(temporaryDirectory('thread'), kind)
    const store = new Store(layout, { thread, rules: DEFAULT_RULES, log: () => undefined })
    onTestFinished(() => store.close())
    const source = await store.source('pc', 'data')
    const receive = (name: string) => store.receive(smallFile(source, name, Buffer.from(name)))
    const first = await receive('one')
    expect(first).toMatchObject({ status: 'failed', detail: 'its thread ended' })
    expect(await receive('one')).toMatchObject({ status: 'durable' })
    expect(await receive('two')).toMatchObject({ status: 'durable' })
    expect(Object.keys(readTree(path.join(root, 'pc', 'data'))).sort()).toEqual(['one', 'two'])
    expect(readTree(layout.temporary)).toEqual({})
  },
)

test('store thread: of many concurrent files only those with a wrong digest are refused', async () => {
  const { store, source, stored } = await openLarge()
  const names = Array.from({ length: 64 }, (_, index) => `${index}`)
  const wrong = new Set(['7', '32'])
  const outcomes = await Promise.all(
    names.map((name) => {
      const file = smallFile(source, name, Buffer.from(`content of ${name}`))
      return store.receive(wrong.has(name) ? { ...file, digest: Buffer.alloc(32) } : file)
    }),
  )
  expect(outcomes.map(({ status }) => status)).toEqual(
    names.map((name) => (wrong.has(name) ? 'digest' : 'durable')),
  )
  expect(Object.keys(stored())).toHaveLength(62)
})

test('store thread: each file of a batch is answered once while the free space cannot be read', async () => {
  const { root, store, source } = await openLarge()
  fs.renameSync(root, `${root}-away`)
  const answers: string[] = []
  const files = ['..', 'good'].map((name) => smallFile(source, name, Buffer.from(name)))
  store.receiveAll(files, {
    directories: [],
    onWritten: () => undefined,
    onStored: (index, { status }) => void answers.push(`${index} ${status}`),
  })
  await until('both are answered', () => answers.includes('1 failed'))
  fs.renameSync(`${root}-away`, root)
  expect(answers).toEqual(['0 name', '1 failed'])
})

test('store thread: files are refused when the manifest vanished during a rest, and a reopening is requested', async () => {
  const root = temporaryDirectory('store')
  const layout = storeLayout(root)
  fs.mkdirSync(layout.own)
  const said: string[] = []
  const thread = new URL('../../../cli/workers/store-thread.ts', import.meta.url)
  const replaced: string[] = []
  const options = { thread, rules: DEFAULT_RULES, log: (text: string) => void said.push(text) }
  const store = new Store(layout, { ...options, onReplaced: () => void replaced.push('anew') })
  onTestFinished(() => store.close())
  const source = await store.source('pc', 'data')
  const receive = (name: string) => store.receive(smallFile(source, name, Buffer.from(name)))
  expect(await receive('one')).toMatchObject({ status: 'durable' })
  // It is closed when nobody uses it, and its log is gone with that.
  await until('it rests', () => !fs.existsSync(`${layout.manifest}-wal`))
  fs.rmSync(layout.manifest)
  expect(await receive('two')).toEqual({ status: 'failed', detail: 'ESTALE' })
  expect([await receive('three'), replaced.length]).toEqual([{ status: 'failed', detail: 'ESTALE' }, 1])
  expect(said).toEqual(['the manifest is another one than before'])
  await store.close()
  const anew = new Store(layout, options)
  onTestFinished(() => anew.close())
  const file = smallFile(await anew.source('pc', 'data'), 'two', Buffer.from('two'))
  expect(await anew.receive(file)).toMatchObject({ status: 'durable' })
})
