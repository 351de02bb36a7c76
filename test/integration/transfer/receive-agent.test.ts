import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openReceiveHost } from '../../../cli/receive/receive-host.ts'
import { loadConfig } from '../../../core/receive/service/config.ts'
import { readState } from '../../support/agent/two-receivers.ts'
import { type RunningCommand, startHoldfast } from '../../support/cli/processes.ts'
import { canMount, mountTmpfs } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** Returns the data directory that a receiver prints. */
const dataOf = async (receiver: RunningCommand) => {
  const [, data = ''] = await until(`--data in ${receiver.err()}`, () =>
    /--data (\S+)\.$/m.exec(receiver.err()),
  )
  return data
}

const says = async (...words: string[]) => {
  const command = startHoldfast(words)
  expect(await command.ended(), command.err()).toBe(0)
  return command.out()
}

test('`holdfast receive`: is an agent in one process, with the commands of one', {
  tags: 'story',
}, async () => {
  const home = temporaryDirectory('receive-agent')
  const store = path.join(home, 'store')
  const words = ['--store', store, '--host', '127.0.0.1', '--port', '0', '--quota', 'pc=1T', '--lock', '36h']
  const start = () => startHoldfast(['receive', ...words, '--keep-within', '12h'], { HOLDFAST_HOME: home })
  const receiver = start()
  const data = await dataOf(receiver)
  const { workers, settings, receiving } = await readState(data)
  expect(Object.entries(workers).map(([name, { condition, pid }]) => [name, condition, pid])).toEqual([
    ...['checker', 'scanner', 'sender'].map((name) => [name, 'off', null]),
    ['receiver', 'running', receiver.child.pid],
  ])
  expect(receiving).toMatchObject({ directory: store, isRunning: true, senders: [] })
  expect(settings.receive).toMatchObject({ directory: store, quotaBytesOf: { pc: 1024 ** 4 }, lockDays: 2 })
  expect(settings.keep.withinDays).toBe(1)

  expect(await says('status', '--data', data)).toContain('Ready to receive files')
  await says('destinations', 'keep', '--daily', '3', '--data', data)
  await says('settings', 'limit', '5M', '--data', data)
  expect(await says('changes', '--store', store)).toContain('send.bytesPerSecond')
  receiver.child.kill('SIGTERM')
  expect(await receiver.ended()).toBe(0)

  // The options are in force again, and what they do not have stays.
  const again = start()
  expect(await dataOf(again)).toBe(data)
  const { settings: now } = await readState(data)
  expect([now.keep.daily, now.send.bytesPerSecond]).toEqual([settings.keep.daily, 5 * 1024 ** 2])
})

test('`holdfast receive --config`: channels and their secrets follow the file, and a lack of one is an event', async () => {
  const home = temporaryDirectory('receive-channels')
  const store = path.join(home, 'store')
  const [file, secretsFile] = ['receive.json', 'secrets.json'].map((name) => path.join(home, name))
  const channels = ['one', 'two'].map((id) => ({ id, name: id, type: 'webhook' }))
  const write = (some: object[]) =>
    writeFileSync(
      file ?? '',
      JSON.stringify({ store, host: '127.0.0.1', port: 0, alerts: { secretsFile, channels: some } }),
    )
  const url = (id: string) => ({ url: `https://example.org/${id}` })
  writeFileSync(secretsFile ?? '', JSON.stringify({ one: url('one'), two: url('two'), other: url('x') }), {
    mode: 0o600,
  })
  write([...channels, { id: 'three', name: 'three', type: 'webhook' }])
  const receiver = startHoldfast(['receive', '--config', file ?? ''], { HOLDFAST_HOME: home })
  const data = await dataOf(receiver)
  const stored = () => Object.keys(JSON.parse(readFileSync(path.join(data, 'secrets.json'), 'utf8')).owners)
  expect(stored()).toEqual(['one', 'two'])
  // The incidents are in the store.
  const happened = async () =>
    (await says('events', '--json', '--data', data)).includes('"app.holdfast.incident.')
  await until('the incident of a channel without an address', happened)
  write(channels.slice(1))
  receiver.child.kill('SIGHUP')
  await until('it is reloaded', () => receiver.err().includes('configuration was reloaded'))
  expect(stored()).toEqual(['two'])
  receiver.child.kill('SIGTERM')
  expect(await receiver.ended()).toBe(0)
  const without = startHoldfast(['receive', '--store', store, '--host', '127.0.0.1', '--port', '0'], {
    HOLDFAST_HOME: home,
  })
  expect(await dataOf(without)).toBe(data)
  expect((await readState(data)).settings.alerts.channels.map(({ id }) => id)).toEqual(['two'])
})

test('`holdfast receive`: receives without a place for its data directory', async () => {
  const home = path.join(temporaryDirectory('receive-nowhere'), 'file')
  writeFileSync(home, '')
  const store = path.join(temporaryDirectory('receive-store'), 'store')
  const receiver = startHoldfast(['receive', '--store', store, '--host', '127.0.0.1', '--port', '0'], {
    HOLDFAST_HOME: home,
  })
  const data = await dataOf(receiver)
  expect(receiver.err()).toContain('a temporary directory is used')
  expect((await readState(data)).receiving).toMatchObject({ isRunning: true })
  expect(existsSync(data)).toBe(true)
  receiver.child.kill('SIGTERM')
  expect(await receiver.ended()).toBe(0)
  expect(existsSync(data)).toBe(false)
})

test.skipIf(!canMount)(
  '`holdfast receive`: receives with what was set up while its data directory is full (needs root: mount)',
  async () => {
    const { point: home } = await mountTmpfs(onTestFinished, { megabytes: 1 })
    const store = path.join(temporaryDirectory('receive-full'), 'store')
    const words = ['receive', '--store', store, '--host', '127.0.0.1', '--port', '0']
    const first = startHoldfast(words, { HOLDFAST_HOME: home })
    const data = await dataOf(first)
    await says('settings', 'limit', '5M', '--data', data)
    first.child.kill('SIGTERM')
    expect(await first.ended()).toBe(0)
    expect(() => writeFileSync(path.join(home, 'filler'), Buffer.alloc(2 * 1024 ** 2))).toThrow('ENOSPC')
    const second = startHoldfast(words, { HOLDFAST_HOME: home })
    const temporary = await dataOf(second)
    expect(temporary).not.toBe(data)
    expect((await readState(temporary)).settings.send.bytesPerSecond).toBe(5 * 1024 ** 2)
  },
)

test('`holdfast receive`: a port in use ends it with one sentence', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const store = path.join(temporaryDirectory('receive-port'), 'store')
  const words = ['--store', store, '--host', '127.0.0.1', '--port', String(port)]
  const receiver = startHoldfast(['receive', ...words])
  expect(await receiver.ended()).toBe(1)
  expect(receiver.err().match(/the port is in use/g)).toHaveLength(1)
})

test('`holdfast receive`: requests during a reload are one further reload', async () => {
  const home = temporaryDirectory('receive-requests')
  vi.stubEnv('HOLDFAST_HOME', home)
  onTestFinished(() => void vi.unstubAllEnvs())
  const given = { store: path.join(home, 'store'), host: '127.0.0.1', port: 0 }
  let loads = 0
  const load = () => {
    loads += 1
    return loadConfig(null, given)
  }
  const host = await openReceiveHost(await load(), true, () => undefined)
  for (let requests = 0; requests < 5; requests += 1) host.reload(load)
  await host.close()
  expect(loads).toBe(2)
})
