import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, expect, inject, test } from 'vitest'
import { openLibrary } from '../../../core/restore/open.ts'
import {
  decrypterFor,
  decrypting,
  encryptedSize,
  encrypterFor,
} from '../../../core/send/destinations/objects/encryption.ts'
import { newEncryptionKey } from '../../../core/settings/encryption-key.ts'
import { drive } from '../../support/destinations/drive.ts'
import { listAll, readObject, s3Place } from '../../support/destinations/s3-kind.ts'
import type { TestBucket } from '../../support/servers/buckets.ts'
import { MIB, makeBucket } from '../../support/servers/buckets.ts'
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
} from '../../support/transfer.ts'
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
  const open = (to: string | null = recipient) => drive(home, { ...settings, recipient: to }, place.secrets)
  const encrypted = { ...settings, recipient }
  return { store, open, home, settings: encrypted, secrets: place.secrets }
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

test('age alone opens each file; names, times and modes can be read without a key', async () => {
  const { store, open } = await begin()
  const driver = open()
  for (const [name, bytes] of contents)
    expect(await driver.send(name, bytes, { mtimeNs, mode: 0o640 }, 'one')).toMatchObject({ kind: 'durable' })
  const there = (await listAll(store, 'station/data/')).map(({ name }) => name.slice('station/data/'.length))
  expect(there.sort()).toEqual([...contents.keys()].map((name) => `${name}.age`).sort())
  const nobody = decrypting(store, null)
  const owner = decrypting(store, await decrypterFor(key.identity))
  for (const [name, bytes] of contents) {
    const sealed = await readObject(store, `station/data/${name}.age`)
    expect(sealed).toHaveLength(encryptedSize(bytes.length))
    expect(sealed.includes(bytes.subarray(0, 6)) && bytes.length > 0).toBe(false)
    expect(openedByAge(sealed).equals(bytes)).toBe(true)
    expect(await nobody.info(`station/data/${name}`)).toMatchObject({
      size: bytes.length,
      mtimeNs,
      mode: 0o640,
    })
    expect((await readObject(owner, `station/data/${name}`)).equals(bytes)).toBe(true)
  }
  const listed = await listAll(nobody, 'station/data/')
  expect(listed.map(({ name, size }) => [name.slice('station/data/'.length), size]).sort()).toEqual(
    [...contents].map(([name, { length }]) => [name, length]).sort(),
  )
  await expect(readObject(nobody, 'station/data/large')).rejects.toMatchObject({
    sentence: { key: 'transfer.objects.needsIdentity' },
  })
  const part: Uint8Array[] = []
  for await (const piece of owner.read('station/data/large', 5 * MIB, never)) part.push(piece)
  expect(Buffer.concat(part).equals((contents.get('large') ?? Buffer.alloc(0)).subarray(5 * MIB))).toBe(true)
})

test('restores with the key, and without it says so; the folder itself says that it is encrypted', async () => {
  const { open, home, settings, secrets } = await begin()
  expect(await open().send('d/a', Buffer.from('content'), { mtimeNs })).toMatchObject({ kind: 'durable' })
  const library = (key: string | null) =>
    openLibrary(
      {
        destination: { ...settings, recipient: null },
        secrets,
        identityDirectory: home.identityDirectory,
        name: 'station-3',
        computer: null,
        key,
      },
      never,
    )
  const facts = { size: 7, mtimeNs, mode: 0, user: 0, group: 0, more: null }
  const content = { folder: 'data', path: 'd/a', version: '', facts, digest: null, storedAt: 0 }
  const owner = await library(key.identity)
  const pieces: Buffer[] = []
  await (await owner.open(content)).read((piece) => void pieces.push(Buffer.from(piece)))
  expect(Buffer.concat(pieces).toString()).toBe('content')
  const nobody = await library(null)
  const page = await nobody.entries({ folder: 'data', directory: 'd', after: null })
  expect(page.entries).toMatchObject([{ name: 'a', kind: 'file', size: 7 }])
  await expect(nobody.open(content)).rejects.toMatchObject({
    sentence: { key: 'transfer.objects.needsIdentity' },
  })
  owner.close()
  nobody.close()
})

test('another key opens nothing, and a file that was changed there is not taken', async () => {
  const { store, open } = await begin()
  expect(await open().send('a', randomBytes(100 * KIB))).toMatchObject({ kind: 'durable' })
  const other = await newEncryptionKey()
  const stranger = decrypting(store, await decrypterFor(other.identity))
  await expect(readObject(stranger, 'station/data/a')).rejects.toMatchObject({ kind: 'damaged' })
  const sealed = await readObject(store, 'station/data/a.age')
  sealed[90_000] = (sealed[90_000] ?? 0) ^ 1
  const facts = { size: sealed.length, mtimeNs, mode: 0o600, digest: null }
  await store.put('station/data/a.age', sealed, facts, { replace: true })
  const owner = decrypting(store, await decrypterFor(key.identity))
  await expect(readObject(owner, 'station/data/a')).rejects.toMatchObject({ kind: 'damaged' })
})

test('a newer content is encrypted, too, and the older one kept', async () => {
  const { store, open } = await begin()
  const driver = open()
  const versions = [Buffer.from('one'), Buffer.from('two'), randomBytes(2 * MIB)]
  for (const bytes of versions) expect(await driver.send('a', bytes)).toMatchObject({ kind: 'durable' })
  const owner = decrypting(store, await decrypterFor(key.identity))
  expect((await readObject(owner, 'station/data/a')).equals(versions[2] ?? Buffer.alloc(0))).toBe(true)
  const older = await listAll(owner, 'station/.holdfast/versions/data/a/')
  const texts = await Promise.all(older.map(async ({ name }) => String(await readObject(owner, name))))
  expect(texts).toEqual(['one', 'two'])
})

test('what is there is proven by the digest that it had when it was sent', async () => {
  const { store, open } = await begin()
  const driver = open()
  const session = await driver.session()
  const source = { id: 'source-1', name: 'data', path: '/x' }
  for (const bytes of [randomBytes(1000), randomBytes(2 * MIB)]) {
    const name = `f${bytes.length}`
    const answer = await driver.send(name, bytes)
    if (answer.kind !== 'durable' || answer.seal === undefined) throw new Error(JSON.stringify(answer))
    const prove = (seal: Uint8Array | null) =>
      session.prove(source, name, bytes.length, randomBytes(32), seal)
    expect(await prove(answer.seal)).toEqual({ kind: 'sealed' })
    expect(await prove(null)).toEqual({ kind: 'unavailable' })
    const sealed = await readObject(store, `station/data/${name}.age`)
    sealed[900] = (sealed[900] ?? 0) ^ 1
    const facts = { size: sealed.length, mtimeNs, mode: 0o600, digest: null }
    await store.put(`station/data/${name}.age`, sealed, facts, { replace: true })
    expect(await prove(answer.seal)).toEqual({ kind: 'absent' })
  }
})

test('a sent file is removed at the source only while what is there is what was sent', async () => {
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
  await until('both are sent', () => sender.report()?.totals[SOURCE]?.sentFiles === 2, 20_000)
  const sealed = await readObject(store, 'station/data/kept.age')
  sealed[900] = (sealed[900] ?? 0) ^ 1
  const facts = { size: sealed.length, mtimeNs, mode: 0o600, digest: null }
  await store.put('station/data/kept.age', sealed, facts, { replace: true })
  const removal = { afterMs: 0, marks: [], sentMark: null }
  sender.configure({ ...config, destination, secrets, sources: [{ ...source, removal }] })
  await until('one is removed', () => !existsSync(path.join(home.source, 'gone')), 20_000)
  // The damaged one is sent again, so it is here still when it is looked at, and right there.
  await until('the other is mended', async () => {
    const bytes = await readObject(store, 'station/data/kept.age')
    return !bytes.equals(sealed)
  })
  expect(existsSync(path.join(home.source, 'kept'))).toBe(true)
})

test('a folder has one key from its beginning, and a mistyped one is refused', async () => {
  const { open } = await begin()
  const first = open()
  await first.session()
  first.stop()
  const mistyped = key.recipient.replace(/.$/, (last) => (last === 'q' ? 'p' : 'q'))
  const [plain, wrong] = [open(null), open(mistyped)]
  const keyOf = (driver: typeof plain) => until('it says why not', () => driver.problem?.key)
  expect(await keyOf(plain)).toBe('transfer.objects.otherRecipient')
  expect(await keyOf(wrong)).toBe('transfer.objects.recipient')
  await expect(encrypterFor('age1tooshort', 'nas')).rejects.toMatchObject({
    sentence: { key: 'transfer.objects.recipient' },
  })
  await expect(decrypterFor('AGE-SECRET-KEY-1QQ')).rejects.toMatchObject({
    sentence: { key: 'transfer.objects.identity' },
  })
})
