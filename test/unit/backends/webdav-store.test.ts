import { expect, onTestFinished, test } from 'vitest'
import type { ObjectFacts } from '../../../core/backends/objects/object-store.ts'
import { WebdavStore } from '../../../core/backends/webdav/webdav-store.ts'
import { computeDigest } from '../../../core/platform/digest.ts'
import { startMemoryDav } from '../../support/servers/memory-dav.ts'

async function begin() {
  const dav = await startMemoryDav()
  const target = { name: 'nas', url: dav.url, user: 'ann', certificate: null, folder: 'station' }
  const open = () => {
    const store = new WebdavStore(target, 'secret')
    onTestFinished(() => store.close())
    return store
  }
  const store = open()
  const put = (name: string, text: string, replace: Parameters<typeof store.put>[3]['replace'] = false) =>
    store.put(name, Buffer.from(text), buildFacts(text), { replace })
  const read = async (name: string, from = 0) => {
    const pieces: Uint8Array[] = []
    for await (const piece of store.read(name, from, AbortSignal.timeout(60_000))) pieces.push(piece)
    return String(Buffer.concat(pieces))
  }
  /** Names of files at the server, below the root. */
  const files = () =>
    [...dav.entries].filter(([, { bytes }]) => bytes !== null).map(([name]) => name.replace('/dav/', ''))
  const requireRoot = () => store.requireRoot(target, AbortSignal.timeout(60_000))
  return { dav, store, open, put, read, files, requireRoot }
}

const buildFacts = (text: string, changes: Partial<ObjectFacts> = {}): ObjectFacts => ({
  ...{ size: Buffer.byteLength(text), mtimeNs: 1_700_000_000_123_456_789n, mode: 0o640 },
  digest: computeDigest(Buffer.from(text)),
  ...changes,
})
const kind = (name: string) => expect.objectContaining({ kind: name })
const NAME = 'station/data/a b/ü'

test('WebDAV store: a file is there under its name with content, time, mode and digest, and nothing else is left', async () => {
  const { store, put, read, files } = await begin()
  await put(NAME, 'content')
  expect(files().map(decodeURIComponent)).toEqual([NAME])
  expect(await store.info(NAME)).toMatchObject({ ...buildFacts('content'), name: NAME, version: null })
  expect([await read(NAME), await read(NAME, 3), await read(NAME, 7)]).toEqual(['content', 'tent', ''])
  expect([await store.info('station/none'), await store.info('station/data')]).toEqual([null, null])
  await store.setFacts(NAME, buildFacts('content', { mode: 0o600, mtimeNs: 1n }))
  expect(await store.info(NAME)).toMatchObject({ mode: 0o600, mtimeNs: 1n })
  await store.remove(NAME)
  await store.remove(NAME)
  expect(files()).toEqual([])
})

test('WebDAV store: a taken name is kept, replaced, or left to the caller, as it was asked', async () => {
  const { put, read, files } = await begin()
  await put('station/a', 'one')
  await expect(put('station/a', 'two')).rejects.toEqual(kind('exists'))
  expect(await read('station/a')).toBe('one')
  await put('station/a', 'three', true)
  expect(await read('station/a')).toBe('three')
  await put('station/a', 'four', async () => false)
  expect(await read('station/a')).toBe('three')
  await put('station/a', 'five', async () => true)
  expect([await read('station/a'), files()]).toEqual(['five', ['station/a']])
  await put('station/directory/x', 'x')
  await expect(put('station/directory', 'file', true)).rejects.toEqual(kind('impossible'))
  expect(files().sort()).toEqual(['station/a', 'station/directory/x'])
})

test('WebDAV store: a large file is sent in pieces, and an aborted one leaves nothing', async () => {
  const { store, read, files } = await begin()
  const facts = buildFacts('content')
  const upload = await store.begin('station/large', facts, null)
  expect(upload.offset).toBe(0)
  await upload.write(Buffer.from('con'))
  await upload.write(Buffer.from('tent'))
  let isFreed = false
  await upload.finish(facts.digest ?? Buffer.alloc(0), async () => {
    isFreed = true
  })
  expect([isFreed, await read('station/large')]).toEqual([true, 'content'])
  const other = await store.begin('station/other', facts, null)
  await other.write(Buffer.from('con'))
  await other.abort(false)
  expect(files()).toEqual(['station/large'])
})

test.each([
  ['other bytes', Buffer.from('contend')],
  ['fewer bytes', Buffer.from('con')],
])('WebDAV store: a server that keeps %s is found out, and the name stays free', async (_, kept) => {
  const { dav, put, files } = await begin()
  dav.keep = (bytes) => (bytes.length === 7 ? kept : bytes)
  await expect(put('station/a', 'content')).rejects.toEqual(kind('damaged'))
  expect(files()).toEqual([])
})

test('WebDAV store: a server that keeps no properties, or replaces a file unasked, is refused', async () => {
  const { dav, put, files } = await begin()
  dav.keepsProperties = false
  await expect(put('station/a', 'content')).rejects.toMatchObject({
    reason: expect.stringContaining('PROPPATCH'),
  })
  dav.keepsProperties = true
  for (const status of [403, 405, 501]) {
    dav.refuse = ({ method }) => (method === 'PROPPATCH' ? status : null)
    await expect(put('station/a', 'content')).rejects.toMatchObject({
      reason: expect.stringContaining('PROPPATCH'),
    })
  }
  dav.refuse = null
  const other = await begin()
  other.dav.overwrites = true
  await expect(other.put('station/a', 'content')).rejects.toMatchObject({
    sentence: { key: 'webdav.overwrites' },
  })
  expect([files(), other.files()]).toEqual([[], []])
})

test('WebDAV store: an older content gets another name, as a copy while it is being replaced', async () => {
  const { dav, store, put, read, files } = await begin()
  await put('station/a', 'one')
  expect(await store.setAside('station/a', 'station/versions/a/1', true)).toBe(true)
  expect(files().sort()).toEqual(['station/a', 'station/versions/a/1'])
  expect(await store.info('station/versions/a/1')).toMatchObject(buildFacts('one'))
  expect(await store.setAside('station/a', 'station/versions/a/2', false)).toBe(true)
  expect(files().sort()).toEqual(['station/versions/a/1', 'station/versions/a/2'])
  // A server that does not copy: the file is moved.
  await put('station/a', 'two')
  dav.refuse = ({ method }) => (method === 'COPY' ? 403 : null)
  expect(await store.setAside('station/a', 'station/versions/a/3', true)).toBe(true)
  expect(await read('station/versions/a/3')).toBe('two')
  expect(files()).not.toContain('station/a')
  expect(await store.versions('station/a')).toEqual([])
})

test('WebDAV store: listings have files and directories in order; the sweep removes only what other sessions left', async () => {
  const { dav, store, open, put, files } = await begin()
  for (const name of ['b', 'a/one', 'a/two', 'c/d/e']) await put(`station/data/${name}`, name)
  const flat = await store.list('station/data/', null, false)
  expect([flat.objects.map(({ name }) => name), flat.directories, flat.next]).toEqual([
    ['station/data/b'],
    ['station/data/a/', 'station/data/c/'],
    null,
  ])
  expect(flat.objects[0]).toMatchObject({ size: 1, mode: 0o640 })
  const names = (await store.list('station/data/', 'station/data/a/one', true)).objects.map(
    ({ name }) => name,
  )
  expect(names).toEqual(['station/data/a/two', 'station/data/b', 'station/data/c/d/e'])
  expect((await store.list('station/none/', null, true)).objects).toEqual([])
  const upload = await store.begin('station/large', buildFacts('content'), null)
  await upload.write(Buffer.from('content'))
  dav.entries.set('/dav/station/.holdfast/partial/old', { bytes: Buffer.from('x'), properties: new Map() })
  await store.sweep()
  expect(files().some((name) => name.endsWith('/old'))).toBe(false)
  await upload.finish(buildFacts('content').digest ?? Buffer.alloc(0))
  expect(files()).toContain('station/large')
  await open().sweep()
  expect(files()).toContain('station/large')
})

test.each([
  [404, { sentence: { key: 'transfer.sftp.noDirectory' } }],
  [401, { sentence: { key: 'webdav.loginRefused' } }],
  [403, { kind: 'denied' }],
  [500, { kind: 'failed' }],
  [200, { sentence: { key: 'webdav.noStore' } }],
])(
  'WebDAV store: a server that answers the first question with %s is refused with its reason',
  async (status, error) => {
    const { dav, requireRoot } = await begin()
    await requireRoot()
    dav.refuse = () => status
    await expect(requireRoot()).rejects.toMatchObject(error)
  },
)

test('WebDAV store: a file is no root; space, the nearest directory with a file, and the clock are read', async () => {
  const { dav, store, put, requireRoot } = await begin()
  expect(await store.space()).toEqual({ free: 900, total: 1000 })
  expect(await store.above('station/a')).toBeNull()
  await put('station/a', 'a')
  expect(await store.above('station/a')).toBe('/dav/')
  expect(await store.lastChange('station/')).toBeGreaterThan(0)
  dav.entries.set('/dav', { bytes: Buffer.from('file'), properties: new Map() })
  await expect(requireRoot()).rejects.toMatchObject({ sentence: { key: 'webdav.noStore' } })
})

test('WebDAV store: a name that the server does not allow is impossible, and a directory that went away ends the session', async () => {
  const { dav, put } = await begin()
  await put('station/data/a', 'a')
  dav.refuse = ({ method, headers }) =>
    method === 'MOVE' && String(headers.destination).endsWith('odd') ? 400 : null
  await expect(put('station/data/odd', 'a')).rejects.toEqual(kind('impossible'))
  dav.refuse = null
  for (const name of [...dav.entries.keys()]) if (name.startsWith('/dav/station')) dav.entries.delete(name)
  await expect(put('station/data/b', 'b')).rejects.toEqual(kind('lost'))
})
