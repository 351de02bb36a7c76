import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { destinationSchemas } from '../../../core/settings/destination-schema.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { mountExt4, remount } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { openIsocketClient } from '../../support/transfer/isocket.ts'
import {
  allSent,
  makeHome,
  offerAll,
  senderConfig,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

function get(port: number, page: string, headers: Record<string, string> = {}, method = 'GET') {
  return new Promise<{ status: number; type: string; body: string }>((resolve, reject) => {
    // Each request has its own connection: a server may close a kept one just when the next request uses it.
    const options = { host: '127.0.0.1', port, path: page, headers, method, agent: false }
    const request = http.request(options, (response) => {
      let body = ''
      response.on('data', (bytes) => {
        body += bytes
      })
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', body }),
      )
    })
    request.on('error', reject)
    request.end()
  })
}

/** Starts a receiver from a file; gives what it takes to change that file and to have it read again. */
async function startService(config: Record<string, unknown>) {
  const base = temporaryDirectory('service')
  const file = path.join(base, 'receive.json')
  const store = path.join(base, 'store')
  const full = { store, host: '127.0.0.1', port: 0, metricsPort: 0, ...config }
  const write = (text: unknown) =>
    fs.writeFileSync(file, typeof text === 'string' ? text : JSON.stringify(text))
  write(full)
  const receiver = startHoldfast(['receive', '--config', file, '--json'])
  const said = (pattern: RegExp, withinMs = 60_000) =>
    until(`${pattern} in ${receiver.err()}`, () => pattern.exec(receiver.err()), withinMs)
  const [, port] = await said(/Metrics at http:\/\/127\.0\.0\.1:(\d+)/)
  await said(/The fingerprint of this receiver/)
  /** Only what was said since is looked at. */
  const reload = async (text: unknown, answer: RegExp) => {
    const before = receiver.err().length
    write(text)
    receiver.child.kill('SIGHUP')
    return until(`${answer} after SIGHUP: ${receiver.err()}`, () => answer.exec(receiver.err().slice(before)))
  }
  return { base, file, store: String(full.store), full, receiver, port: Number(port), reload, said }
}

/** A pairing code of the receiver of a store. */
const pairedCode = (store: string) => startHoldfast(['pair', '--store', store]).says(/(holdfast:\/\/\S+)/)

const parseMetric = (page: string, name: string) =>
  Number(new RegExp(`^holdfast_receiver_${name} (\\S+)$`, 'm').exec(page)?.[1])

test('`holdfast receive --config`: the log is JSON, and metrics and health name no file and no computer', async () => {
  const { base, store, receiver, port } = await startService({ name: 'secretname' })
  expect(receiver.out()).toBe('')
  for (const line of receiver.err().trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg')

  const invitation = startHoldfast(['pair', '--store', store, '--json'])
  expect(await invitation.ended()).toBe(0)
  const home = await makeHome(path.join(base, 'home'))
  const sender = startTestSender()
  sender.configure({ ...senderConfig(home, { port: 1, fingerprint: '0'.repeat(64) }), destination: null })
  await until('it has its identity', () => sender.report()?.fingerprint === home.identity.fingerprint)
  const { code } = JSON.parse(invitation.out())
  const destination = destinationSchemas.receiver.parse(
    await sender.request('pair', { code, name: 'station' }),
  )
  for (let file = 0; file < 5; file += 1) writeFile(home.source, `file${file}`, 'x'.repeat(100))
  writeFile(home.source, 'large', 'y'.repeat(400_000))
  offerAll(home)
  sender.configure({ ...senderConfig(home, destination), destination: { ...destination, id: 'there' } })
  await allSent(sender, 6)
  await expect(sender.request('pair', { code, name: 'again' })).rejects.toThrow('pairCodeRefused')

  const metrics = await get(port, '/metrics')
  expect(metrics).toMatchObject({ status: 200, type: expect.stringMatching(/^text\/plain; version=0\.0\.4/) })
  const page = metrics.body
  expect(parseMetric(page, 'received_files_total')).toBe(6)
  expect(parseMetric(page, 'received_bytes_total')).toBe(400_500)
  expect(parseMetric(page, 'commit_seconds_count')).toBe(6)
  expect(parseMetric(page, 'connections{wire="holdfast"}')).toBe(1)
  expect(parseMetric(page, 'refused_connections_total{reason="code"}')).toBe(1)
  expect(parseMetric(page, 'healthy')).toBe(1)
  expect(parseMetric(page, 'store_free_bytes')).toBeGreaterThan(0)
  expect(parseMetric(page, 'store_stalled_seconds')).toBeLessThan(10)
  const seen = parseMetric(
    page,
    `sender_last_seen_timestamp_seconds{fingerprint="${home.identity.fingerprint.slice(0, 16)}"}`,
  )
  expect(Math.abs(seen - Date.now() / 1000)).toBeLessThan(120)
  expect(parseMetric((await get(port, '/metrics')).body, 'received_files_total')).toBe(6)

  const health = await get(port, '/health')
  expect(health).toMatchObject({ status: 200, type: 'application/json; charset=utf-8' })
  expect(JSON.parse(health.body)).toMatchObject({ healthy: true, problems: [] })
  for (const text of [page, health.body])
    expect(text).not.toMatch(/secretname|station|file0|large|holdfast-service/)
  expect(fs.readdirSync(path.join(store, '.holdfast')).filter((name) => name.startsWith('health'))).toEqual(
    [],
  )

  receiver.child.kill('SIGTERM')
  expect(await receiver.ended()).toBe(0)
})

test('metrics and health pages: requests are answered only on loopback and only for local host names', {
  tags: 'story',
}, async () => {
  const { port, receiver } = await startService({})
  for (const host of ['localhost', `localhost:${port}`, '127.0.0.1:1', '[::1]:9766'])
    expect((await get(port, '/health', { host })).status, host).toBe(200)
  for (const host of [
    'attacker.example',
    'localhost.attacker.example',
    '127.0.0.1.nip.io',
    `192.0.2.1:${port}`,
  ])
    expect((await get(port, '/metrics', { host })).status, host).toBe(421)
  expect((await get(port, '/metrics', {}, 'POST')).status).toBe(405)
  expect((await get(port, '/constructor')).status).toBe(404)
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const sockets = fs.readFileSync(`/proc/${receiver.child.pid}/net/tcp`, 'utf8')
  expect(sockets).toContain(`0100007F:${hex} 00000000:0000 0A`)
  expect(sockets).not.toContain(`00000000:${hex}`)
})

test('`holdfast receive --config`: SIGHUP loads a changed file, and a bad file is reported and changes nothing', async () => {
  const { base, full: first, port, reload, receiver, file } = await startService({})
  const full = { ...first, metricsPort: port }
  await reload({ ...full, isocketPort: 0 }, /isocket clients are accepted on 127\.0\.0\.1:\d+.*was reloaded/s)
  const other = path.join(base, 'other')
  await reload({ ...full, store: other, name: 'other' }, /configuration was reloaded/)
  expect(JSON.parse(fs.readFileSync(path.join(other, '.holdfast/receiver.json'), 'utf8')).name).toBe('other')
  await reload(full, /configuration was reloaded/)
  const taken = net.createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void taken.close())
  await once(taken, 'listening')
  const { port: isocketPort } = taken.address() as net.AddressInfo
  const wrong: [unknown, RegExp][] = [
    ['{"store": "x",', /is not JSON: .*is unchanged/s],
    [{ ...full, port: 70_000 }, /cannot be used: port: .*is unchanged/s],
    [{ ...full, quota: ['abc'] }, /abc is not a size.*is unchanged/s],
    [{ ...full, keepWithin: 'x', name: 'other' }, /x.*--keep-within.*is unchanged/s],
    [{ ...full, prot: 1 }, /an unknown field: prot\. The fields are store, .*is unchanged/s],
  ]
  for (const [text, answer] of wrong) {
    const before = receiver.err().length
    await reload(text, answer)
    expect(receiver.err().slice(before)).not.toContain('Receiving on')
  }
  expect(receiver.err()).toContain(file)
  // What is found out only by trying: it is started again as it was.
  const tried: [unknown, RegExp][] = [
    [
      { ...full, isocketPort: 0, isocketHost: '0.0.0.0' },
      /cannot be accepted on every address.*is unchanged/s,
    ],
    [{ ...full, metricsPort: null, isocketPort }, /cannot listen for isocket clients.*is unchanged/s],
  ]
  for (const [text, answer] of tried) {
    await reload(text, answer)
    const before = receiver.err().lastIndexOf('is unchanged')
    await until('it runs as before', () => receiver.err().slice(before).includes(`127.0.0.1:${port}`))
    expect((await get(port, '/health')).status).toBe(200)
  }
  await reload({ ...full, metricsPort: null }, /configuration was reloaded/)
  await expect(get(port, '/health')).rejects.toThrow('ECONNREFUSED')
})

test('`holdfast receive --config`: a quota for an unknown sender is reported at startup and on reload', async () => {
  const { full, store, reload, receiver } = await startService({ quota: ['1G', 'PC=1T', 'isocket=1G'] })
  const said = receiver.err()
  expect(said).toContain('The quota of PC has no effect')
  expect(said).toContain(`holdfast stations --store ${store}`)
  await reload({ ...full, quota: ['PC=1T'], quotaFiles: ['Büro=5'] }, /The quota of PC, Büro has no effect/)

  const [, code] = await pairedCode(store)
  const sender = startTestSender()
  const home = await makeHome(path.join(store, '../home'))
  sender.configure({ ...senderConfig(home, { port: 1, fingerprint: '0'.repeat(64) }), destination: null })
  await until('it has its identity', () => sender.report()?.fingerprint === home.identity.fingerprint)
  await sender.request('pair', { code, name: 'PC' })
  await reload({ ...full, quotaFiles: ['Büro=5'] }, /The quota of Büro has no effect/)
  const before = receiver.err().length
  await reload({ ...full, quotaFiles: [] }, /configuration was reloaded/)
  expect(receiver.err().slice(before)).not.toContain('has no effect')
})

test('`holdfast receive --config`: options override the file, and an unusable file ends the command at once', async () => {
  const base = temporaryDirectory('service')
  const file = path.join(base, 'receive.json')
  fs.writeFileSync(file, JSON.stringify({ store: path.join(base, 'a'), host: '127.0.0.1', port: 0 }))
  const receiver = startHoldfast(['receive', '--config', file, '--store', path.join(base, 'b')])
  await until('it listens', () => receiver.err().includes(`storing under ${path.join(base, 'b')}`))
  expect(fs.existsSync(path.join(base, 'a'))).toBe(false)
  const bad = async (...words: string[]) => {
    const command = startHoldfast(['receive', ...words])
    return { code: await command.ended(), said: command.err() }
  }
  const refused = (code: number, what: string) => ({ code, said: expect.stringContaining(what) })
  expect(await bad()).toEqual(refused(2, 'Give the folder where the files are kept'))
  expect(await bad('--config', path.join(base, 'none'))).toEqual(
    refused(1, 'cannot be read: no such file or folder'),
  )
  fs.writeFileSync(file, '{"store": 3}')
  expect(await bad('--config', file)).toEqual(refused(1, 'cannot be used: store: '))
  expect(await bad('--store', path.join(base, 'c'), '--name', '')).toEqual(refused(2, 'name'))
})

describe.skipIf(process.getuid?.() !== 0)('health page of a failing store (needs root for a mount)', () => {
  test('a nearly full or read-only store is reported as unhealthy, and as healthy after it recovers', async () => {
    const store = path.join(temporaryDirectory('sick'), 'store')
    fs.mkdirSync(store)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128m', 'none', store])
    onTestFinished(() => void execFileSync('umount', ['-l', store]))
    const { port, receiver } = await startService({ store })
    const problems = async () => {
      const { status, body } = await get(port, '/health')
      return { status, problem: String(JSON.parse(body).problems[0]) }
    }
    expect((await problems()).status).toBe(200)
    await until('the manifest is there', () => fs.existsSync(path.join(store, '.holdfast', 'manifest.db')))
    // The store keeps one percent free, 1.34 MB. "Nearly full" are the 0.34 MB above it: the manifest's log, which
    // comes and goes meanwhile, is smaller.
    const ballast = path.join(store, 'ballast')
    const fill = (left: number) => {
      fs.rmSync(ballast, { force: true })
      const { bavail, bsize } = fs.statfsSync(store)
      fs.writeFileSync(ballast, Buffer.alloc(bavail * bsize - left))
    }
    fill(1_000_000)
    expect(await problems()).toEqual({
      status: 503,
      problem: expect.stringContaining('New files are refused: only'),
    })
    fill(1_510_000)
    expect(await problems()).toEqual({ status: 503, problem: expect.stringContaining('nearly full') })
    fs.rmSync(ballast)
    await remount(store, 'ro')
    expect(await problems()).toEqual({
      status: 503,
      problem: expect.stringContaining('read-only file system'),
    })
    await remount(store, 'rw')
    expect((await problems()).status).toBe(200)
    receiver.child.kill('SIGTERM')
    await receiver.ended()
  })

  test('a hung disk is reported while it hangs, and as healthy after it recovers', async () => {
    const disk = await mountExt4(onTestFinished)
    const { port, said } = await startService({ store: path.join(disk.point, 'store'), isocketPort: 0 })
    const [, isocketPort] = await said(/isocket clients are accepted on 127\.0\.0\.1:(\d+)/)
    const clients = await Promise.all(Array.from({ length: 6 }, () => openIsocketClient(Number(isocketPort))))
    const ask = (page: string) => get(port, page)
    expect((await ask('/health')).status).toBe(200)
    await disk.freeze()
    try {
      // More files than there are threads for the disk: none is left for the page itself.
      for (const [index, client] of clients.entries()) client.write(`FILE:/hung-${index}:3\n`)
      for (const client of clients) expect(await client.line()).toBe('OK')
      for (const client of clients) client.write('abc')
      for (let times = 0; times < 2; times += 1) {
        const [health, metrics] = await Promise.all([ask('/health'), ask('/metrics')])
        expect(health).toMatchObject({ status: 503, body: expect.stringContaining('has not answered for') })
        expect(metrics.body).toMatch(/^holdfast_receiver_healthy 0$/m)
        expect(metrics.body).toMatch(/^holdfast_receiver_store_free_bytes Nan$/im)
      }
    } finally {
      await disk.thaw()
    }
    for (const client of clients) expect(await client.line()).toBe('OK')
    await until('it is well again', async () => (await ask('/health')).status === 200)
  })
})
