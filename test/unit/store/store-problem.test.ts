import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { invite, isReceiverRunning } from '../../../core/receive/pairing/invitation.ts'
import { runTask, type Task, type TaskEvent } from '../../../core/restore/task.ts'
import { NOT_ENCRYPTED } from '../../../core/settings/destination-schema.ts'
import { EMBEDDED_DESTINATION } from '../../../core/settings/destinations.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const choice = { folder: null, path: null, at: null, version: null }

/** Makes a path that nobody can look behind, for any user: a link to itself (ELOOP). */
function makeLoop(file: string): string {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.symlinkSync(file, file)
  return file
}

/** The three tasks that there are for a store. */
const buildTasks = (store: string, destination: string): Task[] => [
  { does: 'verify', from: { store }, adopt: false, forgetMissing: false },
  { does: 'list', from: { store }, choice },
  { does: 'restore', from: { store }, wanted: [{ destination, choice, conflict: 'leave' }] },
]

/** What a task ended with. */
async function runToEnd(task: Task) {
  let last: TaskEvent | undefined
  await runTask(task, async (event) => {
    last = event
  })
  return last
}

const failed = (store: string, reason = 'ELOOP') => ({ key: 'store.failed', params: { path: store, reason } })
const none = (store: string) => ({ key: 'store.none', params: { path: store, reason: 'ENOENT' } })

test('receiver state: an unreadable store is an error, not a store that no receiver has used', async () => {
  const store = path.join(temporaryDirectory('store'), 'store')
  const layout = storeLayout(store)
  expect(await isReceiverRunning(layout)).toBeNull()
  await expect(invite(store, 0)).rejects.toMatchObject({ sentence: { key: 'transfer.receiverNotRunning' } })
  makeLoop(layout.receiver)
  await expect(isReceiverRunning(layout)).rejects.toMatchObject({ sentence: failed(store) })
  await expect(invite(store, 0)).rejects.toMatchObject({ sentence: failed(store) })
})

test('store tasks: verify, list and restore distinguish an unreadable store from a missing one', async () => {
  const base = temporaryDirectory('store')
  const destination = path.join(base, 'to')
  for (const store of [path.join(base, 'nothing'), path.join(makeLoop(path.join(base, 'loop')), 'store')])
    for (const task of buildTasks(store, destination))
      expect(await runToEnd(task)).toMatchObject({
        type: 'failed',
        sentence: store.includes('loop') ? failed(store) : none(store),
      })
})

test('store tasks: an empty directory is reported as no store, not as a missing one', async () => {
  const store = temporaryDirectory('store')
  for (const task of buildTasks(store, `${store}-to`))
    expect(await runToEnd(task)).toMatchObject({ sentence: { key: 'store.notOne', params: { path: store } } })
})

test('store tasks: a folder whose disk is away is reported as not mounted, the embedded destination is not', async () => {
  const base = temporaryDirectory('folder')
  const place = { name: 'second disk', path: base }
  const folder = { ...NOT_ENCRYPTED, ...place, id: 'd', kind: 'folder' as const }
  const whose = {
    secrets: {},
    identityDirectory: path.join(base, 'id'),
    name: 'pc',
    computer: null,
    key: null,
  }
  const to = { destination: path.join(base, 'to'), choice, conflict: 'leave' as const }
  const from = { ...whose, destination: folder }
  const ledger = path.join(base, 'ledger')
  const ofDestination: Task[] = [
    { does: 'list', from, choice },
    { does: 'restore', from, wanted: [to] },
    { does: 'computers', from },
    { does: 'verify', from, ledger },
  ]
  const ofStore = buildTasks(base, to.destination).map((task) => ({
    ...task,
    from: { ...task.from, name: place.name },
  }))
  for (const task of [...ofDestination, ...(ofStore as Task[])])
    expect(await runToEnd(task)).toMatchObject({
      type: 'failed',
      sentence: { key: 'transfer.notMounted', params: place },
    })
  // SQLite removes it with the last connection.
  expect([ledger, `${ledger}-wal`].map((file) => fs.existsSync(file))).toEqual([true, false])
  const own = { ...from, destination: { ...folder, id: EMBEDDED_DESTINATION } }
  expect(await runToEnd({ does: 'list', from: own, choice })).toMatchObject({
    sentence: { key: 'store.notOne' },
  })
})

test('store tasks: a directory inside or above a store is refused with the path of that store', async () => {
  const base = temporaryDirectory('store')
  const { root, own, manifest } = storeLayout(path.join(base, 'disk/store'))
  // The data directory of an application may be called like it, but has no manifest.
  fs.mkdirSync(own, { recursive: true })
  fs.writeFileSync(manifest, '')
  const within = path.join(root, 'pc/data')
  fs.mkdirSync(within, { recursive: true })
  const above = path.dirname(root)
  for (const [given, key] of [
    [within, 'store.inside'],
    [path.join(root, 'pc'), 'store.inside'],
    [above, 'store.above'],
  ] as const)
    for (const task of buildTasks(given, path.join(base, 'to')))
      expect(await runToEnd(task)).toMatchObject({
        type: 'failed',
        sentence: { key, params: { path: given, store: root } },
      })
  expect(fs.existsSync(path.join(base, 'to'))).toBe(false)
})

test('store tasks: a damaged manifest is reported and kept, and an error of SQLite on opening is quoted', async () => {
  const base = temporaryDirectory('store')
  const { root: store, own, manifest } = storeLayout(path.join(base, 'store'))
  fs.mkdirSync(own, { recursive: true })
  const sentences = async () => {
    const told = []
    for (const task of buildTasks(store, path.join(base, 'to'))) told.push(await runToEnd(task))
    return told
  }
  const all = (sentence: object) => [1, 2, 3].map(() => ({ type: 'failed', sentence }))
  const unreadable = { key: 'store.manifestNone', params: { path: manifest, store } }
  expect(await sentences()).toMatchObject(all(unreadable))
  fs.writeFileSync(manifest, 'nonsense '.repeat(1000))
  expect(await sentences()).toMatchObject(all(unreadable))
  expect(fs.readFileSync(manifest, 'utf8')).toContain('nonsense')
  fs.rmSync(manifest)
  fs.mkdirSync(manifest)
  expect(await sentences()).toMatchObject(all(failed(store, expect.stringContaining('open database'))))
})
