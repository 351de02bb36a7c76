import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { findPlaces } from '../../../core/restore/choose.ts'
import { startRestorer } from '../../../core/restore/restore-worker.ts'
import { storeLayout } from '../../../core/store/layout.ts'
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

test('restorer: listing the senders of a folder leaves its broken sender list in place', async () => {
  const directory = temporaryDirectory('broken')
  const { own, senders } = storeLayout(directory)
  fs.mkdirSync(own)
  fs.writeFileSync(senders, '{broken')
  const { requests, stop } = startRestorer({
    report: () => undefined,
    nudge: () => undefined,
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
    expect(() => findPlaces([], name, {})).toThrow('The destination has no files of this computer.')
})
