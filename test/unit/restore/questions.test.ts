import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import { findPlaces } from '../../../core/restore/choose.ts'
import { BEGUN, MAX_REPORTED } from '../../../core/restore/restore-messages.ts'
import { countEvent, startRestorer } from '../../../core/restore/restore-worker.ts'
import { describeEvent, type RestoreEvent } from '../../../core/restore/write/events.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { startLiar, type Victim } from '../../support/faults/lying-receiver.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** A receiver that takes connections and says nothing. */
async function silent(name: string, directory: string) {
  const sockets: net.Socket[] = []
  const server = net.createServer((socket) => sockets.push(socket.on('error', () => undefined)))
  onTestFinished(() => void server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as net.AddressInfo
  const destination = {
    id: name,
    kind: 'receiver',
    name,
    host: '127.0.0.1',
    port,
    fingerprint: 'a'.repeat(64),
  }
  const from = {
    destination,
    secrets: {},
    identityDirectory: directory,
    name: 'here',
    computer: null,
    key: null,
  }
  return { sockets, from, hangUp: () => sockets.map((socket) => socket.destroy()) }
}

test('restorer: a request to another destination stops the earlier request, and is not stopped with it', async () => {
  const { requests, stop } = startRestorer({
    report: () => undefined,
    nudge: () => undefined,
    crowded: () => undefined,
    log: () => undefined,
  })
  const identity = temporaryDirectory('questions')
  const [one, other] = [await silent('one', identity), await silent('other', identity)]
  const ask = (from: unknown) => requests.folders({ from } as never).then(() => 'answered', String)
  const before = ask(one.from)
  await until('the first connection', () => one.sockets.length > 0)
  const now = ask(other.from)
  // Nobody waits for the first one any more.
  expect(await before).toContain(': stopped')
  await until('the second connection', () => other.sockets.length > 0)
  other.hangUp()
  expect(await now).not.toContain(': stopped')
  await stop?.()
})

test('restorer: an error of one request leaves the connection to the others that are under way', async () => {
  const { requests, stop } = startRestorer({
    report: () => undefined,
    nudge: () => undefined,
    crowded: () => undefined,
    log: () => undefined,
  })
  const directory = temporaryDirectory('questions')
  const own = await loadIdentity(directory)
  const asked: { id: number; victim: Victim }[] = []
  const liar = await startLiar(temporaryDirectory('liar'), own.fingerprint, {
    welcome: () => ({ counts: true }),
    answer(frame, victim) {
      if (frame.type !== 'ask') return false
      const { id, question } = frame.header
      if (question.about === 'counts') victim.send('told', { id, answer: { about: 'failed', reason: 'EIO' } })
      else asked.push({ id, victim })
      return true
    },
  })
  const destination = { id: 'liar', kind: 'receiver', name: 'liar', host: '127.0.0.1', ...liar.at }
  const from = {
    destination,
    secrets: {},
    identityDirectory: directory,
    name: 'here',
    computer: null,
    key: null,
  }
  const folders = requests.folders({ from } as never)
  const [first] = await until('the list is requested', () => asked.length > 0 && asked)
  const counted = requests.changes({ from, folder: null, directory: '', zone: 'UTC' } as never)
  await expect(counted).rejects.toMatchObject({ sentence: { key: 'restore.notTold' } })
  first?.victim.send('told', { id: first.id, answer: { about: 'folders', folders: [] } })
  expect(await folders).toEqual({ folders: [] })
  // The next request connects again.
  void requests.folders({ from } as never).catch(() => undefined)
  await until('another connection', () => liar.connections.length === 2)
  await stop?.()
})

test('restorer: its end stops the request that is under way, and closes its connection', async () => {
  const { requests, stop } = startRestorer({
    report: () => undefined,
    nudge: () => undefined,
    crowded: () => undefined,
    log: () => undefined,
  })
  const { from, sockets } = await silent('one', temporaryDirectory('questions'))
  const asked = requests.folders({ from } as never).then(() => 'answered', String)
  const [socket] = await until('the connection', () => sockets.length > 0 && sockets)
  await stop?.()
  expect(await asked).toContain(': stopped')
  socket?.resume()
  await until('the connection is closed', () => socket?.destroyed)
})

test('restorer: listing the senders of a folder leaves its broken sender list in place', async () => {
  const directory = temporaryDirectory('broken')
  const { own, senders } = storeLayout(directory)
  fs.mkdirSync(own)
  fs.writeFileSync(senders, '{broken')
  const { requests, stop } = startRestorer({
    report: () => undefined,
    nudge: () => undefined,
    crowded: () => undefined,
    log: () => undefined,
  })
  const destination = { id: 'f', kind: 'folder', name: 'disk', path: directory }
  const identityDirectory = temporaryDirectory('identity')
  const from = { destination, secrets: {}, identityDirectory, name: 'here', computer: null, key: null }
  await expect(requests.folders({ from } as never)).rejects.toMatchObject({
    sentence: { key: 'restore.noFolder' },
  })
  await stop?.()
  expect(fs.readFileSync(senders, 'utf8')).toBe('{broken')
})

test('restore in place: a folder that the destination does not have is refused with those that it has', () => {
  const folders = [{ name: 'data', source: 'a' }]
  expect(() => findPlaces(folders, 'Data', { a: '/data' })).toThrow(
    'no files of “Data”. It has files of: data',
  )
  expect(findPlaces(folders, 'data', { a: '/data' })).toEqual([
    { folder: 'data', source: 'a', directory: '/data' },
  ])
  for (const name of [null, 'data'])
    expect(() => findPlaces([], name, {})).toThrow(
      /no files of this computer\. If this computer replaces another one, .* --computers lists .* --to/,
    )
})

test('restore in place: a computer that does not watch the folder is pointed to --to, whatever id its source has', () => {
  for (const source of ['a', 'constructor', 'toString', null])
    expect(() => findPlaces([{ name: 'data', source }], null, { b: '/data' })).toThrow(
      'with --to and a folder',
    )
})

test('restore report: a file that gets another name is counted and named', () => {
  const count = (report: typeof BEGUN, event: RestoreEvent) =>
    countEvent(report, event, describeEvent('nas', event))
  const plain: RestoreEvent = { kind: 'restored', to: '/back/plain.dat' }
  expect(count(BEGUN, plain)).toEqual({ ...BEGUN, restored: 1 })
  const renamed: RestoreEvent = { ...plain, to: '/back/12%3A30.dat', storedAs: '12:30.dat' }
  const params = { name: '12:30.dat', path: '/back/12%3A30.dat' }
  expect(count(BEGUN, renamed)).toMatchObject({ restored: 1, renamed: 1, renames: [{ params }] })
  const beside: RestoreEvent = { ...plain, isBeside: true }
  expect(count(BEGUN, beside)).toMatchObject({ renamed: 1, renames: [], besidePaths: [plain.to] })
  const many = Array.from({ length: MAX_REPORTED + 2 }, () => renamed).reduce(count, BEGUN)
  expect([many.renamed, many.renames.length]).toEqual([MAX_REPORTED + 2, MAX_REPORTED])
})
