import { randomBytes } from 'node:crypto'
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import type { ObjectFacts, ObjectStore } from '../../../core/backends/objects/object-store.ts'
import { computeDigest } from '../../../core/platform/digest.ts'
import { MIB, makeBucket, type TestBucket } from '../../support/servers/buckets.ts'
import { type StorageServer, startStorageServer, storageServers } from '../../support/servers/servers.ts'

const buildFacts = (bytes: Uint8Array, mtimeNs = 1_700_000_000_123_456_789n): ObjectFacts => ({
  size: bytes.length,
  mtimeNs,
  mode: 0o4750,
  digest: computeDigest(bytes),
})
const never = new AbortController().signal
const fault = (kind: string) => expect.objectContaining({ kind })

async function readContent(
  store: ObjectStore,
  name: string,
  from = 0,
  version?: string | null,
): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of store.read(name, from, never, version)) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces)
}

const put = (store: ObjectStore, name: string, bytes: Uint8Array, replace = false) =>
  store.put(name, bytes, buildFacts(bytes), { replace })

async function namesBelow(store: ObjectStore, prefix: string): Promise<string[]> {
  const names: string[] = []
  for (let after: string | null = null; ; ) {
    const page = await store.list(prefix, after, true)
    names.push(...page.objects.map(({ name }) => name))
    after = page.next
    if (after === null) return names
  }
}

const uploadsIn = async ({ client, bucket }: TestBucket): Promise<number> =>
  (await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads?.length ?? 0

const names = [
  'a b',
  'a+b',
  'a%2Fb',
  'x/ü',
  'x/u\u0308',
  'new\nline',
  'q\'uo"te',
  '雪/片',
  '&<>',
  ' lead',
  'trail ',
  '~',
  'x:y?z#',
]

describe.each(storageServers)('S3 store on %s', (engine) => {
  let server: StorageServer
  let bucket: TestBucket
  let store: ObjectStore
  beforeAll(async () => {
    server = await startStorageServer(inject('servers'), engine)
    bucket = await makeBucket(server)
    store = bucket.open()
  })

  test('a stored object keeps its content and metadata until it is removed', { tags: 'story' }, async () => {
    const bytes = randomBytes(5000)
    await put(store, 'pc/s/one', bytes)
    expect(await store.info('pc/s/one')).toMatchObject({
      ...buildFacts(bytes),
      name: 'pc/s/one',
      version: null,
    })
    expect(await readContent(store, 'pc/s/one')).toEqual(bytes)
    expect(await readContent(store, 'pc/s/one', 4990)).toEqual(bytes.subarray(4990))
    expect(await readContent(store, 'pc/s/one', 5000)).toEqual(Buffer.alloc(0))
    expect(await store.info('pc/s/two')).toBeNull()
    await expect(readContent(store, 'pc/s/two')).rejects.toEqual(fault('absent'))
    await store.remove('pc/s/one')
    await store.remove('pc/s/one')
    expect(await store.info('pc/s/one')).toBeNull()
  })

  test('an existing object is not replaced, by another session either, until it is set aside', {
    tags: 'story',
  }, async () => {
    const [first, second] = [randomBytes(10), randomBytes(20)]
    await put(store, 'pc/keep/one', first)
    await expect(put(store, 'pc/keep/one', second)).rejects.toEqual(fault('exists'))
    await expect(put(bucket.open(), 'pc/keep/one', second)).rejects.toEqual(fault('exists'))
    expect(await readContent(store, 'pc/keep/one')).toEqual(first)
    await store.setAside('pc/keep/one', 'pc/.holdfast/versions/one/1', false)
    await put(store, 'pc/keep/one', second)
    expect(await readContent(store, 'pc/keep/one')).toEqual(second)
    expect(await store.info('pc/.holdfast/versions/one/1')).toMatchObject(buildFacts(first))
  })

  test('the store verifies uploaded content', async () => {
    expect(await bucket.open().abilities.verifies()).toBe(true)
  })

  test('object names are stored and listed unchanged, and a name that is too long is rejected', async () => {
    for (const name of names) await put(store, `pc/names/${name}`, Buffer.from(name))
    const listed = await namesBelow(store, 'pc/names/')
    const expected = names
      .map((name) => `pc/names/${name}`)
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    expect(listed).toEqual(expected)
    for (const name of names) expect(String(await readContent(store, `pc/names/${name}`))).toBe(name)
    const page = await store.list('pc/names/', null, false)
    expect(page.directories).toEqual(['pc/names/x/', 'pc/names/雪/'])
    await expect(put(store, 'x'.repeat(1100), Buffer.from('1'))).rejects.toEqual(fault('impossible'))
  })

  test('an interrupted large upload is resumed and leaves no partial upload', { tags: 'story' }, async () => {
    const bytes = randomBytes(13 * MIB)
    const facts = { ...buildFacts(bytes), digest: null }
    const first = await store.begin('pc/large', facts, 'content 1')
    expect(first.offset).toBe(0)
    await first.write(bytes.subarray(0, 11 * MIB))
    await first.abort(true)
    // The computer was started anew.
    const later = bucket.open()
    const second = await later.begin('pc/large', facts, 'content 1')
    expect(second.offset).toBe(10 * MIB)
    await second.write(bytes.subarray(second.offset))
    await second.finish(computeDigest(bytes))
    expect(computeDigest(await readContent(store, 'pc/large'))).toEqual(computeDigest(bytes))
    expect(await store.info('pc/large')).toMatchObject({
      size: 13 * MIB,
      mtimeNs: facts.mtimeNs,
      mode: 0o4750,
    })
    expect(await uploadsIn(bucket)).toBe(0)
    expect(await namesBelow(store, 'pc/.holdfast/uploads/')).toEqual([])
  })

  test('parts of another content are not reused and are removed', async () => {
    const bytes = randomBytes(12 * MIB)
    const facts = { ...buildFacts(bytes), digest: null }
    const first = await store.begin('pc/other', facts, 'content 1')
    await first.write(randomBytes(6 * MIB))
    await first.abort(true)
    const second = await store.begin('pc/other', facts, 'content 2')
    expect(second.offset).toBe(0)
    expect(await uploadsIn(bucket)).toBe(1)
    await second.write(bytes)
    await second.abort(false)
    expect(await uploadsIn(bucket)).toBe(0)
    expect(await namesBelow(store, 'pc/.holdfast/uploads/')).toEqual([])
    expect(await store.info('pc/other')).toBeNull()
  })

  test('a part that no longer matches the file fails the upload as damaged, and no object is stored', async () => {
    const bytes = randomBytes(11 * MIB)
    const facts = { ...buildFacts(bytes), digest: null }
    const first = await store.begin('pc/changed', facts, 'same key')
    await first.write(randomBytes(5 * MIB))
    await first.abort(true)
    const second = await store.begin('pc/changed', facts, 'same key')
    expect(second.offset).toBe(5 * MIB)
    await second.write(bytes.subarray(second.offset))
    await expect(second.finish(computeDigest(bytes))).rejects.toEqual(fault('damaged'))
    expect(await store.info('pc/changed')).toBeNull()
  })

  test('partial uploads are swept only once they are old', async () => {
    const facts = { ...buildFacts(randomBytes(1)), size: 12 * MIB, digest: null }
    const upload = await store.begin('pc/left', facts, 'x')
    await upload.write(randomBytes(6 * MIB))
    await upload.abort(true)
    await store.sweep(Date.now() - 60_000)
    expect(await uploadsIn(bucket)).toBe(1)
    await store.sweep(Date.now() + 60_000)
    expect(await uploadsIn(bucket)).toBe(0)
    expect(await namesBelow(store, 'pc/.holdfast/uploads/')).toEqual([])
  })

  test('an object that is too large for one copy request is set aside in parts', async () => {
    const bytes = randomBytes(11 * MIB)
    const upload = await store.begin('pc/whale', { ...buildFacts(bytes), digest: null }, null)
    await upload.write(bytes)
    await upload.finish(computeDigest(bytes))
    await store.setAside('pc/whale', 'pc/.holdfast/versions/whale/1', false)
    expect(await store.info('pc/whale')).toBeNull()
    expect(computeDigest(await readContent(store, 'pc/.holdfast/versions/whale/1'))).toEqual(
      computeDigest(bytes),
    )
    expect((await store.info('pc/.holdfast/versions/whale/1'))?.mtimeNs).toBe(buildFacts(bytes).mtimeNs)
    expect(await uploadsIn(bucket)).toBe(0)
  })

  test('a copy in parts does not go on after the store was closed, beside the next session', async () => {
    const store = bucket.open()
    await put(store, 'closing', randomBytes(6 * MIB))
    store.close()
    await expect(store.setAside('closing', 'closing-1', false)).rejects.toEqual(fault('lost'))
    expect(await namesBelow(bucket.open(), 'closing')).toEqual(['closing'])
  })

  test.each([
    ['in one request', 4],
    ['in parts', 11],
  ])("a metadata change %s keeps an object's content and first storage time", async (_, size) => {
    const bytes = randomBytes(size * MIB)
    const name = `pc/facts/${size}`
    const upload = await store.begin(name, { ...buildFacts(bytes), digest: null }, null)
    await upload.write(bytes)
    await upload.finish(computeDigest(bytes))
    const came = await store.info(name)
    for (const mode of [0o1600, 0o644]) {
      const facts = { ...buildFacts(bytes, -1_500_000_000n), mode }
      await store.setFacts(name, facts)
      expect(await store.info(name)).toMatchObject({ ...facts, firstStoredAt: came?.storedAt })
    }
    expect(computeDigest(await readContent(store, name))).toEqual(computeDigest(bytes))
    // An older content knows when it came as well.
    await store.setAside(name, 'pc/.holdfast/versions/facts/1', false)
    expect((await store.info('pc/.holdfast/versions/facts/1'))?.firstStoredAt).toBe(came?.storedAt)
    expect(await uploadsIn(bucket)).toBe(0)
  })

  test('a versioned bucket keeps older contents as object versions', async () => {
    const versioned = (await makeBucket(server, { versioned: true })).open()
    const contents = ['1', '2', '3'].map((text) => Buffer.from(text))
    for (const bytes of contents) {
      await versioned.setAside('pc/v', 'pc/.holdfast/versions/v/1', true)
      await put(versioned, 'pc/v', bytes, true)
    }
    await put(versioned, 'pc/v2', Buffer.from('another name that begins alike'))
    const older = await versioned.versions('pc/v')
    expect(await versioned.info('pc/.holdfast/versions/v/1')).toBeNull()
    const texts = await Promise.all(
      older.map(async ({ version }) => String(await readContent(versioned, 'pc/v', 0, version))),
    )
    expect(texts.sort()).toEqual(['1', '2'])
    expect(String(await readContent(versioned, 'pc/v'))).toBe('3')
    await versioned.remove('pc/v')
    expect(await versioned.info('pc/v')).toBeNull()
    expect(await versioned.versions('pc/v')).toHaveLength(3)
  })
})
