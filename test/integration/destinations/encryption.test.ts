import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, expect, inject, test } from 'vitest'
import { decrypterFor, encryptedSize, encrypterFor } from '../../../core/backends/encrypted/age.ts'
import { type Library, readAll } from '../../../core/backends/library.ts'
import { openLibrary } from '../../../core/backends/open.ts'
import { computeDigest } from '../../../core/platform/digest.ts'
import { newEncryptionKey } from '../../../core/settings/secrets.ts'
import type { StoredContent } from '../../../core/store/query/query.ts'
import { drive } from '../../support/destinations/drive.ts'
import { listAll, readObject, s3Place } from '../../support/destinations/s3-kind.ts'
import { MIB, makeBucket, type TestBucket } from '../../support/servers/buckets.ts'
import { type StorageServer, startStorageServer } from '../../support/servers/servers.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  DESTINATION,
  makeHome,
  offerAll,
  SOURCE,
  senderConfig,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const KIB = 1024
const mtimeNs = 1_700_000_000_123_456_789n
const never = new AbortController().signal
let server: StorageServer
let bucket: TestBucket
let key: { recipient: string; identity: string }

beforeAll(async () => {
  server = await startStorageServer(inject('servers'), 'ceph')
  bucket = await makeBucket(server)
  key = await newEncryptionKey()
})

/** A place that is encrypted, and its store as it is. */
async function begin(recipient = key.recipient) {
  const home = await makeHome(temporaryDirectory('encryption'))
  const place = s3Place(server, bucket)
  const settings = place.settings()
  if (settings.kind !== 's3') throw new Error('it is another kind')
  const store = bucket.open({ prefix: `${settings.prefix}/` })
  const open = (to: string | null = recipient, hideNames = false) =>
    drive(home, { ...settings, recipient: to, hideNames }, place.secrets)
  const encrypted = { ...settings, recipient }
  /** What is there, as somebody sees it who has this key, and settings that say nothing of encryption. */
  const library = (key: string | null) =>
    openLibrary(
      {
        destination: { ...settings, recipient: null },
        secrets: place.secrets,
        identityDirectory: home.identityDirectory,
        name: 'station-3',
        computer: null,
        key,
      },
      never,
    )
  return { store, open, home, library, settings: encrypted, secrets: place.secrets }
}

const buildContent = (path: string, size: number, version = ''): StoredContent => {
  const facts = { size, mtimeNs, mode: 0, user: 0, group: 0, more: null }
  return { folder: 'data', path, version, facts, digest: null, storedAt: 0 }
}

async function readContent(library: Library, content: StoredContent): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of (await library.open(content)).pieces()) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces)
}

/** What Debian's age makes of an encrypted file. */
function openedByAge(sealed: Buffer): Buffer {
  const directory = temporaryDirectory('age')
  const [identity, file] = ['key.txt', 'sealed.age'].map((name) => path.join(directory, name)) as [
    string,
    string,
  ]
  writeFileSync(identity, `${key.identity}\n`)
  writeFileSync(file, sealed)
  return execFileSync('age', ['-d', '-i', identity, file], { maxBuffer: 64 * MIB })
}

const contents = new Map([
  ['empty', Buffer.alloc(0)],
  ['notes/small.txt', Buffer.from('a word')],
  ['one chunk', randomBytes(64 * KIB)],
  ['chunks', randomBytes(64 * KIB + 1)],
  ['middle', randomBytes(3 * MIB)],
  ['large', randomBytes(12 * MIB + 5)],
])

test('encrypted destination: age decrypts each file, and names, times and modes are readable without a key', async () => {
  const { store, open } = await begin()
  const driver = open()
  for (const [name, bytes] of contents)
    expect(await driver.send(name, bytes, { mtimeNs, mode: 0o640 }, 'one')).toMatchObject({ kind: 'stored' })
  const there = (await listAll(store, 'station/data/')).map(({ name }) => name.slice('station/data/'.length))
  expect(there.sort()).toEqual([...contents.keys()].map((name) => `${name}.age`).sort())
  for (const [name, bytes] of contents) {
    const sealed = await readObject(store, `station/data/${name}.age`)
    expect(sealed).toHaveLength(encryptedSize(bytes.length))
    expect(sealed.includes(bytes.subarray(0, 6)) && bytes.length > 0).toBe(false)
    expect(openedByAge(sealed).equals(bytes)).toBe(true)
    expect(await store.info(`station/data/${name}.age`)).toMatchObject({ mtimeNs, mode: 0o640 })
  }
})

test('encrypted restore: reads a file with the key; without it, lists the file and rejects reading it', {
  tags: 'story',
}, async () => {
  const { open, library } = await begin()
  expect(await open().send('d/a', Buffer.from('content'), { mtimeNs })).toMatchObject({ kind: 'stored' })
  const content = buildContent('d/a', 7)
  const owner = await library(key.identity)
  expect(String(await readContent(owner, content))).toBe('content')
  const nobody = await library(null)
  const page = await nobody.entries({ folder: 'data', directory: 'd', after: null })
  expect(page.entries).toMatchObject([{ name: 'a', kind: 'file', size: 7 }])
  await expect(nobody.open(content)).rejects.toMatchObject({
    sentence: { key: 'transfer.objects.needsIdentity' },
  })
  owner.close()
  nobody.close()
})

test('encrypted restore: rejects another key and reports a changed file as damaged', {
  tags: 'story',
}, async () => {
  const { store, open, library } = await begin()
  const content = buildContent('a', 400 * KIB)
  const bytes = randomBytes(content.facts.size)
  expect(await open().send('a', bytes)).toMatchObject({ kind: 'stored' })
  // Otherwise every file would be called damaged, and be sent again by who only wants to verify.
  const { identity } = await newEncryptionKey()
  await expect(library(identity)).rejects.toMatchObject({
    sentence: { key: 'transfer.objects.otherIdentity' },
  })
  const owner = await library(key.identity)
  expect((await readContent(owner, content)).equals(bytes)).toBe(true)
  // Whoever takes it may have had enough, or no room.
  const full = Object.assign(new Error('no room'), { code: 'ENOSPC' })
  const incoming = await owner.open(content)
  await expect(readAll(incoming, () => Promise.reject(full))).rejects.toBe(full)
  const sealed = await readObject(store, 'station/data/a.age')
  sealed[90_000] = (sealed[90_000] ?? 0) ^ 1
  const facts = { size: sealed.length, mtimeNs, mode: 0o600, digest: null }
  await store.put('station/data/a.age', sealed, facts, { replace: true })
  await expect(readContent(owner, content)).rejects.toThrow(/^damaged: /)
})

test('encrypted search: finds directory `photos` beside a directory `photos.age`', async () => {
  const { open, library } = await begin()
  const driver = open()
  for (const path of ['photos/a', 'photos.age/b'])
    expect(await driver.send(path, Buffer.from(path))).toMatchObject({ kind: 'stored' })
  const owner = await library(key.identity)
  const asked = {
    folder: 'data',
    path: 'photos',
    at: null,
    version: null,
    text: null,
    isList: false,
    after: null,
  }
  expect((await owner.contents(asked)).contents).toMatchObject([{ path: 'photos/a' }])
})

test('encrypted versions: the current version and the older ones of a file can be read with the key', async () => {
  const { open, library } = await begin()
  const driver = open()
  const versions = [Buffer.from('one'), Buffer.from('two'), randomBytes(2 * MIB)]
  for (const bytes of versions) expect(await driver.send('a', bytes)).toMatchObject({ kind: 'stored' })
  const owner = await library(key.identity)
  const asked = { folder: 'data', path: 'a', at: null, version: null, text: null, isList: true, after: null }
  const { contents: all } = await owner.contents(asked)
  const read = await Promise.all(all.map((one) => readContent(owner, one)))
  expect(read.map(computeDigest)).toEqual(
    [2, 1, 0].map((index) => computeDigest(versions[index] ?? Buffer.alloc(0))),
  )
})

test('encrypted proof: succeeds with the seal of the sent file and fails without it or after damage', async () => {
  const { store, open } = await begin()
  const driver = open()
  const session = await driver.session()
  const source = { id: 'source-1', name: 'data', path: '/x' }
  for (const bytes of [randomBytes(1000), randomBytes(2 * MIB)]) {
    const name = `f${bytes.length}`
    const answer = await driver.send(name, bytes)
    if (answer.kind !== 'stored' || answer.seal === undefined) throw new Error(JSON.stringify(answer))
    const prove = (seal: Uint8Array | null) =>
      session.prove(source, name, bytes.length, randomBytes(32), seal)
    expect(await prove(answer.seal)).toEqual({ kind: 'sealed' })
    expect(await prove(null)).toEqual({ kind: 'absent' })
    const sealed = await readObject(store, `station/data/${name}.age`)
    sealed[900] = (sealed[900] ?? 0) ^ 1
    const facts = { size: sealed.length, mtimeNs, mode: 0o600, digest: null }
    await store.put(`station/data/${name}.age`, sealed, facts, { replace: true })
    expect(await prove(answer.seal)).toEqual({ kind: 'differs' })
  }
})

test('delete after sending: a source file is removed only if its encrypted copy is undamaged', async () => {
  const { store, settings, secrets, home } = await begin()
  for (const name of ['kept', 'gone']) writeFile(home.source, name, randomBytes(5000))
  const nobody = { port: 1, fingerprint: home.identity.fingerprint }
  const config = senderConfig(home, nobody)
  const [source] = config.sources
  if (source === undefined) throw new Error('unreachable')
  const destination = { ...settings, id: DESTINATION }
  const sender = startTestSender()
  sender.configure({ ...config, destination, secrets })
  offerAll(home)
  sender.nudge()
  await until('both are sent', () => sender.report()?.totals[SOURCE]?.sentFiles === 2)
  const sealed = await readObject(store, 'station/data/kept.age')
  sealed[900] = (sealed[900] ?? 0) ^ 1
  const facts = { size: sealed.length, mtimeNs, mode: 0o600, digest: null }
  await store.put('station/data/kept.age', sealed, facts, { replace: true })
  const removal = { afterMs: 0, marks: [], sentMark: null }
  sender.configure({ ...config, destination, secrets, sources: [{ ...source, removal }] })
  await until('one is removed', () => !existsSync(path.join(home.source, 'gone')))
  // The damaged one is sent again, so it is here still when it is looked at, and right there.
  await until('the other is mended', async () => {
    const bytes = await readObject(store, 'station/data/kept.age')
    return !bytes.equals(sealed)
  })
  expect(existsSync(path.join(home.source, 'kept'))).toBe(true)
})

test('encryption key: a folder rejects another key or name setting, and a mistyped key is rejected', {
  tags: 'story',
}, async () => {
  const { open } = await begin()
  const first = open()
  await first.session()
  first.stop()
  const mistyped = key.recipient.replace(/.$/, (last) => (last === 'q' ? 'p' : 'q'))
  const [plain, wrong, hiding] = [open(null), open(mistyped), open(key.recipient, true)]
  const waitForProblem = (driver: typeof plain) => until('it says why not', () => driver.problem?.key)
  expect(await waitForProblem(plain)).toBe('transfer.objects.otherRecipient')
  expect(await waitForProblem(wrong)).toBe('transfer.objects.recipient')
  expect(await waitForProblem(hiding)).toBe('transfer.objects.otherNames')
  await expect(encrypterFor('age1tooshort', 'nas')).rejects.toMatchObject({
    sentence: { key: 'transfer.objects.recipient' },
  })
  await expect(decrypterFor('AGE-SECRET-KEY-1QQ', key.recipient)).rejects.toMatchObject({
    sentence: { key: 'transfer.objects.identity' },
  })
})
