// @module-tag timeless
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { readManifestFile } from '../../../core/store/manifest/manifest.ts'
import { type FileRow, isFileRow, openRows } from '../../../core/store/manifest/rows.ts'
import { toStoreResult } from '../../../core/store/outcome.ts'
import { buildFacts, computeDigest } from '../../support/store/file-facts.ts'
import { begin, openAt, openLarge, sendLarge, smallFile } from '../../support/store/large-files.ts'
import { readTree } from '../../support/transfer/transfer.ts'

async function open() {
  const world = await openLarge()
  const { root, store, source } = world
  const receive = (name: string, text: string, facts = {}, session: string | null = null) => {
    const file = smallFile(source, name, Buffer.from(text))
    return store.receive({ ...file, facts: buildFacts(text.length, facts), session: { name: session } })
  }
  const versions = () => readTree(path.join(root, '.holdfast', 'versions', 'pc', 'data'))
  /** What is on its way. */
  const temporary = () => readTree(path.join(root, '.holdfast', 'tmp'))
  /** What the manifest says of a name: the older contents first. */
  const readRows = (name: string): FileRow[] => {
    const database = readManifestFile(path.join(root, '.holdfast', 'manifest.db'))
    if (database === null) return []
    try {
      const rows = openRows(database)
      const current = rows.find(source.id, name, '')
      return [...rows.versions(source.id, name), ...(current === null ? [] : [current])].filter(isFileRow)
    } finally {
      database.close()
    }
  }
  return { ...world, receive, versions, temporary, readRows }
}

const durable = { status: 'durable', detail: '' }
const same = { status: 'same', detail: '' }

describe('store', () => {
  test('a file is stored with its time and private to the receiver; a repeat only updates its metadata', async () => {
    const { root, receive, versions, temporary, readRows } = await open()
    const mtimeNs = 1_600_000_000_123_456_789n
    expect(await receive('a/b/c', 'text', { mtimeNs, mode: 0o4755, user: 1, group: 2 })).toMatchObject(
      durable,
    )
    const stats = fs.statSync(path.join(root, 'pc/data/a/b/c'), { bigint: true })
    expect([stats.mtimeNs, stats.mode & 0o7777n]).toEqual([mtimeNs, 0o600n])
    expect(fs.statSync(path.join(root, 'pc/data/a')).mode & 0o7777).toBe(0o700)
    expect(readRows('a/b/c')).toMatchObject([{ facts: { mtimeNs, mode: 0o4755, user: 1, group: 2 } }])
    expect(await receive('a/b/c', 'text', { mtimeNs: -1n, mode: 0o000 })).toMatchObject(same)
    expect(readRows('a/b/c')).toMatchObject([{ facts: { mtimeNs: -1n, mode: 0 } }])
    expect([versions(), temporary()]).toEqual([{}, {}])
  })

  test('every replaced content is kept as a version, even when many arrive at once for one path', async () => {
    const { receive, stored, versions, readRows } = await open()
    const texts = Array.from({ length: 20 }, (_, index) => `content ${index}`)
    const outcomes = await Promise.all(texts.map((text) => receive('x', text)))
    expect(outcomes.every(({ status }) => status === 'durable')).toBe(true)
    const kept = new Set([...Object.values(versions()), ...Object.values(stored())])
    expect(kept.size).toBe(20)
    expect(Object.keys(stored())).toEqual(['x'])
    const known = readRows('x').map(({ digest }) => digest.toString('hex'))
    expect(new Set(known)).toEqual(
      new Set(texts.map((text) => computeDigest(Buffer.from(text)).toString('hex'))),
    )
  })

  test('a file in the place of a new directory, and the reverse, moves to the versions', async () => {
    const { receive, stored, versions, readRows } = await open()
    await receive('a', 'file')
    expect(await receive('a/b', 'below')).toMatchObject(durable)
    expect(Object.keys(stored())).toEqual(['a/b'])
    expect(await receive('a', 'file again')).toMatchObject(durable)
    expect(Object.keys(stored())).toEqual(['a'])
    const [ofFile, current] = readRows('a')
    const [ofBelow] = readRows('a/b')
    expect([ofFile?.depth, current?.version, ofBelow?.depth]).toEqual([1, '', 1])
    expect(Object.keys(versions()).sort()).toEqual([`a/${ofFile?.version}`, `a/${ofBelow?.version}/b`].sort())
  })

  test('a large file is stored from pieces; a wrong digest, a wrong length or an abort leaves no files', async () => {
    const { store, source, stored, kept, temporary } = await open()
    const bytes = Buffer.from('abcdefgh')
    const send = async (name: string, size: number, digest: Buffer) => {
      const file = begin(store, source, name, size)
      void file.write(bytes.subarray(0, 3))
      await file.write(bytes.subarray(3))
      return file.finish(digest)
    }
    expect(await send('good', 8, computeDigest(bytes))).toMatchObject(durable)
    expect((await send('flipped', 8, computeDigest(Buffer.from('other')))).status).toBe('digest')
    expect((await send('short', 9, computeDigest(bytes))).status).toBe('digest')
    expect((await send('long', 7, computeDigest(bytes))).status).toBe('digest')
    expect((await send('../up', 8, computeDigest(bytes))).status).toBe('name')
    const half = begin(store, source, 'half', 8)
    await half.write(bytes)
    await half.abort(true)
    expect((await send('huge', 2 ** 50, computeDigest(bytes))).status).toBe('full')
    expect(Object.keys(stored())).toEqual(['good'])
    expect([kept(), temporary()]).toEqual([[], {}])
  })

  test('a large file sent over two connections at once is stored once and leaves no temporary files', async () => {
    const { store, source, stored, kept, versions, temporary } = await open()
    const bytes = Buffer.alloc(3_000_000, 5)
    const first = begin(store, source, 'a', bytes.length, '1')
    await first.write(bytes.subarray(0, 1_000_000))
    expect(await sendLarge({ store, source }, 'a', bytes)).toEqual({ offset: 0, status: 'durable' })
    await first.write(bytes.subarray(1_000_000))
    expect(await first.finish(computeDigest(bytes))).toMatchObject(same)
    expect(Object.keys(stored())).toEqual(['a'])
    expect([kept(), versions(), temporary()]).toEqual([[], {}, {}])
  })

  test('a directory that was removed from outside is created again', async () => {
    const { root, receive, stored } = await open()
    await receive('a/one', '1')
    fs.rmSync(path.join(root, 'pc'), { recursive: true })
    expect(await receive('a/two', '2')).toMatchObject(durable)
    expect(Object.keys(stored())).toEqual(['a/two'])
  })

  test('the last session and position of a sender survive a restart', async () => {
    const { root, store, receive } = await open()
    const before = await store.known('pc')
    expect(before).toMatchObject({ position: 0, session: null })
    await receive('a/b', 'text', {}, 's1')
    const after = await store.known('pc')
    expect(after).toMatchObject({ epoch: before?.epoch, session: 's1' })
    expect(after?.position).toBeGreaterThan(0)
    // A question changes nothing.
    expect(await store.known('nobody')).toMatchObject({ position: 0, session: null })
    // The file, and the directory that it is in.
    expect(store.usage('pc')).toMatchObject({ files: 1, bytes: 4, names: 2 })
    await store.close()
    const next = await openAt(root)
    expect(await next.store.known('pc')).toEqual(after)
    expect(next.source.id).toBe(1)
  })

  test.each([
    ['ENOSPC', 'full'],
    ['EDQUOT', 'full'],
    ['EROFS', 'readOnly'],
    ['ENAMETOOLONG', 'name'],
    ['EIO', 'failed'],
    ['EACCES', 'failed'],
  ])('the system error %s is reported as %s', (code, status) => {
    expect(toStoreResult(Object.assign(new Error('x'), { code })).status).toBe(status)
  })
})
