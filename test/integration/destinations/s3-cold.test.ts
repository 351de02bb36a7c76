// Cold storage classes: a store whose objects answer GET with 403 InvalidObjectState, in front of a real one.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import path from 'node:path'
import { beforeAll, expect, inject, onTestFinished, test, vi } from 'vitest'
import { untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { drive, source } from '../../support/destinations/drive.ts'
import { s3Place } from '../../support/destinations/s3-kind.ts'
import { makeBucket, type TestBucket } from '../../support/servers/buckets.ts'
import { openProxy, type Refusal } from '../../support/servers/open-proxy.ts'
import { type StorageServer, startStorageServer } from '../../support/servers/servers.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome } from '../../support/transfer/transfer.ts'

const LONG_MS = 90_000
vi.setConfig({ testTimeout: LONG_MS * 3 })

let server: StorageServer
let bucket: TestBucket
beforeAll(async () => {
  server = await startStorageServer(inject('servers'), 'ceph')
  bucket = await makeBucket(server)
})

/** A place in a bucket; while it is cold, a content can be read once it was asked for and `thaw` was called. */
async function coldPlace() {
  const world = {
    isCold: false,
    asked: new Set<string>(),
    thawed: new Set<string>(),
    classes: new Set<string>(),
  }
  const refuse = ({ method, url = '', headers }: IncomingMessage): Refusal | null => {
    const [name = '', query = ''] = url.split('?')
    const given = headers['x-amz-storage-class']
    if (method === 'PUT' && given !== undefined) world.classes.add(`${name.includes('/.holdfast/')} ${given}`)
    if (method === 'POST' && query.startsWith('restore')) {
      // The answers to a second request: it is on its way, or has just come back by itself.
      if (world.asked.has(name))
        return name.endsWith('file-1')
          ? { status: 403, code: 'ObjectAlreadyInActiveTierError' }
          : { status: 409, code: 'RestoreAlreadyInProgress' }
      world.asked.add(name)
      return { status: 202, code: 'Accepted' }
    }
    const copied = headers['x-amz-copy-source']
    const read = typeof copied === 'string' ? `/${decodeURI(copied)}` : method === 'GET' ? name : ''
    const isContent = read.includes('/data/')
    const isRefused = world.isCold && isContent && !world.thawed.has(read)
    return isRefused ? { status: 403, code: 'InvalidObjectState' } : null
  }
  const proxy = await openProxy(server.endpoint, { refuse })
  onTestFinished(proxy.close)
  const port = Number(new URL(proxy.endpoint).port)
  const place = s3Place(server, bucket)
  return { ...place, world, port, settings: () => place.settings(port) }
}

const NAMES = Array.from({ length: 12 }, (_, index) => `file-${index}`)
const contentOf = (name: string) => (name === 'file-0' ? name.repeat(100_000) : `content of ${name}`)

test('cold storage: verify and samples find no damage, and a restore waits for what it has asked for', async () => {
  const { world, settings, secrets } = await coldPlace()
  const [data, files] = [temporaryDirectory('cold-data'), temporaryDirectory('cold-source')]
  for (const name of NAMES) writeFileSync(path.join(files, name), contentOf(name))
  const { accessKey = '', secretKey = '' } = secrets
  const env = { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey }
  writeFileSync(
    path.join(data, 'settings.json'),
    JSON.stringify({
      sources: [{ id: 's', path: files, name: 'data' }],
      destinations: [{ ...settings(), name: 'cold' }],
      send: { retrySeconds: 1 },
      check: { intervalSeconds: 1 },
    }),
  )
  const start = (words: string[]) => startHoldfast([...words, '--data', data], env)
  const run = async (...words: string[]) => {
    const command = start(words)
    return { code: await command.ended(LONG_MS), out: command.out() + command.err() }
  }
  start(['agent'])
  await untilState(
    data,
    'all files at the bucket',
    ({ destinations }) => destinations[0]?.totals.sentFiles === NAMES.length,
    LONG_MS,
  )
  world.isCold = true
  const verified = await run('verify', 'cold')
  expect(verified.code, verified.out).toBe(0)
  expect(verified.out).toMatch(
    /contents of 0 files are at cold as they were sent\..* 12 more are in cold storage/,
  )
  const proven = await run('verify', '--sample', 'cold', '--json')
  expect(JSON.parse(proven.out)).toMatchObject({ files: 0, damaged: 0, missing: 0, unanswered: 0 })
  const state = await untilState(data, 'the state', () => true, LONG_MS)
  expect(state.destinations[0]).toMatchObject({
    totals: { waitingFiles: 0 },
    connection: { state: 'connected' },
  })
  expect(world.asked.size).toBe(0)

  // The wait is interrupted, and a restore that is started again goes on.
  const target = temporaryDirectory('cold-target')
  rmSync(target, { recursive: true })
  const words = ['restore', 'data', '--from', 'cold', '--to', target]
  const first = start(words)
  await first.says(/in cold storage/)
  first.child.kill('SIGKILL')
  expect(world.asked.size).toBe(NAMES.length)
  const second = start(words)
  await second.says(/in cold storage/, LONG_MS)
  for (const name of world.asked) world.thawed.add(name)
  expect(await second.ended(LONG_MS), second.err()).toBe(0)
  for (const name of NAMES) expect(readFileSync(path.join(target, name), 'utf8')).toBe(contentOf(name))
})

test('cold storage: the same content is recognized, and another one waits for the older copy, holding back no other file', async () => {
  const { world, settings, secrets } = await coldPlace()
  const home = await makeHome(temporaryDirectory('cold-home'))
  const driver = drive(home, { ...settings(), storageClass: 'STANDARD' } as never, secrets)
  expect(await driver.send('a', Buffer.from('first'))).toMatchObject({ kind: 'stored' })
  expect([...world.classes]).toEqual(['false STANDARD'])
  world.isCold = true
  expect(await driver.send('a', Buffer.from('first'))).toMatchObject({ kind: 'stored' })
  const other = Buffer.from('other')
  expect(await driver.send('a', other)).toMatchObject({
    ...{ kind: 'retry', cause: 'file' },
    reason: { key: 'transfer.objects.cold' },
  })
  expect(world.asked.size).toBe(1)
  const session = await driver.session()
  expect(await session.prove(source, 'a', 5, Buffer.alloc(32), null, true)).toEqual({ kind: 'cold' })
  expect(await session.prove(source, 'a', 6, Buffer.alloc(32), null, true)).toEqual({ kind: 'differs' })
  for (const name of world.asked) world.thawed.add(name)
  expect(await driver.send('a', other)).toMatchObject({ kind: 'stored' })
})
