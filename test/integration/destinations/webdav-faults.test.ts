// WebDAV servers that do not do what they confirm, in front of a real one.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { ObjectFacts } from '../../../core/backends/objects/object-store.ts'
import { testDestination } from '../../../core/backends/open.ts'
import type { Tested } from '../../../core/backends/options.ts'
import { WebdavStore } from '../../../core/backends/webdav/webdav-store.ts'
import { computeDigest } from '../../../core/platform/digest.ts'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import type { DestinationOf } from '../../../core/settings/destination-schema.ts'
import { drive } from '../../support/destinations/drive.ts'
import { webdavKind, webdavServer } from '../../support/destinations/webdav-kind.ts'
import { startApache } from '../../support/servers/apache.ts'
import { localCertificate } from '../../support/servers/certificate.ts'
import { type DavFaults, startDavProxy } from '../../support/servers/dav-proxy.ts'
import { openProxy } from '../../support/servers/open-proxy.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

beforeAll(() => webdavKind.start?.())
afterAll(() => webdavKind.stop?.())

/** A new directory at the server, reached through a proxy with faults. */
async function begin(faults: DavFaults) {
  const home = await makeHome(temporaryDirectory('webdav-faults'))
  const place = await webdavKind.open(home)
  const direct = place.settings() as DestinationOf<'webdav'>
  const settings = { ...direct, url: await startDavProxy(direct.url, faults), certificate: null }
  const directory = path.join(webdavServer().root, direct.url.split('/').at(-1) ?? '')
  const store = new WebdavStore(settings, place.secrets.password ?? '')
  onTestFinished(() => store.close())
  return { home, place, direct, settings, directory, store, secrets: place.secrets }
}

async function tryIt(settings: Tested<'webdav'>, secrets: Record<string, string>) {
  const identity = await loadIdentity(temporaryDirectory('identity'))
  const signal = AbortSignal.timeout(15_000)
  return testDestination(settings, { identity, name: 'pc', secrets, signal })
}
const failed = (key: string, params: object = {}) => ({
  works: false,
  sentence: { key, params: expect.objectContaining(params) },
})
const fault = (kind: string) => expect.objectContaining({ kind })

const buildFacts = (bytes: Uint8Array, changes: Partial<ObjectFacts> = {}): ObjectFacts => ({
  ...{ size: bytes.length, mtimeNs: 1_700_000_000_123_456_789n, mode: 0o640 },
  digest: computeDigest(bytes),
  ...changes,
})
const put = (store: WebdavStore, name: string, bytes: Uint8Array) =>
  store.put(name, bytes, buildFacts(bytes), { replace: false })

const isPut = ({ method }: { method?: string | undefined }) => method === 'PUT'
const flip = (bytes: Buffer): Buffer => {
  const changed = Buffer.from(bytes)
  changed[changed.length >> 1] = (changed[changed.length >> 1] ?? 0) ^ 1
  return changed
}

test.each([
  ['small', 1_000],
  ['large', 3_000_000],
])('WebDAV content: a %s file of which the server changes a bit is not stored', async (_, size) => {
  let isFaulty = true
  const { home, settings, secrets, directory } = await begin({
    body: (bytes, asked) => (isPut(asked) && isFaulty && bytes.length === size ? flip(bytes) : bytes),
  })
  const driver = drive(home, settings, secrets)
  const bytes = Buffer.alloc(size, 'content ')
  expect(await driver.send('a', bytes)).toMatchObject({
    kind: 'retry',
    reason: { key: 'transfer.objects.damaged' },
  })
  expect(existsSync(path.join(directory, 'station/data/a'))).toBe(false)
  isFaulty = false
  expect(await driver.send('a', bytes)).toMatchObject({ kind: 'stored' })
  expect(readFileSync(path.join(directory, 'station/data/a')).equals(bytes)).toBe(true)
})

test("WebDAV content: the server's digest takes the place of reading back", async () => {
  const asked: string[] = []
  const sums = (sum: string) =>
    `<oc:checksums xmlns:oc="http://owncloud.org/ns"><oc:checksum>${sum} MD5:0</oc:checksum></oc:checksums>`
  let sum = 'SHA1:a9993e364706816aba3e25717850c26c9cd0d89d'
  const { store } = await begin({
    reply({ method = '' }) {
      asked.push(method)
      return null
    },
    answer: (bytes, { method }) =>
      method === 'PROPFIND'
        ? Buffer.from(
            String(bytes).replaceAll('<lp1:getcontentlength>', `${sums(sum)}<lp1:getcontentlength>`),
          )
        : bytes,
  })
  await put(store, 'one', Buffer.from('abc'))
  expect(asked).not.toContain('GET')
  sum = `SHA1:${'0'.repeat(40)}`
  await expect(put(store, 'two', Buffer.from('abc'))).rejects.toEqual(fault('damaged'))
})

test('WebDAV connection test: a server that overwrites in spite of "Overwrite: F" is refused', {
  tags: 'story',
}, async () => {
  const { settings, secrets, directory } = await begin({
    headers(headers) {
      if (headers.overwrite === 'F') headers.overwrite = 'T'
    },
  })
  expect(await tryIt(settings, secrets)).toMatchObject(failed('webdav.overwrites'))
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
  expect(files.filter((one) => one.isFile() && !one.parentPath.endsWith('.DAV'))).toEqual([])
})

test('WebDAV destination: a session whose first temporary file was refused ends when their directory is gone', async () => {
  let isFull = false
  const { home, settings, secrets, directory } = await begin({
    reply: ({ method, url = '' }) =>
      isFull && method === 'PUT' && url.includes('/partial/') ? { status: 507 } : null,
  })
  const memory = { session: null }
  const first = drive(home, settings, secrets, { memory })
  expect(await first.send('a', Buffer.from('first'))).toMatchObject({ kind: 'stored' })
  first.stop()
  isFull = true
  const driver = drive(home, settings, secrets, { memory, isPatient: true })
  expect(await driver.send('b', Buffer.from('second'))).toMatchObject({ kind: 'retry', cause: 'destination' })
  rmSync(path.join(directory, 'station/.holdfast/partial'), { recursive: true })
  isFull = false
  expect(await driver.send('b', Buffer.from('second'))).toMatchObject({ kind: 'lost' })
  expect(await driver.send('b', Buffer.from('second'))).toMatchObject({ kind: 'stored' })
})

test('WebDAV destination: a server that begins to overwrite in spite of "Overwrite: F" replaces no content', async () => {
  let isFaulty = false
  const { home, settings, secrets, directory } = await begin({
    headers(headers) {
      if (headers.overwrite === 'F' && isFaulty) headers.overwrite = 'T'
    },
  })
  const overwrites = {
    key: 'webdav.overwrites',
    params: { name: 'nas', address: new URL(settings.url).host },
  }
  const memory = { session: null }
  const first = drive(home, settings, secrets, { memory })
  expect(await first.send('a', Buffer.from('first'))).toMatchObject({ kind: 'stored' })
  first.stop()
  isFaulty = true
  const driver = drive(home, settings, secrets, { memory })
  const changed = { mtimeNs: 1_800_000_000_000_000_000n }
  for (const size of [6, 3_000_000])
    expect(await driver.send('a', Buffer.alloc(size, 'second'), changed)).toMatchObject({
      ...{ kind: 'retry', cause: 'destination' },
      reason: overwrites,
    })
  expect(readFileSync(path.join(directory, 'station/data/a'), 'utf8')).toBe('first')
  isFaulty = false
  expect(await driver.send('a', Buffer.from('second'), changed)).toMatchObject({ kind: 'stored' })
  expect(readFileSync(path.join(directory, 'station/data/a'), 'utf8')).toBe('second')
  const older = path.join(directory, 'station/.holdfast/versions/data/a')
  const versions = readdirSync(older, { withFileTypes: true }).filter((one) => one.isFile())
  expect(versions.map(({ name }) => readFileSync(path.join(older, name), 'utf8'))).toEqual(['first'])
  expect(
    readdirSync(path.join(directory, 'station/.holdfast/partial')).filter((one) => one !== '.DAV'),
  ).toEqual([])
})

test('WebDAV destination: a new folder at a server that overwrites is not begun, and the reason is shown', async () => {
  const { home, settings, secrets, directory } = await begin({
    headers(headers) {
      if (headers.overwrite === 'F') headers.overwrite = 'T'
    },
  })
  const driver = drive(home, settings, secrets, { isPatient: true })
  const problem = await until('the reason is shown', () => driver.problem)
  expect(problem).toMatchObject({ key: 'webdav.overwrites' })
  expect(existsSync(path.join(directory, 'station/.holdfast/owner.json'))).toBe(false)
})

test('WebDAV properties: a 207 that refuses them is no success', async () => {
  let isRefusing = false
  const { store } = await begin({
    reply: ({ method, url = '' }) =>
      isRefusing && method === 'PROPPATCH'
        ? {
            status: 207,
            headers: { 'content-type': 'application/xml' },
            body: `<d:multistatus xmlns:d="DAV:" xmlns:h="urn:holdfast"><d:response><d:href>${url}</d:href><d:propstat><d:prop><h:mode/></d:prop><d:status>HTTP/1.1 403 Forbidden</d:status></d:propstat></d:response></d:multistatus>`,
          }
        : null,
  })
  const bytes = Buffer.from('content')
  await put(store, 'one', bytes)
  isRefusing = true
  await expect(store.setFacts('one', buildFacts(bytes, { mode: 0o600 }))).rejects.toEqual(fault('failed'))
})

test('WebDAV answers: a 207 about a removal that failed is no success', async () => {
  const { store } = await begin({
    reply: ({ method, url = '' }) =>
      method === 'DELETE'
        ? {
            status: 207,
            body: `<d:multistatus xmlns:d="DAV:"><d:response><d:href>${url}</d:href><d:status>HTTP/1.1 423 Locked</d:status></d:response></d:multistatus>`,
          }
        : null,
  })
  await put(store, 'one', Buffer.from('1'))
  await expect(store.remove('one')).rejects.toEqual(fault('failed'))
})

test('WebDAV answers: 400 does not mean that a file is missing, unless a file is in the place of its directory', async () => {
  let isRefusing = false
  const { store } = await begin({
    reply: ({ method, url = '' }) =>
      isRefusing && method === 'PROPFIND' && url.endsWith('/one') ? { status: 400 } : null,
  })
  await put(store, 'one', Buffer.from('1'))
  expect(await store.info('one/below/it')).toBeNull()
  isRefusing = true
  await expect(store.info('one')).rejects.toEqual(fault('failed'))
})

test('WebDAV answers: a file without a known size is not taken for an empty one', async () => {
  const { store } = await begin({
    answer: (bytes, { method }) =>
      method === 'PROPFIND'
        ? Buffer.from(String(bytes).replaceAll(/<lp1:getcontentlength>7<[^>]*>/g, ''))
        : bytes,
  })
  await put(store, 'one', Buffer.from('1'))
  await expect(put(store, 'two', Buffer.from('seven b'))).rejects.toThrow()
  expect(await store.info('one')).toMatchObject({ size: 1 })
})

test('WebDAV properties: a server that takes one of each element keeps all', async () => {
  const { store } = await begin({
    // As lighttpd reads it.
    body: (bytes, { method }) =>
      method === 'PROPPATCH'
        ? Buffer.from(
            String(bytes).replace(/<prop>(<h:(\w+)>[^<]*<\/h:\2>)(<h:.*?)<\/prop>/g, '<prop>$1</prop>'),
          )
        : bytes,
  })
  const bytes = Buffer.from('content')
  await put(store, 'one', bytes)
  expect(await store.info('one')).toMatchObject(buildFacts(bytes))
})

test('WebDAV login: a password is sent only to a server that asks for one in this form', {
  tags: 'story',
}, async () => {
  const logins: (string | undefined)[] = []
  const challenge: { headers: Record<string, string | string[]> } = { headers: {} }
  const { settings, secrets } = await begin({
    reply({ headers }) {
      logins.push(headers.authorization)
      return { status: 401, ...challenge }
    },
  })
  for (const schemes of [['Digest realm="basic", nonce="x", qop="auth"'], ['Negotiate', 'NTLM']]) {
    challenge.headers = { 'www-authenticate': schemes }
    const params = { schemes: schemes.map((one) => one.split(' ')[0]).join(', ') }
    expect(await tryIt(settings, secrets)).toMatchObject(failed('webdav.otherLogin', params))
  }
  expect(logins.every((one) => one === undefined)).toBe(true)
  challenge.headers = { 'www-authenticate': 'Digest realm="a, b", nonce="x", Basic realm="files"' }
  expect(await tryIt(settings, secrets)).toMatchObject(failed('webdav.loginRefused'))
  expect(logins.at(-1)).toMatch(/^Basic /)
})

test('WebDAV request limit: a file that is too large for the server waits for a higher limit', async () => {
  let most = 1_000
  const { home, settings, secrets } = await begin({
    reply: ({ method, headers }) =>
      method === 'PUT' && Number(headers['content-length']) > most ? { status: 413 } : null,
  })
  const driver = drive(home, settings, secrets)
  const bytes = Buffer.alloc(2_000, 'x')
  expect(await driver.send('large', bytes)).toMatchObject({
    ...{ kind: 'retry', cause: 'file' },
    reason: { key: 'transfer.objects.tooLarge', params: { path: '/measured/data/large' } },
  })
  most = 1_000_000
  expect(await driver.send('large', bytes)).toMatchObject({ kind: 'stored' })
})

test.each([
  ['ends TLS', null],
  ['hides from those who are not logged in', 404],
])('WebDAV behind a proxy that %s: files get their names', async (_, hidden) => {
  const plain = await startApache({ hasTls: false })
  onTestFinished(() => plain.stop())
  const { endpoint, close } = await openProxy(plain.url.replace('/dav', ''), {
    tls: await localCertificate(),
    refuse: ({ headers }) =>
      hidden !== null && headers.authorization === undefined ? { status: hidden, code: 'NotFound' } : null,
  })
  onTestFinished(close)
  const { certificate: _direct, ...settings } = (await begin({})).direct
  const url = `${endpoint}/dav`
  const secrets = { password: plain.password }
  const first = await tryIt({ ...settings, url, certificate: null }, secrets)
  const { certificate = null } = first.found
  expect(await tryIt({ ...settings, url, certificate }, secrets)).toMatchObject({ works: true })
})

test('WebDAV behind a gateway that is out of order for a moment: no other address is tried', async () => {
  let isDown = false
  const asked: unknown[] = []
  const { store } = await begin({
    reply({ method, headers }) {
      if (method === 'MOVE') asked.push(String(headers.destination).split(':')[0])
      return method === 'MOVE' && isDown ? { status: 502 } : null
    },
  })
  await put(store, 'one', Buffer.from('abc'))
  isDown = true
  await expect(put(store, 'two', Buffer.from('abc'))).rejects.toEqual(fault('lost'))
  isDown = false
  await put(store, 'two', Buffer.from('abc'))
  expect(asked).toEqual(['http', 'http', 'http', 'http'])
})

test('WebDAV behind a proxy that changes the address: the test says what to set', async () => {
  const { settings, secrets } = await begin({
    reply: ({ method }) => (method === 'MOVE' ? { status: 502 } : null),
  })
  expect(await tryIt(settings, secrets)).toMatchObject(failed('webdav.moveRefused'))
})

const MIB = 1024 * 1024
const OPENING = '<d:multistatus xmlns:d="DAV:">'
const endless: [string, string, (index: number) => string][] = [
  ['text', `${OPENING}<d:response><d:href>`, () => 'x'],
  ['attributes', `${OPENING}<d:response`, (index) => ` a${index}="${index}"`],
  ['depth', OPENING, () => '<d:response>'],
  ['other resources', OPENING, () => '<d:response><d:href>/other</d:href></d:response>'],
  ['space', '', () => ' '],
]

test.each(endless)(
  'WebDAV answers: one of endless %s is cut off',
  { tags: 'story' },
  async (_, opening, more) => {
    let given = 0
    function* flood() {
      yield Buffer.from(opening)
      for (let index = 0; given < 512 * MIB; ) {
        let piece = ''
        for (; piece.length < 65_536; index += 1) piece += more(index)
        given += piece.length
        yield Buffer.from(piece)
      }
    }
    const { store } = await begin({
      reply: ({ method }) => (method === 'PROPFIND' ? { status: 207, body: flood() } : null),
    })
    await expect(store.info('one')).rejects.toEqual(fault('failed'))
    // Some are on the way when the connection is cut.
    expect(given).toBeLessThan(64 * MIB)
  },
)

test('WebDAV answers: an endless error or confirmation is cut off', async () => {
  let given = 0
  function* flood() {
    for (; given < 512 * MIB; given += 65_536) yield Buffer.alloc(65_536)
  }
  let isFaulty = false
  const { store } = await begin({
    reply: ({ method }) => {
      if (!isFaulty) return null
      if (method === 'DELETE') return { status: 200, body: flood() }
      return method === 'PROPFIND' ? { status: 500, body: flood() } : null
    },
  })
  await put(store, 'one', Buffer.from('1'))
  isFaulty = true
  await expect(store.info('one')).rejects.toEqual(fault('failed'))
  await store.remove('one')
  await put(store, 'two', Buffer.from('2')).catch(() => undefined)
  expect(given).toBeLessThan(64 * MIB)
})
