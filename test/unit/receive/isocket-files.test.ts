// @module-tag timeless
import { readFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type IsocketHost, openIsocket, parseHeader } from '../../../core/receive/isocket/isocket.ts'
import type { StoreResult } from '../../../core/store/outcome.ts'
import { openLarge } from '../../support/store/large-files.ts'
import { type IsocketClient, openIsocketClient } from '../../support/transfer/isocket.ts'
import { readTree } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

/** A listener with a real store, of which a test may replace functions. */
async function listen(replaced: Partial<IsocketHost['store']> = {}) {
  const { root, store: real } = await openLarge()
  const own = {
    source: real.source.bind(real),
    receive: real.receive.bind(real),
    begin: real.begin.bind(real),
  }
  const seen = { received: [] as string[], connections: [] as string[], files: [] as string[], log: '' }
  const host = {
    store: { ...own, ...replaced },
    onReceived: (files: number, bytes: number) => void seen.received.push(`${files} of ${bytes}`),
    onRefusedConnection: (_from: string, why: string) => void seen.connections.push(why),
    onRefusedFile: (_kind: string, source: string, name: string, { status }: StoreResult) =>
      void seen.files.push(`${source} ${name} ${status}`),
    log: (level: string, text: string) => {
      seen.log += `${level} ${text}\n`
    },
  } as unknown as IsocketHost
  const listener = await openIsocket({ host: '127.0.0.1', port: 0 }, host)
  onTestFinished(() => listener.close())
  const at = path.join(root, 'isocket', '127.0.0.1')
  return {
    ...{ listener, seen },
    client: () => openIsocketClient(listener.port),
    stored: (name: string) => readFileSync(path.join(at, name)),
    tree: () => readTree(at),
    partials: () => readTree(path.join(root, '.holdfast', 'partial')),
  }
}

const untilOver = (client: IsocketClient) => until('the connection is over', () => client.over())
const large = Buffer.alloc(600_001, 'isocket')

test('isocket files: small, empty and large ones are acknowledged and stored, until STOP ends the connection', async () => {
  const { listener, seen, client: connect, stored } = await listen()
  expect(seen.log).toMatch(/^warn .*127\.0\.0\.1:\d+/)
  const client = await connect()
  expect(await client.send('/a/one', Buffer.from('one'))).toEqual(['OK', 'OK'])
  expect(await client.send('./a//12:30:00', Buffer.alloc(0))).toEqual(['OK', 'OK'])
  expect(await client.send('large', large)).toEqual(['OK', 'OK'])
  expect(await client.send('/a/one', Buffer.from('another'))).toEqual(['OK', 'OK'])
  expect(['a/one', 'a/12:30:00'].map((name) => String(stored(name)))).toEqual(['another', ''])
  expect(stored('large').equals(large)).toBe(true)
  expect(seen.received).toEqual(['1 of 3', '1 of 0', `1 of ${large.length}`, '1 of 7'])
  expect(listener.connections).toBe(1)
  client.write('STOP\nFILE:late:1\nx')
  expect(await client.line()).toBeNull()
  expect(client.over()).toBe('end')
  await until('the client is forgotten', () => listener.connections === 0)
  expect(seen.log).toContain('files that it sent: 4')
  expect([seen.connections, seen.files]).toEqual([[], []])
})

test('isocket files: a line that announces none is refused, with a reset instead of an answer', async () => {
  const { seen, client: connect, tree } = await listen()
  const lines = [
    ['FILE:../etc/passwd:3\n', 'is not stored'],
    ['FILE:directory/:3\n', 'is not stored'],
    ['FILE:name:many\n', 'neither FILE'],
    ['FILE:big:9999999999999999\n', 'are too many'],
    [`FILE:${'x'.repeat(6_000)}`, 'an endless line'],
  ] as const
  for (const [line, why] of lines) {
    const client = await connect()
    client.write(line)
    await untilOver(client)
    expect([client.over(), await client.line()]).toEqual(['reset', null])
    expect(seen.connections.splice(0)).toEqual([expect.stringContaining(why)])
  }
  expect(tree()).toEqual({})
})

test('isocket lines: a name keeps its colons, and bytes that are no text are a fault', () => {
  const parse = (line: string | Buffer) => parseHeader(Buffer.from(line))
  expect(parse('FILE:/a:b/c:d:12\r')).toEqual({ kind: 'file', path: 'a:b/c:d', size: 12 })
  expect(parse('STOP\r')).toEqual({ kind: 'stop' })
  expect(parse(Buffer.from([0x46, 0xff]))).toMatchObject({ kind: 'fault' })
  expect(parse(`FILE:a:${2 ** 52}`)).toMatchObject({ kind: 'file' })
  expect(parse(`FILE:a:${2 ** 52 + 1}`)).toMatchObject({ kind: 'fault' })
})

test.each([
  ['small', 10],
  ['large', large.length],
])('isocket files: of a %s one that is cut off nothing is kept', async (_, size) => {
  const { listener, seen, client: connect, tree, partials } = await listen()
  const client = await connect()
  client.write(`FILE:cut:${size}\n`)
  expect(await client.line()).toBe('OK')
  client.write('five!')
  client.socket.end()
  await until('the client is forgotten', () => listener.connections === 0)
  expect(seen.log).toMatch(/warn \/cut from .* was not received whole \(closed\)/)
  expect(seen.log).not.toContain('chmod')
  expect([tree(), partials(), seen.received, seen.files]).toEqual([{}, {}, [], []])
})

test('isocket files: a client whose file can never be stored is left without an answer until the listener ends', async () => {
  const {
    listener,
    seen,
    client: connect,
    tree,
  } = await listen({
    receive: async () => ({ status: 'name', detail: '' }) as unknown as StoreResult,
  })
  const client = await connect()
  client.write('FILE:odd:1\nxFILE:next:1\nx')
  expect(await client.line()).toBe('OK')
  await until('the file is refused', () => seen.files.length === 1)
  expect(seen.files).toEqual(['127.0.0.1 odd name'])
  await until('the log names the remedy', () => seen.log.includes('/odd: its name cannot be stored'))
  expect([client.over(), tree(), listener.connections]).toEqual([null, {}, 1])
  client.socket.destroy()
  await until('the client is forgotten', () => listener.connections === 0)
})

test('isocket listener: more than 64 connections are refused, and a free one is usable again', async () => {
  const { listener, seen, client: connect } = await listen()
  const clients = await Promise.all(Array.from({ length: 64 }, connect))
  await until('all are served', () => listener.connections === 64)
  const one = net.connect(listener.port, '127.0.0.1').on('error', () => undefined)
  await until('the connection is over', () => one.destroyed)
  expect(seen.connections).toEqual([expect.stringContaining('more than 64')])
  clients[0]?.socket.end()
  await until('one has left', () => listener.connections === 63)
  expect(await (await connect()).send('a', Buffer.from('a'))).toEqual(['OK', 'OK'])
})

test('isocket listener: an address of all networks, and one that is in use, are refused with their reason', async () => {
  const open = (host: string, port = 0) => openIsocket({ host, port }, {} as IsocketHost)
  for (const everywhere of ['*', '0.0.0.0', '::', '0'])
    await expect(open(everywhere)).rejects.toMatchObject({ sentence: { key: 'transfer.isocketEverywhere' } })
  const taken = net.createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void taken.close())
  await new Promise((resolve) => taken.once('listening', resolve))
  const { port } = taken.address() as net.AddressInfo
  await expect(open('127.0.0.1', port)).rejects.toMatchObject({
    sentence: { key: 'transfer.isocketListenFailed', params: { reason: 'EADDRINUSE' } },
  })
})
