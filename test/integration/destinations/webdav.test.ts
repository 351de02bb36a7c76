import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { testDestination } from '../../../core/backends/open.ts'
import type { Tested } from '../../../core/backends/options.ts'
import { WebdavStore } from '../../../core/backends/webdav/webdav-store.ts'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import type { DestinationOf } from '../../../core/settings/destination-schema.ts'
import { headless } from '../../support/alerts/headless.ts'
import { drive } from '../../support/destinations/drive.ts'
import { webdavKind, webdavServer } from '../../support/destinations/webdav-kind.ts'
import { freePort, isOpen } from '../../support/servers/sftp.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

beforeAll(() => webdavKind.start?.())
afterAll(() => webdavKind.stop?.())

async function begin() {
  const home = await makeHome(temporaryDirectory('webdav'))
  const place = await webdavKind.open(home)
  const settings = place.settings() as DestinationOf<'webdav'>
  return {
    home,
    place,
    settings,
    directory: path.join(webdavServer().root, settings.url.split('/').at(-1) ?? ''),
  }
}

async function tryIt(changes: Partial<Tested<'webdav'>> = {}, secrets?: Record<string, string>) {
  const { place, settings } = await begin()
  const identity = await loadIdentity(temporaryDirectory('identity'))
  const signal = AbortSignal.timeout(15_000)
  const options = { identity, name: 'pc', secrets: secrets ?? place.secrets, signal }
  return testDestination({ ...settings, ...changes }, options)
}
const failed = (key: string, params: object = {}) => ({
  works: false,
  sentence: { key, params: expect.objectContaining(params) },
})

test('WebDAV connection test: shows an untrusted certificate, then passes all steps and leaves no file', {
  tags: 'story',
}, async () => {
  const { certificate, root } = webdavServer()
  const unknown = await tryIt({ certificate: null })
  expect(unknown).toMatchObject(failed('s3.untrusted', { fingerprint: certificate }))
  expect(unknown.found.certificate).toBe(certificate)
  const other = await tryIt({ certificate: 'a'.repeat(64) })
  expect(other).toMatchObject(failed('s3.wrongCertificate', { fingerprint: certificate }))
  const good = await tryIt()
  expect(good).toMatchObject({ works: true, found: { durable: false } })
  expect(good.steps.map(({ done }) => done)).toEqual([true, true, true, true])
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
  expect(files.filter((one) => one.isFile() && !one.parentPath.endsWith('.DAV'))).toEqual([])
})

test('WebDAV connection test: a wrong password, address or protocol is reported with its remedy', {
  tags: 'story',
}, async () => {
  const { url, port } = webdavServer()
  const refused = await tryIt({}, { password: 'wrong-one-4711' })
  expect(refused).toMatchObject(failed('webdav.loginRefused', { user: 'ada' }))
  expect(JSON.stringify(refused)).not.toContain('4711')
  expect(await tryIt({ url: `${url}/none` })).toMatchObject(
    failed('transfer.sftp.noDirectory', { path: '/dav/none/' }),
  )
  expect(await tryIt({ url: 'https://127.0.0.1:9/dav' })).toMatchObject(
    failed('transfer.objects.unreachable', { reason: 'ECONNREFUSED' }),
  )
  const page = http.createServer((_, answer) => void answer.writeHead(405).end('<p>No</html>'))
  page.listen(0, '127.0.0.1')
  onTestFinished(() => void page.close())
  await once(page, 'listening')
  const at = `127.0.0.1:${(page.address() as AddressInfo).port}`
  expect(await tryIt({ url: `http://${at}/` })).toMatchObject(
    failed('webdav.noStore', { reason: 'HTTP 405 Method Not Allowed' }),
  )
  expect(await tryIt({ url: `https://${at}/`, certificate: null })).toMatchObject(failed('webdav.noTls'))
  expect(await tryIt({ url: `https://127.0.0.1:${port}/other/` })).toMatchObject({ works: false })
})

test('WebDAV connection test: a server that keeps no properties is refused', async () => {
  const port = await freePort()
  const words = ['serve', 'webdav', temporaryDirectory('rclone'), '--addr', `127.0.0.1:${port}`]
  const rclone: ChildProcess = spawn('rclone', [...words, '--user', 'ada', '--pass', 'x'], {
    stdio: 'ignore',
  })
  onTestFinished(() => void rclone.kill())
  await until('rclone listens', () => isOpen(port))
  const url = `http://127.0.0.1:${port}/`
  expect(await tryIt({ url }, { password: 'x' })).toMatchObject(failed('webdav.noProperties'))
})

test('WebDAV destination: a file never replaces a directory of its name', async () => {
  const { home, place, directory } = await begin()
  const driver = drive(home, place.settings(), place.secrets)
  expect(await driver.send('a/b', Buffer.from('below'))).toMatchObject({ kind: 'stored' })
  expect(await driver.send('a', Buffer.from('file'))).toMatchObject({ kind: 'rejected' })
  expect(readFileSync(path.join(directory, 'station/data/a/b'), 'utf8')).toBe('below')
})

test('WebDAV destination: a folder that is gone is not created again, and nothing is written', async () => {
  const { home, place, directory } = await begin()
  const memory = { session: null }
  const open = () => drive(home, place.settings(), place.secrets, { memory })
  const driver = open()
  await driver.send('a', Buffer.from('a'))
  const own = path.join(directory, 'station')
  renameSync(own, `${own}-away`)
  expect(await driver.send('b', Buffer.from('b'))).toMatchObject({ kind: 'lost' })
  driver.stop()
  const next = open()
  await until('it is reported', () => next.problem?.key === 'transfer.objects.vanished')
  expect(existsSync(own)).toBe(false)
  renameSync(`${own}-away`, own)
})

test('WebDAV destination: a folder of another computer, or inside one, is refused before anything is written', async () => {
  const { home, place, settings, directory } = await begin()
  await drive(home, place.settings(), place.secrets).send('a', Buffer.from('a'))
  const foreign = await tryIt({ url: settings.url, folder: 'station' })
  expect(foreign).toMatchObject(failed('transfer.objects.foreign', { computer: 'station-3' }))
  const inside = await tryIt({ url: `${settings.url}/station`, folder: 'mine' })
  expect(inside).toMatchObject(
    failed('transfer.objects.inside', { outer: new URL(`${settings.url}/station/`).pathname }),
  )
  expect(readdirSync(path.join(directory, 'station')).sort()).toEqual(['.holdfast', 'data'])
})

test('WebDAV store: lists in pages and the order of bytes, and reads from an offset', async () => {
  const { home, place, settings, directory } = await begin()
  const driver = drive(home, place.settings(), place.secrets)
  const names = ['b', 'a b', 'ä', '%41', 'd/x', 'd.', '測', '<&>']
  await Promise.all(names.map((name) => driver.send(name, Buffer.from('0123456789'))))
  const store = new WebdavStore(settings, place.secrets.password ?? '')
  onTestFinished(() => store.close())
  const { objects, directories, next } = await store.list('station/data/', null, false)
  expect(directories).toEqual(['station/data/d/'])
  const shown = names.filter((name) => name !== 'd/x').map((name) => `station/data/${name}`)
  const inOrder = shown.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  expect(objects.map(({ name }) => name)).toEqual(inOrder)
  expect(next).toBeNull()
  const read = async (from: number) => {
    const pieces: Uint8Array[] = []
    for await (const piece of store.read('station/data/b', from, AbortSignal.timeout(5_000)))
      pieces.push(piece)
    return Buffer.concat(pieces).toString()
  }
  expect([await read(0), await read(7), await read(10)]).toEqual(['0123456789', '789', ''])
  // The sweep removes temporary files of an earlier session.
  const partial = path.join(directory, 'station/.holdfast/partial')
  renameSync(path.join(directory, 'station/data/b'), path.join(partial, 'left'))
  await store.sweep()
  expect(existsSync(path.join(partial, 'left'))).toBe(false)
})

test('`holdfast destinations`: a WebDAV folder is added, tested, changed and removed', async () => {
  const { settings } = await begin()
  const { certificate, password, port } = webdavServer()
  const home = headless()
  const words = [
    'destinations',
    'add',
    'webdav',
    `${settings.url}/`,
    '--user',
    'ada',
    '--name',
    'cloud',
  ].concat(['--secret', 'password=-'])
  const asked = await home.run(words, password)
  expect([asked.code, asked.err]).toEqual([1, expect.stringContaining(`--certificate ${certificate}`)])
  const said = await home.run([...words, '--certificate', certificate], password)
  expect(said.out).toContain('cloud works, and was added')
  expect(await home.says(['destinations', 'test', 'cloud'])).toContain('cloud works')
  const file = readFileSync(path.join(home.directory, 'settings.json'), 'utf8')
  expect(file).not.toContain(password)
  const moved = `https://localhost:${port}${new URL(settings.url).pathname}`
  const change = ['destinations', 'change', 'cloud', '--url', moved]
  // The password is not sent to an address that it was not given for.
  expect((await home.run(change)).err).toContain('“password” is stored for another server')
  const other = [...change, '--secret', 'password=-']
  const anew = await home.run(other, password)
  expect([anew.code, anew.err]).toEqual([1, expect.stringContaining(`--certificate ${certificate}`)])
  const done = await home.run([...other, '--certificate', certificate], password)
  expect([done.code, done.err]).toEqual([0, ''])
  expect(await home.says(['destinations'])).toContain(moved)
  await home.says(['destinations', 'remove', 'cloud'])
})
