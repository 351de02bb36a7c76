import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import path from 'node:path'
import {
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  type ObjectVersion,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
} from '@aws-sdk/client-s3'
import { beforeAll, expect, inject, onTestFinished, test, vi } from 'vitest'
import { readKeptOwner } from '../../../core/backends/objects/folder-owner.ts'
import type { ObjectStore } from '../../../core/backends/objects/object-store.ts'
import { openLibrary } from '../../../core/backends/open.ts'
import { computeDigest } from '../../../core/platform/digest.ts'
import type { Choice } from '../../../core/restore/choose.ts'
import { restoreFrom } from '../../../core/restore/restore.ts'
import type { DestinationOf } from '../../../core/settings/destination-schema.ts'
import { newEncryptionKey } from '../../../core/settings/secrets.ts'
import { headless } from '../../support/alerts/headless.ts'
import { drive } from '../../support/destinations/drive.ts'
import { s3Place } from '../../support/destinations/s3-kind.ts'
import { MIB, makeBucket, type TestBucket } from '../../support/servers/buckets.ts'
import { startProxy } from '../../support/servers/proxy.ts'
import { type StorageServer, startStorageServer } from '../../support/servers/servers.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome, readTree, writeFile } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const DAY_MS = 86_400_000
const LOCK_DAYS = 90
const { signal } = new AbortController()

let server: StorageServer
let bucket: TestBucket

beforeAll(async () => {
  server = await startStorageServer(inject('servers'), 'ceph')
  bucket = await makeBucket(server, { versioned: true, locked: true })
})

const toFacts = (bytes: Uint8Array) => ({
  size: bytes.length,
  mtimeNs: 1_700_000_000_000_000_000n,
  mode: 0o640,
  digest: computeDigest(bytes),
})

async function upload(store: ObjectStore, name: string, bytes: Buffer): Promise<void> {
  const begun = await store.begin(name, { ...toFacts(bytes), digest: null }, null)
  await begun.write(bytes)
  await begun.finish(computeDigest(bytes))
}

const put = (store: ObjectStore, name: string, bytes: Buffer) =>
  store.put(name, bytes, toFacts(bytes), { replace: true })

/** The days for which a version, left out: the current one, is locked, in a mode that no key can lift; null: it is not locked. */
async function readLockDays(
  { client, bucket: Bucket }: TestBucket,
  Key: string,
  VersionId?: string,
): Promise<number | null> {
  const head = await client.send(new HeadObjectCommand({ Bucket, Key, VersionId }))
  if (head.ObjectLockMode === undefined) return null
  expect(head.ObjectLockMode).toBe('COMPLIANCE')
  return ((head.ObjectLockRetainUntilDate?.getTime() ?? 0) - Date.now()) / DAY_MS
}

test('`--lock` adds and changes a lock after a test of the bucket, which is refused where there is no object lock', async () => {
  const free = await makeBucket(server)
  const home = headless()
  const secrets = temporaryDirectory('secrets')
  const keys = (['accessKey', 'secretKey'] as const).flatMap((field) => {
    writeFile(secrets, field, server[field])
    return ['--secret', `${field}=${path.join(secrets, field)}`]
  })
  const add = (place: string, ...words: string[]) =>
    home.run(['destinations', 'add', 's3', server.endpoint, place, '--name', 'cloud', ...keys, ...words])
  for (const wrong of ['12h', '0d', 'for ever'])
    expect(await add(bucket.bucket, '--lock', wrong)).toMatchObject({
      code: 2,
      err: expect.stringContaining('whole days such as 90d'),
    })
  expect(await add(free.bucket, '--lock', '90d')).toMatchObject({
    code: 1,
    err: expect.stringContaining('does not lock objects'),
  })
  const lockDays = async () => {
    const all: unknown = JSON.parse(await home.says(['destinations', '--json']))
    return Array.isArray(all) ? all.map((one) => one.lockDays) : all
  }
  expect(await lockDays()).toEqual([])
  expect(await add(`${bucket.bucket}/cli`, '--lock', '90d')).toMatchObject({
    code: 0,
    out: expect.stringContaining('locked for 90 days'),
  })
  expect(await lockDays()).toEqual([90])
  for (const [word, days] of [
    ['30d', 30],
    ['none', null],
  ] as const) {
    await home.says(['destinations', 'change', 'cloud', '--lock', word])
    expect(await lockDays()).toEqual([days])
  }
})

test('each way to write an object locks it for the days of the destination, and nothing that is removed soon', async () => {
  const store = bucket.open({ lockDays: LOCK_DAYS })
  const large = randomBytes(11 * MIB)
  await put(store, 'pc/s/small', randomBytes(1000))
  await upload(store, 'pc/s/whole', randomBytes(2 * MIB))
  await upload(store, 'pc/s/parts', large)
  for (const name of ['small', 'whole', 'parts']) {
    const days = await readLockDays(bucket, `p/pc/s/${name}`)
    expect(days, name).toBeGreaterThan(LOCK_DAYS - 0.01)
    expect(days, name).toBeLessThan(LOCK_DAYS + 0.01)
  }
  for (const [name, bytes] of [
    ['small', randomBytes(1000)],
    ['parts', large],
  ] as const) {
    await store.setFacts(`pc/s/${name}`, { ...toFacts(bytes), digest: null, mode: 0o600 })
    expect(await readLockDays(bucket, `p/pc/s/${name}`), name).toBeGreaterThan(LOCK_DAYS - 0.01)
  }
  await put(store, 'pc/.holdfast/owner.json', randomBytes(10))
  expect(await readLockDays(bucket, 'p/pc/.holdfast/owner.json')).toBeGreaterThan(LOCK_DAYS - 0.01)
  for (const name of ['uploads/x', 'test-1', 'trial']) {
    await put(store, `pc/.holdfast/${name}`, randomBytes(10))
    expect(await readLockDays(bucket, `p/pc/.holdfast/${name}`), name).toBeNull()
  }
  const unlocked = bucket.open()
  await put(unlocked, 'pc/s/free', randomBytes(10))
  expect(await readLockDays(bucket, 'p/pc/s/free')).toBeNull()
})

test('the owner file, which is written once, is locked anew by each session, and a longer lock of before stays', async () => {
  const place = s3Place(server, bucket)
  const home = await makeHome(temporaryDirectory('renewed'))
  const settings = place.settings() as DestinationOf<'s3'>
  const key = `${settings.prefix}/${settings.folder}/.holdfast/owner.json`
  for (const [lockDays, expected] of [
    [1, 1],
    [LOCK_DAYS, LOCK_DAYS],
    [30, LOCK_DAYS],
  ] as const) {
    const driver = drive(home, { ...settings, lockDays }, place.secrets)
    await driver.session()
    expect(await readLockDays(bucket, key)).toBeGreaterThan(expected - 0.01)
    expect(await readLockDays(bucket, key)).toBeLessThan(expected + 0.01)
    // The first file adds its source: the current version is another one than the oldest.
    expect(await driver.send(`after ${lockDays}`, randomBytes(1000))).toMatchObject({ kind: 'stored' })
    driver.stop()
  }
  const { versions } = await listVersions(bucket, key)
  expect(versions.length).toBeGreaterThan(1)
  const oldest = versions.at(-1)?.VersionId
  expect(await readLockDays(bucket, key, oldest)).toBeGreaterThan(LOCK_DAYS - 0.01)
})

test('the owner file is locked anew during a session that lasts, until it ends', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const place = s3Place(server, bucket)
  const settings = { ...(place.settings() as DestinationOf<'s3'>), lockDays: 1 }
  const key = `${settings.prefix}/${settings.folder}/.holdfast/owner.json`
  const driver = drive(await makeHome(temporaryDirectory('lasting')), settings, place.secrets)
  await driver.session()
  const readEnd = async () => Date.now() + ((await readLockDays(bucket, key)) ?? 0) * DAY_MS
  const first = await readEnd()
  await until('the lock ends later', async () => {
    await vi.advanceTimersByTimeAsync(DAY_MS / 4)
    return (await readEnd()) > first + 2000
  })
  driver.stop()
  await until('no timer is left', () => vi.getTimerCount() === 0)
})

test('a key that may not renew locks: this is reported once, and files are sent', {
  tags: 'story',
}, async () => {
  const refuse = ({ method, url = '' }: IncomingMessage) =>
    method === 'PUT' && url.includes('retention') ? { status: 403, code: 'AccessDenied' } : null
  const port = Number(new URL(await startProxy(server.endpoint, { refuse })).port)
  const place = s3Place(server, bucket)
  const home = await makeHome(temporaryDirectory('denied'))
  const before = drive(home, { ...(place.settings() as DestinationOf<'s3'>), lockDays: 1 }, place.secrets)
  await before.session()
  before.stop()
  const settings = { ...(place.settings(port) as DestinationOf<'s3'>), lockDays: 2 }
  const driver = drive(home, settings, place.secrets)
  expect(await driver.send('sent', randomBytes(1000))).toMatchObject({ kind: 'stored' })
  expect(driver.notices.map(({ key }) => key)).toEqual(['transfer.objects.lockNotRenewed'])
})

test('an upload that began when the lock was longer is completed, and keeps the longer lock', async () => {
  const own = await makeBucket(server, { versioned: true, locked: true })
  await own.client.send(
    new PutObjectLockConfigurationCommand({
      Bucket: own.bucket,
      ObjectLockConfiguration: {
        ObjectLockEnabled: 'Enabled',
        Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days: 60 } },
      },
    }),
  )
  const bytes = randomBytes(11 * MIB)
  const facts = { ...toFacts(bytes), digest: null }
  const before = own.open({ lockDays: LOCK_DAYS })
  const begun = await before.begin('pc/s/parts', facts, 'same')
  await begun.write(bytes.subarray(0, 6 * MIB))
  await begun.abort(true)
  const resumed = await own.open({ lockDays: 30 }).begin('pc/s/parts', facts, 'same')
  expect(resumed.offset).toBeGreaterThan(0)
  await resumed.write(bytes.subarray(resumed.offset))
  await resumed.finish(computeDigest(bytes))
  expect(await readLockDays(own, 'p/pc/s/parts')).toBeGreaterThan(59)
})

test('owner file with several versions: the oldest for the identity counts, with the sources of all', async () => {
  const store = bucket.open({ lockDays: 1 })
  const write = (text: string) => put(store, 'kept/.holdfast/owner.json', Buffer.from(text))
  const readKept = (recipient?: string | null) => readKeptOwner(store, 'kept', 'cloud', signal, recipient)
  const toOwner = (epoch: string, recipient: string | null, sources: Record<string, string>) =>
    JSON.stringify({ fingerprint: 'own', computer: 'pc', epoch, recipient, sources })
  expect(await readKept()).toBeNull()
  await write('ransom')
  await expect(readKept()).rejects.toMatchObject({ sentence: { key: 'transfer.objects.ownerBroken' } })
  await write(toOwner('first', null, { one: 'a' }))
  await write(toOwner('again', 'age1', { one: 'b', two: 'c' }))
  await write(toOwner('thief', 'age1', {}))
  const sources = { one: 'b', two: 'c' }
  expect(await readKept()).toMatchObject({ epoch: 'first', recipient: null, sources })
  expect(await readKept(null)).toMatchObject({ epoch: 'first', recipient: null, sources })
  expect(await readKept('age1')).toMatchObject({ epoch: 'again', recipient: 'age1', sources })
  expect(await readKept('age2')).toMatchObject({ epoch: 'first', recipient: null, sources })
  await store.remove('kept/.holdfast/owner.json')
  expect(await readKept('age1')).toMatchObject({ epoch: 'again', recipient: 'age1', sources })
})

async function listVersions({ client, bucket: Bucket }: TestBucket, Prefix: string) {
  const { Versions = [], DeleteMarkers = [] } = await client.send(
    new ListObjectVersionsCommand({ Bucket, Prefix }),
  )
  return { versions: Versions, marks: DeleteMarkers }
}

/** Everything that a key with all rights can do to remove or change the versions of a destination. */
async function attack({ client, bucket: Bucket }: TestBucket, all: readonly ObjectVersion[]) {
  const succeeded: string[] = []
  const attempt = async (what: string, run: () => Promise<unknown>) =>
    run().then(
      () => void succeeded.push(what),
      () => undefined,
    )
  const soon = new Date(Date.now() + 1_000)
  for (const { Key, VersionId } of all) {
    const at = { Bucket, Key, VersionId }
    const shorten = (Mode: 'GOVERNANCE' | 'COMPLIANCE') =>
      client.send(
        new PutObjectRetentionCommand({
          ...at,
          Retention: { Mode, RetainUntilDate: soon },
          BypassGovernanceRetention: true,
        }),
      )
    await attempt('shorten', () => shorten('COMPLIANCE'))
    await attempt('loosen', () => shorten('GOVERNANCE'))
    await client.send(new PutObjectLegalHoldCommand({ ...at, LegalHold: { Status: 'OFF' } }))
    await attempt('delete', () => client.send(new DeleteObjectCommand(at)))
    await attempt('delete with bypass', () =>
      client.send(new DeleteObjectCommand({ ...at, BypassGovernanceRetention: true })),
    )
  }
  const VersioningConfiguration = { Status: 'Suspended' } as const
  await attempt('suspend versions', () =>
    client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration })),
  )
  return succeeded
}

test.each(['plain', 'hidden'] as const)(
  'stolen S3 key, %s: no version can be removed, shortened or changed, and a restore to a time before brings all files back',
  async (how) => {
    const key = how === 'plain' ? null : await newEncryptionKey()
    const own = await makeBucket(server, { versioned: true, locked: true })
    const place = s3Place(server, own)
    const settings: DestinationOf<'s3'> = {
      ...(place.settings() as DestinationOf<'s3'>),
      lockDays: LOCK_DAYS,
      recipient: key?.recipient ?? null,
      hideNames: key !== null,
    }
    const home = await makeHome(temporaryDirectory('stolen'))
    const driver = drive(home, settings, place.secrets)
    const files: Record<string, Buffer> = {
      'a/small': randomBytes(1000),
      'a/large': randomBytes(17 * MIB),
      'b/c/deleted': randomBytes(3000),
    }
    for (const [name, bytes] of Object.entries(files))
      expect(await driver.send(name, bytes)).toMatchObject({ kind: 'stored' })
    driver.stop()

    const at = { Bucket: own.bucket }
    const { versions } = await listVersions(own, settings.prefix)
    const locked = versions.filter(({ Key = '' }) => !/\.holdfast\/(uploads\/|trial)/.test(Key))
    expect(locked.length).toBeGreaterThanOrEqual(4)
    expect(await attack(own, locked)).toEqual([])
    // The store and this computer have one clock here. Ceph dates a version anew when its legal hold is set.
    const before = Date.now() + 1
    await until('a moment later', () => Date.now() > before + 1)

    // It can be read, and it would make encrypted files plain, or plain ones encrypted.
    const forgedOwner = {
      ...{ fingerprint: 'thief', computer: 'thief', epoch: 'thief', sources: {} },
      recipient: key === null ? (await newEncryptionKey()).recipient : null,
    }
    // A key with all rights may hide the contents behind others, or behind a mark.
    for (const { Key = '', IsLatest } of locked) {
      if (IsLatest !== true) continue
      const forged = { stored: new Date(0).toISOString() }
      await own.client.send(new PutObjectCommand({ ...at, Key, Body: 'ransom', Metadata: forged }))
      if (Key.endsWith('owner.json'))
        await own.client.send(new PutObjectCommand({ ...at, Key, Body: JSON.stringify(forgedOwner) }))
      else if (!Key.endsWith('small')) await own.client.send(new DeleteObjectCommand({ ...at, Key }))
    }
    const after = await listVersions(own, settings.prefix)
    const left = new Set(after.versions.map(({ VersionId }) => VersionId))
    expect(locked.filter(({ VersionId }) => !left.has(VersionId))).toEqual([])
    expect(after.marks.length).toBeGreaterThan(0)
    // A thousand names in front of the others fill the first page of a listing.
    const folder = `${settings.prefix}/${settings.folder}`
    const fronts = [`${folder}/!`, ...(key === null ? [] : [`${folder}/.holdfast/names-!`])]
    const keys = fronts.flatMap((front) => Array.from({ length: 1000 }, (_, index) => `${front}${index}`))
    // A request that waits for a connection longer than its timeout fails.
    for (let from = 0; from < keys.length; from += 50) {
      const some = keys.slice(from, from + 50)
      await Promise.all(some.map((Key) => own.client.send(new PutObjectCommand({ ...at, Key, Body: 'x' }))))
    }

    // The destination as another computer enters it, which may not know how the files are encrypted.
    const destination = { ...settings, recipient: null, hideNames: false }
    const library = await openLibrary(
      {
        ...{ destination, secrets: place.secrets, identityDirectory: home.identityDirectory },
        ...{ name: 'pc', computer: null, key: key?.identity ?? null },
      },
      signal,
    )
    expect(await library.folders()).toContainEqual({ name: 'data', source: 'source-1' })
    const choice: Choice = { folder: null, path: null, version: null, at: before }
    const to = temporaryDirectory('restored')
    const host = { event: async () => undefined, progress: () => undefined }
    const wanted = { choice, destination: to, placement: 'bare' as const, conflict: 'leave' as const }
    await restoreFrom(library, [wanted], host, signal).finally(() => library.close())
    const source = temporaryDirectory('sent')
    for (const [name, bytes] of Object.entries(files)) writeFile(source, name, bytes)
    expect(readTree(path.join(to, 'data'))).toEqual(readTree(source))
  },
)
