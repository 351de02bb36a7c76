import { randomBytes, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ListObjectsV2Command } from '@aws-sdk/client-s3'
import { beforeAll, describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import type { DestinationTest } from '../../../core/backends/backend-messages.ts'
import { testDestination } from '../../../core/backends/open.ts'
import type { Tested } from '../../../core/backends/options.ts'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import type { DestinationOf } from '../../../core/settings/destination-schema.ts'
import { drive } from '../../support/destinations/drive.ts'
import { s3Place } from '../../support/destinations/s3-kind.ts'
import { MIB, makeBucket, type TestBucket } from '../../support/servers/buckets.ts'
import { localCertificate } from '../../support/servers/certificate.ts'
import { type Refusal, startProxy } from '../../support/servers/proxy.ts'
import { type StorageServer, startStorageServer, storageServers } from '../../support/servers/servers.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

interface Given {
  destination?: Partial<Tested<'s3'>>
  secrets?: Record<string, string>
  identity?: Awaited<ReturnType<typeof loadIdentity>>
}

let server: StorageServer
let bucket: TestBucket

async function tried(given: Given = {}): Promise<DestinationTest> {
  const { endpoint, region, accessKey, secretKey } = server
  const place = {
    endpoint,
    region,
    pathStyle: true,
    storageClass: null,
    lockDays: null,
    certificate: null,
    recipient: null,
    hideNames: false,
  }
  const destination: Tested<'s3'> = {
    kind: 's3',
    name: 'cloud',
    bucket: bucket.bucket,
    prefix: 'lab',
    folder: 'pc',
    ...place,
    ...given.destination,
  }
  const identity = given.identity ?? (await loadIdentity(temporaryDirectory('identity')))
  const secrets = given.secrets ?? { accessKey, secretKey }
  const signal = AbortSignal.timeout(15_000)
  return testDestination(destination, { identity, name: 'pc', secrets, signal })
}

const failed = (key: string, params: object = {}) => ({
  works: false,
  sentence: { key, params: expect.objectContaining(params) },
})
const containing = (text: string) => expect.stringContaining(text)

describe.each(storageServers)('connection test of a bucket on %s', (engine) => {
  beforeAll(async () => {
    server = await startStorageServer(inject('servers'), engine)
    bucket = await makeBucket(server)
  })

  test('a bucket name with a slash is rejected and explained as a bucket and a prefix', async () => {
    const answer = await tried({ destination: { bucket: 'lab-data/station', prefix: 'x' } })
    expect(answer).toMatchObject(failed('s3.bucketAndPrefix', { first: 'lab-data', rest: 'station/x' }))
  })

  test('a working bucket passes all steps with notes on its abilities, and no object is left', {
    tags: 'story',
  }, async () => {
    const { works, steps, sentence, found } = await tried()
    expect(sentence).toEqual({ key: 'test.works', params: { name: 'cloud' } })
    expect(works).toBe(true)
    expect(steps.map(({ step, done }) => [step, done])).toEqual([
      ['connect', true],
      ['write', true],
      ['read', true],
      ['remove', true],
    ])
    const notes = found.notes.map(({ key }) => key)
    expect(notes).toEqual(
      engine === 'ceph' ? ['s3.note.unversioned'] : ['s3.note.unversioned', 's3.note.unconditional'],
    )
    const left = await bucket.client.send(new ListObjectsV2Command({ Bucket: bucket.bucket }))
    expect(left.Contents ?? []).toEqual([])
  })

  test.each([
    ['a wrong access key', { accessKey: 'nobody', secretKey: 'testing' }],
    ['a wrong secret key', null],
  ])('%s is reported as a wrong key', async (_what, secrets) => {
    const { accessKey } = server
    expect(await tried({ secrets: secrets ?? { accessKey, secretKey: 'wrong' } })).toMatchObject(
      failed('s3.wrongKey', { name: 'cloud' }),
    )
  })

  test('a missing bucket is reported with the server’s reason', async () => {
    expect(await tried({ destination: { bucket: 'no-such-bucket' } })).toMatchObject(
      failed('s3.noBucket', { bucket: 'no-such-bucket', reason: containing('NoSuchBucket') }),
    )
  })

  test('an address that ends with a bucket is reported', async () => {
    const { sentence } = await tried({ destination: { endpoint: `${server.endpoint}/${bucket.bucket}` } })
    expect(sentence.key).toBe('s3.path')
  })

  test('a clock that is wrong by 3 hours is compensated and noted', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3 * 3_600_000 })
    onTestFinished(() => void vi.useRealTimers())
    const { works, found } = await tried()
    expect(works).toBe(true)
    expect(found.notes.map(({ key }) => key)).toContain('s3.note.clock')
  })

  test('a bucket with versioning and object lock passes with notes on them', async () => {
    const locked = await makeBucket(server, { versioned: true, locked: true })
    const { works, found } = await tried({ destination: { bucket: locked.bucket } })
    expect(works).toBe(true)
    const notes = found.notes.map(({ key }) => key)
    expect(notes).toEqual(engine === 'ceph' ? ['s3.note.versioned', 's3.note.locked'] : ['s3.note.versioned'])
  })
})

describe.each(storageServers)('connection test with a lock on %s', (engine) => {
  beforeAll(async () => {
    server = await startStorageServer(inject('servers'), engine)
    bucket = await makeBucket(server)
  })

  test('a bucket with object lock passes; one without, or a store that ignores locks, is refused with the remedy', {
    tags: 'story',
  }, async () => {
    const refused = failed(engine === 'ceph' ? 's3.lock.off' : 's3.lock.ignored', {
      name: 'cloud',
      bucket: bucket.bucket,
    })
    expect(await tried({ destination: { lockDays: 90 } })).toMatchObject(refused)
    const locked = await makeBucket(server, { versioned: true, locked: true })
    const destination = { bucket: locked.bucket, lockDays: 90 }
    const { works, found, sentence } = await tried({ destination })
    if (engine !== 'ceph')
      return expect({ works, key: sentence.key }).toEqual({ works, key: 's3.lock.ignored' })
    expect(works).toBe(true)
    expect(found.notes).toContainEqual({ key: 's3.note.locks', params: { count: 90 } })
    // Objects that an earlier test left do not matter.
    expect(await tried({ destination })).toMatchObject({ works: true })
    // A key that may neither remove nor read the lock of a bucket shows it by the lock of the object.
    const refuse = ({ method, url = '' }: IncomingMessage) =>
      method === 'DELETE' || url.includes('object-lock') ? denied : null
    const endpoint = await startProxy(server.endpoint, { refuse })
    expect(await tried({ destination: { ...destination, endpoint } })).toMatchObject({ works: true })
  })
})

const denied: Refusal = { status: 403, code: 'AccessDenied' }
const isListing = ({ url = '' }: IncomingMessage) => url.includes('list-type=')

describe('S3 destination with an obstacle', () => {
  beforeAll(async () => {
    server = await startStorageServer(inject('servers'), 'ceph')
    bucket = await makeBucket(server)
  })

  test.each([
    ['list', 'ListObjectsV2', 'connect', isListing],
    ['write', 'PutObject', 'write', ({ method }) => method === 'PUT'],
    ['read', 'GetObject', 'connect', (asked) => asked.method === 'GET' && !isListing(asked)],
  ] satisfies [string, string, string, (asked: IncomingMessage) => boolean][])(
    'a key without permission to %s is reported with the denied operation and the failed step',
    async (_what, operation, step, isRefused) => {
      const refuse = (asked: IncomingMessage) => (isRefused(asked) ? denied : null)
      const endpoint = await startProxy(server.endpoint, { refuse })
      const result = await tried({ destination: { endpoint } })
      expect(result).toMatchObject(
        failed('s3.denied', { name: 'cloud', reason: containing(`(${operation})`) }),
      )
      expect(result.steps.find(({ done }) => !done)?.step).toBe(step)
    },
  )

  test('a key without permission to lock is refused with the missing permission', async () => {
    const refuse = ({ headers }: IncomingMessage) =>
      headers['x-amz-object-lock-mode'] === undefined ? null : denied
    const endpoint = await startProxy(server.endpoint, { refuse })
    expect(await tried({ destination: { endpoint, lockDays: 90 } })).toMatchObject(
      failed('s3.lock.denied', { name: 'cloud', reason: containing('(PutObject)') }),
    )
  })

  test('a key without permission to delete passes the test, and its uploads are durable', async () => {
    const refuse = ({ method }: IncomingMessage) => (method === 'DELETE' ? denied : null)
    const endpoint = await startProxy(server.endpoint, { refuse })
    const { works, steps, sentence, found } = await tried({ destination: { endpoint } })
    expect({ works, sentence: sentence.key }).toEqual({ works: true, sentence: 'test.worksKeeping' })
    expect(steps.flatMap(({ step, done }) => (done ? [] : [step]))).toEqual(['remove'])
    expect(found.notes.map(({ key }) => key)).toContain('test.keepsAll')

    const place = s3Place(server, bucket)
    const home = await makeHome(temporaryDirectory('append-only'))
    const driver = drive(home, place.settings(Number(new URL(endpoint).port)), place.secrets)
    const large = randomBytes(17 * MIB)
    const sent: [string, Buffer][] = [
      ['small', randomBytes(1000)],
      ['large', large],
      // It is there already: what was begun for it cannot be removed.
      ['large', large],
      ['large', randomBytes(17 * MIB)],
      ['small', randomBytes(1000)],
    ]
    for (const [name, bytes] of sent) {
      expect(await driver.send(name, bytes, {}, bytes.toString('hex', 0, 16))).toMatchObject({
        kind: 'stored',
      })
      expect((await place.file('data', name))?.bytes.equals(bytes)).toBe(true)
    }
    expect(await place.older('data', 'small')).toHaveLength(1)
  })

  test("a folder inside another computer's folder is rejected by the session and the connection test", async () => {
    const place = s3Place(server, bucket)
    const home = await makeHome(temporaryDirectory('outer'))
    const driver = drive(home, place.settings(), place.secrets)
    expect(await driver.send('docs/d1', Buffer.from('first'))).toMatchObject({ kind: 'stored' })
    const settings = place.settings() as DestinationOf<'s3'>
    const outer = `${settings.prefix}/${settings.folder}`
    const other = await makeHome(temporaryDirectory('other'))
    for (const prefix of [outer, `${outer}/data`]) {
      const refused = { key: 'transfer.objects.inside', params: { outer: `${bucket.bucket}/${outer}` } }
      const second = drive(other, { ...settings, prefix, folder: 'docs' }, place.secrets)
      expect(await until('it is told', () => second.problem)).toMatchObject(refused)
      expect(await tried({ destination: { prefix, folder: 'docs' } })).toMatchObject({ sentence: refused })
    }
    expect((await place.file('data', 'docs/d1'))?.bytes.toString()).toBe('first')
  })

  test('an emptied folder starts a new epoch without an error', async () => {
    const place = s3Place(server, bucket)
    const memory = { session: { epoch: 'before', position: 1, last: null, next: 'before' } }
    const home = await makeHome(temporaryDirectory('emptied'))
    const driver = drive(home, place.settings(), place.secrets, { memory })
    expect((await driver.session()).asksFirst).toBe(false)
    expect(memory.session.epoch).not.toBe('before')
  })

  test('a bucket in another region is reported with its region', async () => {
    const refuse = () => ({
      status: 301,
      code: 'PermanentRedirect',
      headers: { 'x-amz-bucket-region': 'eu-central-1' },
    })
    const endpoint = await startProxy(server.endpoint, { refuse })
    expect(await tried({ destination: { endpoint } })).toMatchObject(
      failed('s3.otherRegion', { region: 'eu-central-1', given: 'us-east-1' }),
    )
    const malformed = () => ({
      status: 400,
      code: 'AuthorizationHeaderMalformed',
      more: '<Region>eu-west-3</Region>',
    })
    const other = await startProxy(server.endpoint, { refuse: malformed })
    expect(await tried({ destination: { endpoint: other } })).toMatchObject(
      failed('s3.otherRegion', { region: 'eu-west-3' }),
    )
  })

  test('an untrusted certificate is shown, accepted once its fingerprint is given, and rejected for another one', async () => {
    const tls = await localCertificate()
    const fingerprint = new X509Certificate(tls.cert).fingerprint256.replaceAll(':', '').toLowerCase()
    const endpoint = await startProxy(server.endpoint, { tls })
    const unknown = await tried({ destination: { endpoint } })
    expect(unknown).toMatchObject(failed('s3.untrusted', { fingerprint }))
    expect(unknown.found.certificate).toBe(fingerprint)
    const confirmed = await tried({ destination: { endpoint, certificate: fingerprint } })
    expect(confirmed).toMatchObject({ works: true })
    const other = await tried({ destination: { endpoint, certificate: 'a'.repeat(64) } })
    expect(other).toMatchObject(failed('s3.wrongCertificate', { fingerprint }))
  })

  test('http to an https server, and https to an http server, are reported', async () => {
    const endpoint = await startProxy(server.endpoint, { tls: await localCertificate() })
    const plain = endpoint.replace('https:', 'http:')
    expect(await tried({ destination: { endpoint: plain } })).toMatchObject(failed('s3.wantsTls'))
    const secure = server.endpoint.replace('http:', 'https:')
    expect(await tried({ destination: { endpoint: secure } })).toMatchObject(failed('s3.noTls'))
  })

  test('an unreachable server, and one that does not answer as an S3 store, are reported with the reason', async () => {
    expect(await tried({ destination: { endpoint: 'http://127.0.0.1:9' } })).toMatchObject(
      failed('transfer.objects.unreachable', { reason: 'ECONNREFUSED' }),
    )
    const page = http.createServer((_, answer) => void answer.writeHead(404).end('<p>Not here</html>'))
    page.listen(0, '127.0.0.1')
    onTestFinished(() => void page.close())
    await once(page, 'listening')
    const { port } = page.address() as AddressInfo
    expect(await tried({ destination: { endpoint: `http://127.0.0.1:${port}` } })).toMatchObject(
      failed('s3.noStore', { reason: 'HTTP 404' }),
    )
    const silly = await startProxy(server.endpoint, { refuse: () => ({ status: 400, code: 'Silly' }) })
    expect((await tried({ destination: { endpoint: silly } })).sentence.key).toBe('transfer.objects.failed')
    const invalid = () => ({ status: 400, code: 'InvalidBucketName' })
    const endpoint = await startProxy(server.endpoint, { refuse: invalid })
    expect(await tried({ destination: { endpoint } })).toMatchObject(failed('s3.noBucket'))
    const cut = await startProxy(server.endpoint, { refuse: () => 'cut' })
    expect(await tried({ destination: { endpoint: cut } })).toMatchObject(
      failed('transfer.objects.unreachable', { reason: 'ECONNRESET' }),
    )
  })

  test('a request answered with SlowDown is retried', async () => {
    let refused = 0
    const refuse = ({ method }: IncomingMessage): Refusal | null => {
      if (method !== 'PUT' || refused === 2) return null
      refused += 1
      return { status: 503, code: 'SlowDown' }
    }
    const endpoint = await startProxy(server.endpoint, { refuse })
    expect(await tried({ destination: { endpoint } })).toMatchObject({ works: true })
    expect(refused).toBe(2)
  })
})
