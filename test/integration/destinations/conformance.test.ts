// What every kind of destination has to do. A kind takes part by a row in the table: see test/support/destinations/kind.ts.
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Bucket } from '../../../core/backends/token-bucket.ts'
import { computeDigest, createHasher } from '../../../core/platform/digest.ts'
import { drive, source } from '../../support/destinations/drive.ts'
import { encryptedKind, hiddenKind } from '../../support/destinations/encrypted-kind.ts'
import { folderKind } from '../../support/destinations/folder-kind.ts'
import type { TestedKind } from '../../support/destinations/kind.ts'
import { receiverKind } from '../../support/destinations/receiver-kind.ts'
import { s3Kind } from '../../support/destinations/s3-kind.ts'
import { sftpKind } from '../../support/destinations/sftp-kind.ts'
import { webdavKind } from '../../support/destinations/webdav-kind.ts'
import { startRelay } from '../../support/faults/relay.ts'
import { chooseCases } from '../../support/long.ts'
import { buildFacts } from '../../support/store/file-facts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const ceph = s3Kind('ceph')
/** `npm run test:full` runs the first seven: each kind, and both ways of encryption once. */
const kinds: readonly TestedKind[] = chooseCases(
  [
    ...[
      receiverKind,
      folderKind,
      sftpKind,
      ceph,
      webdavKind,
      encryptedKind(sftpKind),
      hiddenKind(folderKind),
    ],
    ...[
      s3Kind('swift'),
      ...[folderKind, ceph].map(encryptedKind),
      ...[sftpKind, ceph, webdavKind].map(hiddenKind),
    ],
  ],
  7,
)

const KIB = 1024
const MIB = 1024 * KIB
const durable = { kind: 'stored' }

const oddNames = [
  ' leading and trailing ',
  'a/b c/d.txt',
  'caf\u00e9',
  'cafe\u0301',
  '測試/檔案',
  'line\nbreak',
  '%2F&?#"\\*',
  '-dash',
  '.hidden',
]

const computeProof = (nonce: Buffer, bytes: Buffer): Buffer => {
  const hasher = createHasher()
  hasher.update(nonce)
  hasher.update(bytes)
  return hasher.digest()
}

describe.each(kinds)('$name destination', (kind) => {
  beforeAll(() => kind.start?.())
  afterAll(() => kind.stop?.())

  /** A place and a sender of its own. */
  const begin = async (options?: { megabytes?: number }) => {
    const home = await makeHome(temporaryDirectory('conformance'))
    const place = await kind.open(home, options)
    const memory = { session: null }
    const open = (port?: number) => drive(home, place.settings(port), place.secrets, { memory })
    return { home, place, memory, open }
  }

  test('files with odd names and various sizes keep their contents, times and modes', {
    tags: 'story',
  }, async () => {
    const { place, open } = await begin()
    const driver = open()
    const mtimeNs = 1_700_000_000_123_456_789n
    const longest = 'x'.repeat(kind.longestName ?? 255)
    const files = [...oddNames, longest].map((name, index) => ({
      name,
      bytes: randomBytes(index * 100),
      mode: 0o604,
    }))
    files.push({ name: 'large', bytes: randomBytes(3 * MIB + 17), mode: 0o750 })
    const sent = files.map(({ name, bytes, mode }) => driver.send(name, bytes, { mtimeNs, mode }))
    for (const answer of await Promise.all(sent)) expect(answer).toMatchObject(durable)
    for (const { name, bytes, mode } of files) {
      const there = await place.file('data', name)
      expect({ name, there: there?.bytes.equals(bytes) }).toEqual({ name, there: true })
      expect(there).toMatchObject({ mtimeNs: kind.keepsNs(mtimeNs), mode: kind.keepsMode(mode) })
    }
    expect(await place.leftOvers()).toEqual([])
  })

  test('a name that leads out or is too long is rejected with its local path, and other files are stored', {
    tags: 'story',
  }, async () => {
    const { open } = await begin()
    const driver = open()
    const [outside, inside] = await Promise.all([
      driver.send('../outside', Buffer.from('x')),
      driver.send('inside', Buffer.from('x')),
    ])
    expect([outside.kind, inside.kind]).toEqual(['rejected', 'stored'])
    const long = `d/${'x'.repeat((kind.longestName ?? 255) + 1)}`
    expect(await driver.send(long, Buffer.from('x'))).toMatchObject({
      kind: 'rejected',
      reason: { params: { path: `${source.path}/${long}` } },
    })
  })

  test('a replaced content is kept as an older version, also when a directory replaces the file', {
    tags: 'story',
  }, async () => {
    const { place, open } = await begin()
    const driver = open()
    const contents = [randomBytes(100), randomBytes(2 * MIB), randomBytes(50)]
    for (const [index, bytes] of contents.entries()) {
      const mtimeNs = BigInt(1_700_000_000 + index) * 1_000_000_000n
      expect(await driver.send('a', bytes, { mtimeNs })).toMatchObject(durable)
    }
    expect((await place.file('data', 'a'))?.bytes).toEqual(contents[2])
    expect((await place.older('data', 'a')).map(computeDigest)).toEqual(
      contents.slice(0, 2).map(computeDigest),
    )
    // A directory of that name comes instead.
    expect(await driver.send('a/b', Buffer.from('below'))).toMatchObject(durable)
    expect((await place.file('data', 'a/b'))?.bytes.toString()).toBe('below')
    // Of an encrypted file the name is another one than the directory's: both are there.
    const moved = kind.isEncrypted === true ? contents.slice(0, 2) : contents
    expect((await place.older('data', 'a')).map(computeDigest)).toEqual(moved.map(computeDigest))
    expect(await place.leftOvers()).toEqual([])
  })

  // A folder has no line.
  if (kind.isLocal !== true)
    test('a replaced small file crosses the line once', async () => {
      const { place, open } = await begin()
      const relay = await startRelay(place.port ?? expect.fail())
      const driver = open(relay.port)
      const contents = [randomBytes(900 * KIB), randomBytes(900 * KIB), randomBytes(901 * KIB)]
      const [first, ...later] = contents
      expect(
        await driver.send('a', first ?? Buffer.of(), { mtimeNs: 1_700_000_000_000_000_000n }),
      ).toMatchObject(durable)
      for (const [index, bytes] of later.entries()) {
        const before = relay.sentBytes()
        const sent = driver.send('a', bytes, { mtimeNs: BigInt(1_700_000_001 + index) * 1_000_000_000n })
        expect(await sent).toMatchObject(durable)
        expect(relay.sentBytes() - before).toBeLessThan(1.2 * bytes.length)
      }
      expect((await place.file('data', 'a'))?.bytes).toEqual(contents.at(-1))
      expect((await place.older('data', 'a')).map(computeDigest)).toEqual(
        contents.slice(0, -1).map(computeDigest),
      )
    })

  // Who has no key cannot tell: encryption.test.ts.
  if (kind.isEncrypted !== true)
    test('stored files are recognized after the loss of the ledger and not sent again', {
      tags: 'story',
    }, async () => {
      const { home, place } = await begin()
      const relay = place.port === undefined ? null : await startRelay(place.port)
      const settings = place.settings(relay?.port)
      const files = [
        { path: 'small', bytes: randomBytes(200 * KIB) },
        { path: 'large', bytes: randomBytes(2 * MIB) },
      ]
      const first = drive(home, settings, place.secrets)
      expect((await first.session()).asksFirst).toBe(false)
      for (const { path, bytes } of files) expect(await first.send(path, bytes)).toMatchObject(durable)
      first.stop()
      const before = relay?.sentBytes() ?? 0
      const second = drive(home, settings, place.secrets)
      const session = await second.session()
      expect(session.asksFirst).toBe(true)
      for (const { path, bytes } of files) {
        const file = { source, path, facts: buildFacts(bytes.length) }
        const asked = await session.copy(file, [], computeDigest(bytes), {
          source,
          path,
          isMoved: false,
          isTrusted: false,
        })
        expect(asked).toMatchObject(durable)
        expect(await place.older('data', path)).toEqual([])
      }
      expect((relay?.sentBytes() ?? 0) - before).toBeLessThan(100 * KIB)
      // Of a content that it has not it says so.
      const other = { source, path: 'small', facts: buildFacts(200 * KIB) }
      const from = { source, path: 'small', isMoved: false, isTrusted: false }
      expect(await session.copy(other, [], computeDigest(Buffer.from('other')), from)).toBeNull()
    })

  // A receiver reads its own disk. A folder has no line.
  test('a change of mode or time alone is stored without a transfer of the content', async () => {
    const { home, place } = await begin()
    const relay = place.port === undefined ? null : await startRelay(place.port)
    const driver = drive(home, place.settings(relay?.port), place.secrets)
    const session = await driver.session()
    if (session.copies === 'none') return
    const files = [
      { path: 'key', bytes: randomBytes(300 * KIB) },
      { path: 'deep/large', bytes: randomBytes(20 * MIB) },
    ]
    const mtimeNs = 1_700_000_000_123_456_789n
    for (const { path, bytes } of files)
      expect(await driver.send(path, bytes, { mode: 0o644, mtimeNs })).toMatchObject(durable)
    const before = relay === null ? 0 : relay.sentBytes() + relay.receivedBytes()
    const touchedNs = mtimeNs + 86_400_000_000_000n
    for (const at of [mtimeNs, touchedNs])
      for (const { path, bytes } of files) {
        const file = { source, path, facts: buildFacts(bytes.length, { mode: 0o600, mtimeNs: at }) }
        const from = { source, path, isMoved: false, isTrusted: true, storedNs: mtimeNs }
        expect(await session.copy(file, [], computeDigest(bytes), from)).toMatchObject(durable)
        const there = await place.file('data', path)
        expect(there).toMatchObject({ mode: kind.keepsMode(0o600), mtimeNs: kind.keepsNs(at) })
        expect(there?.bytes.equals(bytes)).toBe(true)
        expect(await place.older('data', path)).toEqual([])
      }
    if (relay !== null) expect(relay.sentBytes() + relay.receivedBytes() - before).toBeLessThan(100 * KIB)
    // A file of another size or time, or a missing one, is another content.
    const of = (path: string, size: number, at: bigint) => ({
      ...{ source, path },
      facts: buildFacts(size, { mtimeNs: at }),
    })
    const ask = (file: ReturnType<typeof of>) =>
      session.copy(file, [], computeDigest(files[0]?.bytes ?? Buffer.of()), {
        ...{ source, path: file.path, isMoved: false, isTrusted: true },
      })
    expect(await ask(of('none', 300 * KIB, mtimeNs))).toBeNull()
    if (session.copies !== 'any') {
      expect(await ask(of('key', 300 * KIB + 1, touchedNs))).toBeNull()
      expect(await ask(of('key', 300 * KIB, touchedNs + 5_000_000_000n))).toBeNull()
    }
  })

  test('a proof of a stored file fails after damage to its stored content', { tags: 'story' }, async () => {
    const { place, open } = await begin()
    const driver = open()
    const bytes = randomBytes(300 * KIB)
    const answer = await driver.send('a', bytes)
    expect(answer).toMatchObject(durable)
    const seal = answer.kind === 'stored' ? answer.seal : undefined
    const session = await driver.session()
    const nonce = randomBytes(32)
    const good = await session.prove(source, 'a', bytes.length, nonce, seal)
    expect(good).toEqual(
      kind.isEncrypted ? { kind: 'sealed' } : { kind: 'digest', digest: computeProof(nonce, bytes) },
    )
    await place.damage('data', 'a')
    const bad = await session.prove(source, 'a', bytes.length, nonce, seal)
    expect(bad).not.toEqual(good)
    expect((await session.prove(source, 'none', 1, nonce, seal)).kind).toBe('absent')
  })

  // A folder's: folder.test.ts.
  if (kind.isLocal !== true)
    test('a large file is stored after its connection was cut, and no partial file is left', async () => {
      const { place, memory, home } = await begin()
      if (place.port === undefined) throw new Error('there is nothing to cut')
      const relay = await startRelay(place.port)
      const driver = drive(home, place.settings(relay.port), place.secrets, { memory })
      await driver.session()
      const bytes = randomBytes(12 * MIB)
      const cut = relay.arm('reset', 'sent', 9 * MIB)
      const first = await driver.send('large', bytes, {}, '7.1')
      await cut
      expect(first.kind).toBe(kind.asksAgain ? 'stored' : 'lost')
      if (!kind.asksAgain) {
        await until('the session is over', () => driver.state !== 'connected')
        expect(await place.file('data', 'large')).toBeNull()
        expect(await driver.send('large', bytes, {}, '7.1')).toMatchObject(durable)
        if (kind.resumes) expect(driver.skipped).toBeGreaterThan(2 * MIB)
      }
      expect((await place.file('data', 'large'))?.bytes.equals(bytes)).toBe(true)
      expect(await place.older('data', 'large')).toEqual([])
      await until('nothing is left', async () => (await place.leftOvers()).length === 0)
    })

  // A folder's: folder.test.ts.
  if (kind.isLocal !== true)
    test('small files are all stored after a cut connection and a second send, without older versions', async () => {
      const { place, memory, home } = await begin()
      if (place.port === undefined) throw new Error('there is nothing to cut')
      const relay = await startRelay(place.port)
      const driver = drive(home, place.settings(relay.port), place.secrets, { memory })
      await driver.session()
      const files = Array.from({ length: 60 }, (_, index) => ({
        path: `d${index % 3}/f${index}`,
        bytes: randomBytes(8 * KIB),
      }))
      void relay.arm('reset', 'sent', 250 * KIB)
      const answers = await Promise.all(files.map(({ path, bytes }) => driver.send(path, bytes)))
      expect(answers.some(({ kind: answer }) => answer === 'lost')).toBe(!kind.asksAgain)
      // What was said to be durable has to be there whatever follows.
      const said = files.filter((_, index) => answers[index]?.kind === 'stored')
      const kept = await Promise.all(said.map(({ path }) => place.file('data', path)))
      expect(kept.map((there) => there?.bytes)).toEqual(said.map(({ bytes }) => bytes))
      if (!kind.asksAgain) await until('the session is over', () => driver.state !== 'connected')
      // An encrypted one is another one each time.
      const unsaid = files.filter((file) => kind.isEncrypted !== true || !said.includes(file))
      const again = await Promise.all(unsaid.map(({ path, bytes }) => driver.send(path, bytes)))
      for (const answer of again) expect(answer).toMatchObject(durable)
      const there = await Promise.all(files.map(({ path }) => place.file('data', path)))
      expect(there.map((file) => file?.bytes)).toEqual(files.map(({ bytes }) => bytes))
      const once = kind.isEncrypted === true ? said : files
      const older = await Promise.all(once.map(({ path }) => place.older('data', path)))
      expect(older.flat()).toEqual([])
    })

  // A receiver tells its own person; a bucket has no size.
  if (kind.tellsSpace === true)
    test('the session reports free and total space', async () => {
      const { open } = await begin()
      const space = await (await open().session()).space?.()
      expect(space?.free).toBeGreaterThan(MIB)
      expect(space?.total).toBeGreaterThanOrEqual(space?.free ?? 0)
    })

  test('a large file whose session ends gets the result lost, without a reason', {
    tags: 'story',
  }, async () => {
    const { open } = await begin()
    const driver = open()
    const session = await driver.session()
    const upload = await session.begin({ source, path: 'large', facts: buildFacts(3 * MIB) }, [])
    expect(await upload?.chunk(Buffer.alloc(256 * KIB))).toBe(true)
    driver.stop()
    await until('it is over', () => session.closed)
    expect(await upload?.chunk(Buffer.alloc(256 * KIB))).toBe(false)
    expect(await upload?.abort(true)).toEqual({ kind: 'lost' })
  })

  test('the rate limit applies to small and large files', async () => {
    const { home, place } = await begin()
    const bucket = new Bucket()
    const driver = drive(home, place.settings(), place.secrets, { bucket })
    await driver.session()
    bucket.setRate(512 * KIB)
    const began = performance.now()
    const [small, large] = [randomBytes(200 * KIB), randomBytes(600 * KIB)]
    const answers = await Promise.all([driver.send('small', small), driver.send('large', large)])
    const seconds = (performance.now() - began) / 1000
    expect(answers).toMatchObject([durable, durable])
    expect(seconds).toBeGreaterThan(1.2)
  })

  test.runIf(kind.canBeFull)(
    'a full or read-only disk is reported as a retry, and a small file that fits is stored',
    async () => {
      const { place, open } = await begin({ megabytes: 6 })
      const driver = open()
      expect(await driver.send('first', randomBytes(2 * MIB))).toMatchObject(durable)
      const large = await driver.send('large', randomBytes(60 * MIB), {}, '7.1')
      expect(large).toMatchObject({ kind: 'retry', cause: 'destination' })
      expect(large).toMatchObject({ reason: { key: expect.stringMatching(/full/i) } })
      expect(await place.file('data', 'large')).toBeNull()
      await until('what did not fit is removed', async () => (await place.leftOvers()).length === 0)
      expect(await driver.send('small', randomBytes(10 * KIB))).toMatchObject(durable)
      if (place.makeReadOnly === undefined) return
      driver.stop()
      await place.makeReadOnly()
      const after = await open().send('other', randomBytes(10 * KIB))
      expect(after).toMatchObject({
        kind: 'retry',
        cause: 'destination',
        reason: { params: { name: 'nas' } },
      })
    },
  )
})
