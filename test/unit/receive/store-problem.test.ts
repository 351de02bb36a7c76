import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { storeLayout } from '../../../core/receive/layout.ts'
import { invite, isReceiverRunning } from '../../../core/receive/pairing/invitation.ts'
import type { Task, TaskEvent } from '../../../core/receive/task.ts'
import { runTask } from '../../../core/receive/task.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const everything = { sender: null, source: null, path: null, at: null, version: null }

/** Makes a path that nobody can look behind, for any user: a link to itself (ELOOP). */
function makeLoop(file: string): string {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.symlinkSync(file, file)
  return file
}

/** What a task ended with. */
async function lastOf(task: Task) {
  let last: TaskEvent | undefined
  await runTask(task, async (event) => {
    last = event
  })
  return last
}

const failed = (store: string, reason = 'ELOOP') => ({ key: 'store.failed', params: { path: store, reason } })
const none = (store: string) => ({ key: 'store.none', params: { path: store, reason: 'ENOENT' } })

test('a store that nobody can look at is not told as one that no receiver has used', async () => {
  const store = path.join(temporaryDirectory('store'), 'store')
  const layout = storeLayout(store)
  expect(await isReceiverRunning(layout)).toBeNull()
  await expect(invite(store, 0)).rejects.toMatchObject({ sentence: { key: 'transfer.receiverNotRunning' } })
  makeLoop(layout.receiver)
  await expect(isReceiverRunning(layout)).rejects.toMatchObject({ sentence: failed(store) })
  await expect(invite(store, 0)).rejects.toMatchObject({ sentence: failed(store) })
})

test('nor does verify or restore say of it that there is no store', async () => {
  const base = temporaryDirectory('store')
  const destination = path.join(base, 'to')
  for (const store of [path.join(base, 'nothing'), path.join(makeLoop(path.join(base, 'loop')), 'store')])
    for (const task of [
      { does: 'verify', store, adopt: false },
      { does: 'list', store, wanted: everything },
      { does: 'restore', store, destination, wanted: everything, overwrite: false },
    ] as const)
      expect(await lastOf(task)).toMatchObject({
        type: 'failed',
        sentence: store.includes('loop') ? failed(store) : none(store),
      })
})

test('what the system says in the middle of it is told by its code, what SQLite says in its words', async () => {
  const store = path.join(temporaryDirectory('store'), 'store')
  const { journal, manifest } = storeLayout(store)
  const part = makeLoop(path.join(journal, '00000001-abc.jsonl'))
  const events: TaskEvent[] = []
  await runTask({ does: 'verify', store, adopt: false }, async (event) => void events.push(event))
  // What is known can be compared all the same.
  const behind = { key: 'store.manifestBehind', params: { path: manifest } }
  expect(events).toMatchObject([{ sentence: behind }, { type: 'verified' }])
  fs.rmSync(part)
  fs.rmSync(manifest, { force: true })
  fs.mkdirSync(manifest)
  expect(await lastOf({ does: 'verify', store, adopt: false })).toMatchObject({
    sentence: failed(store, expect.stringContaining('open database')),
  })
})
