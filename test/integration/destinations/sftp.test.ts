import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statfsSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { testDestination } from '../../../core/backends/open.ts'
import { reachSftp } from '../../../core/backends/sftp/sftp.ts'
import { UserError } from '../../../core/lib/i18n/user-error.ts'
import { createWords } from '../../../core/lib/i18n/words.ts'
import { computeDigest } from '../../../core/platform/digest.ts'
import { drive, source } from '../../support/destinations/drive.ts'
import {
  beginSftp as begin,
  sftpKind,
  sftpPlace,
  sftpServer,
  trySftp as tried,
} from '../../support/destinations/sftp-kind.ts'
import { mountTmpfs } from '../../support/faults/mounts.ts'
import { startRelay } from '../../support/faults/relay.ts'
import { startLyingSftp } from '../../support/servers/lying-sftp.ts'
import { startSftpServer } from '../../support/servers/sftp.ts'
import { buildFacts } from '../../support/store/file-facts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome, readTree } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

beforeAll(() => sftpKind.start?.())
afterAll(() => sftpKind.stop?.())

const MIB = 1024 * 1024
const OTHER_KEY = `SHA256:${'A'.repeat(43)}`

test('SFTP connection test: shows the host key at first contact, then passes all steps and leaves no files', {
  tags: 'story',
}, async () => {
  const { hostKey } = sftpServer()
  const { answer: first } = await tried({ hostKey: '' }, {})
  expect(first).toMatchObject({
    works: false,
    found: { hostKey },
    sentence: { key: 'transfer.sftp.newHostKey' },
  })
  const { answer, directory } = await tried({})
  expect(answer).toMatchObject({ works: true, found: { durable: true } })
  expect(answer.steps.every(({ done }) => done)).toBe(true)
  expect(readTree(directory)).toEqual({})
})

test.each([
  ['another host key than the given one', { hostKey: OTHER_KEY }, 'transfer.sftp.wrongHostKey'],
  ['a user whose login is refused', { user: 'nobody-here' }, 'transfer.sftp.loginRefused'],
  ['a missing key file', { login: 'file', keyFile: '/none/key' }, 'transfer.sftp.keyFile'],
  ['a port without a server', { port: 1 }, 'transfer.objects.unreachable'],
  ['a missing directory', { path: '/none' }, 'transfer.sftp.noDirectory'],
] as const)('SFTP connection test: %s is reported', async (_, changes, key) => {
  const { answer } = await tried(changes)
  expect(answer).toMatchObject({ works: false, sentence: { key } })
})

test('SFTP connection test: a missing directory with a relative path is shown as the server resolves it', async () => {
  const { answer } = await tried({ path: 'srv/backup' })
  const whole = path.join(sftpServer().root, 'srv/backup')
  expect(answer).toMatchObject({
    works: false,
    sentence: { key: 'transfer.sftp.noRelativeDirectory', params: { path: 'srv/backup', whole } },
  })
  expect(createWords('en')(answer.sentence)).toContain('sftp://USER@HOST//srv/backup')
})

test('SFTP connection test: a server that closes the connection at once is reported as a lost connection', async () => {
  const server = net.createServer((socket) => socket.resume().end()).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const { answer } = await tried({ port })
  expect(createWords('en')(answer.sentence)).toContain('cannot be reached: connection lost.')
  expect(createWords('zh-TW')(answer.sentence)).toContain('連線中斷。')
})

test('SFTP destination: a changed host key is rejected, and nothing is written', {
  tags: 'story',
}, async () => {
  const { home, place, settings } = await begin()
  const driver = drive(home, { ...settings, hostKey: OTHER_KEY }, place.secrets)
  const problem = await until('it is told', () => driver.problem)
  expect([driver.state, problem.key]).toEqual(['refused', 'transfer.sftp.otherHostKey'])
  expect(readTree(settings.path)).toEqual({})
})

test('SFTP login: works with a key with a passphrase, a key file and an SSH agent', async () => {
  const { keyFile, key } = sftpServer()
  const locked = path.join(temporaryDirectory('key'), 'key')
  execFileSync('cp', [keyFile, locked])
  execFileSync('ssh-keygen', ['-q', '-p', '-N', 'open sesame', '-f', locked])
  const inKey = { key: readFileSync(locked, 'utf8'), passphrase: 'open sesame' }
  expect((await tried({ login: 'key' }, inKey)).answer.works).toBe(true)
  const badKey = { works: false, sentence: { key: 'transfer.sftp.badKey' } }
  expect((await tried({ login: 'key' }, { ...inKey, passphrase: 'wrong' })).answer).toMatchObject(badKey)
  expect((await tried({ login: 'file', keyFile: locked }, {})).answer).toMatchObject(badKey)
  expect((await tried({ login: 'file', keyFile }, {})).answer.works).toBe(true)
  const socket = path.join(temporaryDirectory('agent'), 'socket')
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' })
  onTestFinished(async () => {
    agent.kill()
    await once(agent, 'exit')
  })
  await until('the agent is there', () => existsSync(socket))
  execFileSync('ssh-add', ['-q', '-'], { input: key, env: { ...process.env, SSH_AUTH_SOCK: socket } })
  const before = process.env.SSH_AUTH_SOCK
  process.env.SSH_AUTH_SOCK = socket
  onTestFinished(() => {
    process.env.SSH_AUTH_SOCK = before
  })
  expect((await tried({ login: 'agent' }, {})).answer.works).toBe(true)
})

test("SFTP destination: another computer's folder is rejected before anything is written", async () => {
  const { home, place, settings } = await begin()
  const first = drive(home, settings, place.secrets)
  expect(await first.send('a', Buffer.from('first'))).toMatchObject({ kind: 'stored' })
  first.stop()
  const before = readTree(settings.path)
  const other = await makeHome(temporaryDirectory('other'))
  const second = drive(other, settings, place.secrets, { name: 'station-4' })
  const problem = await until('it is told', () => second.problem)
  expect(second.state).toBe('refused')
  expect(problem).toMatchObject({ key: 'transfer.objects.foreign', params: { computer: 'station-3' } })
  expect(readTree(settings.path)).toEqual(before)
  const { message } = new UserError(problem.key, problem.params)
  expect(message).toContain('restore --from nas --computer station')
  expect(message).not.toContain('owner.json')
})

test('SFTP destination: sources whose names differ only in case keep separate directories, also after a restart', async () => {
  const { home, place, settings } = await begin()
  const twin = { ...source, id: 'source-2', name: 'Data' }
  const send = async (content: string) => {
    const driver = drive(home, settings, place.secrets)
    const session = await driver.session()
    for (const [from, name] of [
      [twin, 'twin'],
      [source, 'first'],
    ] as const) {
      const bytes = Buffer.from(content)
      const file = {
        source: from,
        path: name,
        facts: buildFacts(bytes.length),
        bytes,
        digest: computeDigest(bytes),
      }
      await new Promise<void>((resolve) => {
        const ignore = () => undefined
        const events = { onTurn: () => true, onUsed: ignore, onResult: () => resolve() }
        void session.sendSmall([file], [], events)
      })
    }
    driver.stop()
  }
  await send('one')
  await send('two')
  expect((await place.file('Data', 'twin'))?.bytes.toString()).toBe('two')
  expect((await place.file('data-2', 'first'))?.bytes.toString()).toBe('two')
})

test('SFTP destination: unsupported times are stored as the nearest ones with a single notice and no second version', async () => {
  const { home, place, settings } = await begin()
  const driver = drive(home, settings, place.secrets)
  const YEAR_1950 = -631_152_000_000_000_000n
  const YEAR_2200 = 7_258_118_400_000_000_000n
  for (const [name, mtimeNs] of [
    ['old', YEAR_1950],
    ['new', YEAR_2200],
    ['good', 0n],
  ] as const)
    for (const _ of [1, 2])
      expect(await driver.send(name, Buffer.from(name), { mtimeNs })).toMatchObject({ kind: 'stored' })
  expect((await place.file('data', 'old'))?.mtimeNs).toBe(0n)
  expect((await place.file('data', 'new'))?.mtimeNs).toBe(0xffff_ffffn * 1_000_000_000n)
  for (const name of ['old', 'new']) expect(await place.older('data', name)).toEqual([])
  expect(driver.notices).toMatchObject([
    { key: 'transfer.objects.timeNotKept', params: { path: `${source.path}/old` } },
  ])
})

test('SFTP destination: a read-only login is reported as denied', async () => {
  const server = await startSftpServer('-R')
  onTestFinished(() => server.stop())
  const { home, settings } = await begin()
  const { port, hostKey, key } = server
  const driver = drive(home, { ...settings, port, hostKey, path: '' }, { key })
  const problem = await until('it is told', () => driver.problem)
  expect([driver.state, problem.key]).toEqual(['refused', 'transfer.objects.denied'])
})

test('SFTP destination: a disk without room for a small file is reported as full at each attempt', {
  tags: 'story',
}, async () => {
  const { point } = await mountTmpfs(onTestFinished, { megabytes: 2 })
  const place = sftpPlace(point)
  const home = await makeHome(temporaryDirectory('sftp'))
  const driver = drive(home, place.settings(), place.secrets)
  expect(await driver.send('first', Buffer.alloc(10))).toMatchObject({ kind: 'stored' })
  const { bavail, bsize } = statfsSync(point)
  writeFileSync(path.join(point, 'filler'), Buffer.alloc(bavail * bsize - 100 * 1024))
  const full = { kind: 'retry', cause: 'destination', reason: { key: 'transfer.objects.full' } }
  for (const name of ['a', 'a', 'b'])
    expect(await driver.send(name, Buffer.alloc(200 * 1024))).toMatchObject(full)
  expect(await driver.send('fits', Buffer.alloc(10))).toMatchObject({ kind: 'stored' })
})

test('SFTP destination: a file too large for the disk is not started, and an aborted one frees its space', async () => {
  const { point } = await mountTmpfs(onTestFinished, { megabytes: 8 })
  const place = sftpPlace(point)
  const home = await makeHome(temporaryDirectory('sftp'))
  const relay = await startRelay(place.port ?? 0)
  const driver = drive(home, place.settings(relay.port), place.secrets)
  const full = { kind: 'retry', cause: 'destination', reason: { key: 'transfer.objects.full' } }
  expect(await driver.send('large', Buffer.alloc(20 * MIB), {}, '7.1')).toMatchObject(full)
  expect(relay.sentBytes()).toBeLessThan(MIB)
  expect(await place.leftOvers()).toEqual([])

  const session = await driver.session()
  const begin = (path: string) => session.begin({ source, path, facts: buildFacts(5 * MIB) }, [], '7.1')
  const [one, other] = [await begin('one'), await begin('other')]
  for (let sent = 0; sent < 5; sent += 1) expect(await one?.chunk(Buffer.alloc(MIB))).toBe(true)
  await until('it is full', async () => (await other?.chunk(Buffer.alloc(MIB))) === false)
  expect(await other?.abort(true)).toMatchObject(full)
  expect(await one?.end(computeDigest(Buffer.alloc(5 * MIB)))).toMatchObject({ kind: 'stored' })
  expect(await place.leftOvers()).toEqual([])
  expect(await driver.send('fits', Buffer.alloc(2 * MIB), {}, '7.1')).toMatchObject({ kind: 'stored' })
})

test('SFTP listing: has a next page only if there are more files', async () => {
  const { place, settings } = await begin()
  const { store } = await reachSftp(settings, place.secrets, new AbortController().signal)
  onTestFinished(() => store.close())
  const make = (index: number) => writeFileSync(path.join(settings.path, `${10_000 + index}`), '')
  for (let index = 0; index < 1_000; index += 1) make(index)
  const whole = await store.list('', null, true)
  expect([whole.objects.length, whole.next]).toEqual([1_000, null])
  make(1_000)
  const first = await store.list('', null, true)
  expect([first.objects.length, first.next]).toEqual([1_000, '10999'])
  expect(await store.list('', first.next, true)).toMatchObject({ objects: [{ name: '11000' }], next: null })
  // Again, and as by another connection: nobody stands there any more.
  expect(await store.list('', first.next, true)).toMatchObject({ objects: [{ name: '11000' }], next: null })
})

async function beginLying() {
  const server = await startLyingSftp('secret')
  onTestFinished(() => server.stop())
  const { home, settings } = await begin()
  const at = { ...settings, port: server.port, path: '', login: 'password' as const, hostKey: '' }
  const { signal } = new AbortController()
  const options = { identity: home.identity, name: 'station-3', secrets: { password: 'secret' }, signal }
  const { found } = await testDestination(at, options)
  const known = { ...at, hostKey: found.hostKey ?? '' }
  const open = () => drive(home, known, { password: 'secret' })
  return { server, driver: open(), open, tryIt: () => testDestination(known, options) }
}

test('SFTP destination: an unreadable interrupted upload is restarted from the beginning', async () => {
  const { server, driver } = await beginLying()
  const bytes = Buffer.alloc(5 * MIB, 7)
  const file = { source, path: 'large', facts: buildFacts(bytes.length) }
  const upload = await (await driver.session()).begin(file, [], 'identity')
  if (upload === null) throw new Error('the session is lost')
  expect(await upload.chunk(Buffer.alloc(256 * 1024, 7))).toBe(true)
  await upload.abort(true)
  server.unreadable = '/partial/'
  expect(await driver.send('large', bytes, {}, 'identity')).toMatchObject({ kind: 'stored' })
  expect(driver.skipped).toBe(0)
  expect(server.files.get('station/data/large')?.equals(bytes)).toBe(true)
})

test('SFTP destination: truncated files are reported as damaged, and a server without sync is noted once', async () => {
  const { server, driver } = await beginLying()
  expect(await driver.send('good', Buffer.alloc(5_000))).toMatchObject({ kind: 'stored' })
  server.cutAt = 4_000
  const damaged = { kind: 'retry', reason: { key: 'transfer.objects.damaged' } }
  expect(await driver.send('small', Buffer.alloc(5_000))).toMatchObject(damaged)
  expect(await driver.send('large', Buffer.alloc(2 * 1024 * 1024))).toMatchObject(damaged)
  const names = [...server.files.keys()].filter((name) => !name.includes('.holdfast'))
  expect(names).toEqual(['station/data/good'])
  expect(driver.notices.map(({ key }) => key)).toEqual(['transfer.objects.notDurable'])
})

test('SFTP destination: a server that refuses SETSTAT is reported as such, and one that sets times alone is used', {
  tags: 'story',
}, async () => {
  const { server, driver, open, tryIt } = await beginLying()
  expect(await driver.send('a', Buffer.from('a'))).toMatchObject({ kind: 'stored' })
  server.sets = 'nothing'
  const { works, sentence } = await tryIt()
  expect([works, sentence.key]).toEqual([false, 'transfer.sftp.noSetstat'])
  const refused = await driver.send('b', Buffer.from('b'))
  expect(refused).toMatchObject({ kind: 'retry', reason: { key: 'transfer.objects.failed' } })
  expect(JSON.stringify(refused)).toContain('does not set the times of files: SETSTAT (Permission denied)')
  expect([...server.files.keys()]).not.toContain('station/data/b')
  driver.stop()
  server.sets = 'time'
  expect(await tryIt()).toMatchObject({ works: true })
  const again = open()
  const mtimeNs = 1_700_000_000_000_000_000n
  for (const [name, mode] of [
    ['b', 0o600],
    ['b', 0o640],
  ] as const)
    expect(await again.send(name, Buffer.from('b'), { mtimeNs, mode })).toMatchObject({ kind: 'stored' })
  // The content is there already: no second version comes of it.
  expect([...server.files.keys()].filter((name) => name.includes('/versions/'))).toEqual([])
})
