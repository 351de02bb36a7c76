import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { LibrarySettings } from '../../../core/backends/backend-messages.ts'
import { deriveNameKey, hiddenPath, hiddenSource } from '../../../core/backends/encrypted/names.ts'
import type { Library } from '../../../core/backends/library.ts'
import { computersAt, getObjectKind, openLibrary } from '../../../core/backends/open.ts'
import { type Ledger, openLedger } from '../../../core/ledger/ledger.ts'
import { computeDigest } from '../../../core/platform/digest.ts'
import type { Choice, Placement } from '../../../core/restore/choose.ts'
import { restoreFrom } from '../../../core/restore/restore.ts'
import { verifyLibrary } from '../../../core/restore/verify.ts'
import type { Destination } from '../../../core/settings/destination-schema.ts'
import { newEncryptionKey } from '../../../core/settings/secrets.ts'
import { drive, source } from '../../support/destinations/drive.ts'
import { folderKind } from '../../support/destinations/folder-kind.ts'
import type { TestedKind } from '../../support/destinations/kind.ts'
import { s3Kind } from '../../support/destinations/s3-kind.ts'
import { sftpKind } from '../../support/destinations/sftp-kind.ts'
import { webdavKind } from '../../support/destinations/webdav-kind.ts'
import { startRelay } from '../../support/faults/relay.ts'
import { buildFacts } from '../../support/store/file-facts.ts'
import { file, open } from '../../support/store/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  DESTINATION,
  makeHome,
  offerAll,
  readTree,
  SOURCE,
  senderConfig,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const bucketKind = s3Kind('ceph')

beforeAll(() => Promise.all([sftpKind, bucketKind, webdavKind].map((kind) => kind.start?.())))
afterAll(() => Promise.all([sftpKind, webdavKind].map((kind) => kind.stop?.())))

const ALL: Choice = { folder: null, path: null, version: null, at: null }
const { signal } = new AbortController()
const MIB = 1024 * 1024
const MTIME = 1_600_000_000_000_000_000n

async function restore(
  from: LibrarySettings,
  to: string,
  changes: Partial<Choice> = {},
  placement: Placement = 'bare',
) {
  const library = await openLibrary(from, signal)
  const host = { event: async () => undefined, progress: () => undefined }
  const wanted = { choice: { ...ALL, ...changes }, destination: to, placement, conflict: 'leave' as const }
  return restoreFrom(library, [wanted], host, signal).finally(() => library.close())
}

/** A ledger by which these files were sent; each came at its own time. */
function createLedger(files: Record<string, Buffer>) {
  const { ledger } = open()
  const sizes = Object.entries(files).map(([name, { length }]) =>
    file(name, { source: source.id, size: length }),
  )
  ledger.offer('d', sizes)
  const places = Object.keys(files)
  for (const claim of ledger.take('d', source.id, 9, Date.now(), new Set()))
    ledger.markSent(
      [{ ...claim, mark: false, digest: computeDigest(files[claim.path] ?? Buffer.alloc(0)) }],
      1_000 + places.indexOf(claim.path),
    )
  return ledger
}

const verify = (library: Library, ledger: Ledger) =>
  verifyLibrary(
    { library, ledger, destination: 'd' },
    { found: async () => undefined, progress: () => undefined },
  )

type How = 'plain' | 'encrypted' | 'hidden'
type Encrypted = Exclude<Destination, { kind: 'receiver' }>

/** Three files at a destination, one of them with an older content. */
async function begin(kind: TestedKind, how: How) {
  const key = how === 'plain' ? null : await newEncryptionKey()
  const home = await makeHome(temporaryDirectory('restore-kind'))
  const place = await kind.open(home)
  const destination: Encrypted = {
    ...(place.settings() as Encrypted),
    recipient: key?.recipient ?? null,
    hideNames: how === 'hidden',
  }
  const driver = drive(home, destination, place.secrets)
  const files: Record<string, Buffer> = {
    'a/small': Buffer.from('newer'),
    large: Buffer.alloc(2_500_000, 'large '),
    nothing: Buffer.alloc(0),
  }
  await driver.send('a/small', Buffer.from('older'), { mtimeNs: MTIME - 5_000_000_000n })
  // Servers and this computer have one clock here.
  // HTTP tells the time of a file in whole seconds.
  const tick = kind === webdavKind ? 1_000 : 1
  const between = Date.now() + tick
  await until('a moment later', () => Date.now() > between + tick)
  for (const [name, bytes] of Object.entries(files))
    expect(await driver.send(name, bytes, { mtimeNs: MTIME, mode: 0o640 })).toMatchObject({ kind: 'stored' })
  driver.stop()
  const from: LibrarySettings = {
    ...{ destination, secrets: place.secrets, identityDirectory: home.identityDirectory, name: 'pc' },
    ...{ computer: null, key: key?.identity ?? null },
  }
  const nameKey = deriveNameKey(home.identity, key?.recipient ?? '')
  /** What a file is called there. */
  const there = (name: string): [folder: string, name: string] =>
    how === 'hidden'
      ? [hiddenSource(nameKey, source.name), `${hiddenPath(nameKey, name)}.age`]
      : [source.name, how === 'plain' ? name : `${name}.age`]
  return { home, place, from, files, there, between }
}

test.each<{ how: How; kind: TestedKind }>([
  { how: 'plain', kind: sftpKind },
  { how: 'hidden', kind: sftpKind },
  { how: 'plain', kind: bucketKind },
])('put back from $kind.name, $how: a deleted folder is not sent again', async ({ how, kind }) => {
  const home = await makeHome(temporaryDirectory('put-back'))
  const place = await kind.open(home)
  const relay = await startRelay(place.port ?? expect.fail())
  const key = how === 'plain' ? null : await newEncryptionKey()
  const destination: Encrypted = {
    ...(place.settings(relay.port) as Encrypted),
    ...{ id: DESTINATION, recipient: key?.recipient ?? null, hideNames: how === 'hidden' },
  }
  writeFile(home.source, 'gone/large', randomBytes(3 * MIB))
  for (let index = 0; index < 20; index += 1)
    writeFile(home.source, `gone/d/${index}`, randomBytes(20_000 + index))
  fs.chmodSync(path.join(home.source, 'gone/d/7'), 0o640)
  writeFile(home.source, 'stays', 'here')
  offerAll(home)
  const sender = startTestSender()
  const config = senderConfig(home, { port: 0, fingerprint: '' })
  // With so many versions an hour, the large file need not rest before it is sent again.
  sender.configure({ ...config, destination, secrets: place.secrets, versionsPerHour: 3_600 })
  await allSent(sender, 22)
  const contents = relay.sentBytes()
  expect(contents).toBeGreaterThan(3 * MIB)

  const readFacts = () =>
    Object.entries(readTree(home.source)).map(([name, content]) => {
      const { mtimeNs, mode } = fs.statSync(path.join(home.source, name), { bigint: true })
      return [name, content, kind.keepsNs(mtimeNs), mode]
    })
  const before = readFacts()
  const ledger = openLedger(home.ledgerPath)
  onTestFinished(() => ledger.close())
  const gone = Object.keys(readTree(path.join(home.source, 'gone'))).map((name) => `gone/${name}`)
  fs.rmSync(path.join(home.source, 'gone'), { recursive: true })
  expect(ledger.markGone(DESTINATION, SOURCE, gone, Date.now())).toBe(21)
  const from: LibrarySettings = {
    ...{ destination: { ...place.settings(), ...destination, port: place.port } as Encrypted },
    ...{ secrets: place.secrets, identityDirectory: home.identityDirectory, name: 'pc' },
    ...{ computer: null, key: key?.identity ?? null },
  }
  expect(await restore(from, home.source, { folder: 'data' }, 'inPlace')).toMatchObject({ restored: 21 })
  expect(readFacts()).toEqual(before)

  const between = relay.sentBytes()
  expect(offerAll(home)).toBe(21)
  sender.nudge()
  await until('all to be sent again', () => ledger.totals(DESTINATION)[SOURCE]?.sentFiles === 22)
  const again = relay.sentBytes() - between
  console.log(`${kind.name}, ${how}: ${contents} bytes for the contents, ${again} after they were put back`)
  expect(again).toBeLessThan(64 * 1024)
  expect(ledger.totals(DESTINATION)[SOURCE]).toMatchObject({ sentFiles: 22, deletedFiles: 0 })
})

test('restore from S3: --at before a later mode change finds the content', async () => {
  const { home, place, from, files } = await begin(bucketKind, 'plain')
  const at = Date.now()
  await until('a second later', () => Date.now() > at + 1_100)
  const driver = drive(home, place.settings(), place.secrets)
  const facts = buildFacts(5, { mtimeNs: MTIME, mode: 0o600 })
  const own = { source, path: 'a/small', isMoved: false, isTrusted: true }
  const session = await driver.session()
  const content = computeDigest(files['a/small'] ?? Buffer.of())
  expect(await session.copy({ source, path: 'a/small', facts }, [], content, own)).toMatchObject({
    kind: 'stored',
  })
  driver.stop()
  const to = path.join(home.directory, 'then')
  await restore(from, to, { at })
  const back = path.join(to, 'data/a/small')
  expect(fs.readFileSync(back, 'utf8')).toBe('newer')
  expect(fs.statSync(back).mode & 0o777).toBe(0o600)
})

test.each<{ how: How; kind: TestedKind }>([
  { how: 'plain', kind: sftpKind },
  { how: 'plain', kind: webdavKind },
  { how: 'hidden', kind: sftpKind },
])(
  'restore from $kind.name, $how: a name whose exchange was interrupted has its newest older version',
  async ({ how, kind }) => {
    const { home, place, from, there, between } = await begin(kind, how)
    // As a sender leaves it that is killed between the two steps.
    const reached = await getObjectKind(from.destination as Encrypted & { kind: 'sftp' | 'webdav' }).reach(
      'station',
      place.secrets,
      signal,
    )
    onTestFinished(() => reached.store.close())
    const [folder, name] = there('a/small')
    const version = `${new Date().toISOString().replace(/[-:]/g, '')}-0-7`
    await reached.store.setAside(
      `station/${folder}/${name}`,
      `station/.holdfast/versions/${folder}/${name}/${version}`,
      false,
    )
    expect(await place.file(folder, name)).toBeNull()

    const to = path.join(home.directory, 'back')
    expect(await restore(from, to)).toMatchObject({ restored: 3, failed: 0 })
    expect(fs.readFileSync(path.join(to, 'data/a/small'), 'utf8')).toBe('newer')
    for (const [index, wanted] of [{ path: 'a/small' }, { path: 'a' }, { path: null }].entries()) {
      const alone = path.join(home.directory, `alone ${index}`)
      expect(await restore(from, alone, { folder: 'data', ...wanted })).toMatchObject({ failed: 0 })
      const small = Object.keys(readTree(alone)).find((one) => one.endsWith('small')) ?? 'none'
      expect(fs.readFileSync(path.join(alone, small), 'utf8')).toBe('newer')
    }
    const then = path.join(home.directory, 'then')
    await restore(from, then, { at: between })
    expect(fs.readFileSync(path.join(then, 'data/a/small'), 'utf8')).toBe('older')
    const now = path.join(home.directory, 'now')
    await restore(from, now, { at: Date.now() })
    expect(fs.readFileSync(path.join(now, 'data/a/small'), 'utf8')).toBe('newer')

    const library = await openLibrary(from, signal)
    onTestFinished(() => library.close())
    const { entries } = await library.entries({ folder: 'data', directory: 'a', after: null })
    expect(entries).toMatchObject([{ name: 'small', kind: 'file', size: 5 }])
    const all = { folder: null, path: null, at: null, version: null, isList: false, after: null }
    const listed = async (text: string | null) => (await library.contents({ ...all, text })).contents
    expect((await listed(null)).map((one) => one.path).sort()).toEqual(['a/small', 'large', 'nothing'])
    expect((await listed('SMALL')).map((one) => [one.path, one.version])).toEqual([['a/small', version]])
    // The next content takes the name again.
    const driver = drive(home, from.destination, place.secrets)
    expect(
      await driver.send('a/small', Buffer.from('newest'), { mtimeNs: MTIME + 5_000_000_000n }),
    ).toMatchObject({ kind: 'stored' })
    expect((await listed('small')).map((one) => one.version)).toEqual([''])
  },
)

test.each<{ how: How; kind: TestedKind; computer: string }>([
  { how: 'plain', kind: sftpKind, computer: 'station' },
  { how: 'encrypted', kind: sftpKind, computer: 'station' },
  { how: 'hidden', kind: sftpKind, computer: 'station' },
  { how: 'plain', kind: bucketKind, computer: 'station' },
  { how: 'plain', kind: webdavKind, computer: 'station' },
  { how: 'hidden', kind: bucketKind, computer: 'station' },
  { how: 'encrypted', kind: folderKind, computer: 'station-3' },
  { how: 'hidden', kind: folderKind, computer: 'station-3' },
])('restore: reads $how files from $kind.name, and verify finds damage', async ({ how, kind, computer }) => {
  const { home, place, from, files, there, between } = await begin(kind, how)
  const to = path.join(home.directory, 'back')
  expect(await restore(from, to)).toMatchObject({ files: 3, restored: 3, failed: 0 })
  for (const [name, bytes] of Object.entries(files)) {
    const file = path.join(to, 'data', name)
    expect(fs.readFileSync(file).equals(bytes)).toBe(true)
    const { mtimeNs, mode } = fs.statSync(file, { bigint: true })
    expect([mtimeNs, mode & 0o777n]).toEqual([MTIME, 0o640n])
  }
  const alone = path.join(home.directory, 'alone')
  expect(await restore(from, alone, { folder: 'data', path: 'large' })).toMatchObject({
    restored: 1,
    failed: 0,
  })
  // A new computer, with a folder and a certificate of its own, takes over what the lost one has there.
  const { identityDirectory } = await makeHome(temporaryDirectory('anew'))
  const destination = { ...from.destination, ...(kind === folderKind ? {} : { folder: 'new-pc' }) }
  const anew: LibrarySettings = { ...from, destination, identityDirectory, computer }
  const takenOver = path.join(home.directory, 'taken over')
  expect(await restore(anew, takenOver)).toMatchObject({ restored: 3 })
  expect(readTree(takenOver)).toEqual(readTree(to))
  // It is told whose files are there, and a name that is not there is refused with those that are.
  const there3 = [
    {
      folder: computer,
      name: 'station-3',
      isOwn: false,
      isEncrypted: how !== 'plain',
      hidesNames: how === 'hidden',
    },
  ]
  expect(await computersAt(anew, signal)).toEqual(there3)
  expect(await computersAt(from, signal)).toEqual([{ ...there3[0], isOwn: true }])
  const nothing = restore({ ...anew, computer: null }, takenOver)
  await expect(nothing).rejects.toThrow(kind === folderKind ? 'has no folder' : 'nothing to restore there.')
  const refused = restore({ ...anew, computer: 'nobody' }, takenOver)
  await expect(refused).rejects.toThrow(`nobody. The computers there are: ${computer}.`)
  // Who sent them needs no key to look through them; another computer sees of hidden names nothing without it.
  const library = await openLibrary({ ...from, key: null }, signal)
  const stranger = await openLibrary({ ...anew, key: null }, signal)
  const seen = await stranger.folders()
  expect(seen.map(({ name }) => name)).toEqual([how === 'hidden' ? there('large')[0] : 'data'])
  stranger.close()
  expect(await library.folders()).toEqual([{ name: 'data', source: source.id }])
  const asked = {
    folder: 'data',
    path: 'a/small',
    at: null,
    version: null,
    text: null,
    isList: true,
    after: null,
  }
  const { contents } = await library.contents(asked)
  expect(contents.map(({ facts }) => facts.size)).toEqual([5, 5])
  const { entries, next } = await library.entries({ folder: 'data', directory: '', after: null })
  expect(next).toBeNull()
  expect(entries.map(({ name, kind }) => `${kind} ${name}`)).toEqual([
    'directory a',
    'file large',
    'file nothing',
  ])

  const search = { ...asked, path: null, folder: null, text: 'SMALL', isList: false }
  const all = await library.contents(search)
  expect(all.contents.map((one) => `${one.folder}/${one.path}`)).toEqual(['data/a/small'])
  const below = await library.contents({ ...search, folder: 'data', path: 'a', text: null })
  expect(below.contents.map((one) => one.path)).toEqual(['a/small'])
  library.close()

  // As it was before the newer content came; only SFTP does not know when a content came.
  const then = path.join(home.directory, 'then')
  await restore(from, then, { at: between })
  const undated = kind === sftpKind ? ['large', 'nothing'] : []
  expect(Object.keys(readTree(path.join(then, 'data'))).sort()).toEqual(['a/small', ...undated])
  expect(fs.readFileSync(path.join(then, 'data/a/small'), 'utf8')).toBe('older')
  const before = kind === sftpKind ? Number(MTIME / 1_000_000n) - 10_000 : between - 60_000
  await expect(restore(from, then, { at: before })).rejects.toThrow(
    /^(No files were stored by|At \S+ there was nothing at) /,
  )

  const opened = await openLibrary(from, signal)
  const ledger = createLedger(files)
  expect(await verify(opened, ledger)).toMatchObject({ files: 3, damaged: 0, missing: 0, unreadable: 0 })
  await place.damage(...there('large'))
  // Found each time until it is sent again.
  for (const _ of [1, 2]) expect(await verify(opened, ledger)).toMatchObject({ files: 3, wanted: 1 })
  expect(ledger.unsentPage('d', source.id, '', 9)).toMatchObject([{ path: 'large' }])
  opened.close()

  const version = contents.find((one) => one.version !== '')?.version ?? ''
  const old = path.join(home.directory, 'old')
  expect(await restore(from, old, { folder: 'data', path: 'a/small', version })).toMatchObject({
    restored: 1,
  })
  expect(fs.readFileSync(path.join(old, 'small'), 'utf8')).toBe('older')
})

test.each([
  { kind: sftpKind, own: 'station/.holdfast', computer: 'station' },
  { kind: folderKind, own: '.holdfast', computer: 'station-3' },
])('restore on another computer from $kind.name: fails if the name key is gone', async (given) => {
  const { home, from } = await begin(given.kind, 'hidden')
  const to = path.join(home.directory, 'back')
  const own = path.join((from.destination as { path: string }).path, given.own)
  for (const name of fs.readdirSync(own)) if (name.startsWith('names-')) fs.rmSync(path.join(own, name))
  const { identityDirectory } = await makeHome(temporaryDirectory('anew'))
  const other = { ...from, identityDirectory, computer: given.computer }
  await expect(restore(other, to)).rejects.toThrow('the key that shows them is missing there')
  expect(fs.existsSync(to)).toBe(false)
  expect(await restore(from, to)).toMatchObject({ restored: 3 })
})

test('encrypted file and directory of the same name: restore fails for one, and succeeds for the inner file alone', async () => {
  const { identity, recipient } = await newEncryptionKey()
  const home = await makeHome(temporaryDirectory('restore-kind'))
  const place = await folderKind.open(home)
  const destination = { ...(place.settings() as Encrypted), recipient }
  const driver = drive(home, destination, {})
  for (const name of ['a', 'a/b'])
    expect(await driver.send(name, Buffer.from(name))).toMatchObject({ kind: 'stored' })
  driver.stop()
  const from = { destination, secrets: {}, identityDirectory: home.identityDirectory, name: 'pc' }
  const to = path.join(home.directory, 'back')
  const summary = await restore({ ...from, computer: null, key: identity }, to)
  expect(summary).toMatchObject({ files: 2, restored: 1, failed: 1 })
  const alone = { ...from, computer: null, key: identity }
  expect(await restore(alone, `${to}-b`, { folder: 'data', path: 'a/b' })).toMatchObject({ restored: 1 })
})

test.each([folderKind, sftpKind, bucketKind])(
  'verify at $name: a file or directory that was replaced by the other is not reported as missing',
  { tags: 'story' },
  async (kind) => {
    const home = await makeHome(temporaryDirectory('restore-kind'))
    const place = await kind.open(home)
    const destination = place.settings() as Encrypted
    const driver = drive(home, destination, place.secrets)
    const files: Record<string, Buffer> = {}
    // An SFTP server's directory makes no room for a file.
    const turned = kind === sftpKind ? [] : ['tree/a/b', 'tree']
    for (const name of ['file', 'file/inner', ...turned, 'stays']) {
      files[name] = Buffer.from(name)
      expect(await driver.send(name, files[name])).toMatchObject({ kind: 'stored' })
    }
    driver.stop()
    const from = {
      destination,
      secrets: place.secrets,
      identityDirectory: home.identityDirectory,
      name: 'pc',
    }
    const library = await openLibrary({ ...from, computer: null, key: null }, signal)
    const ledger = createLedger(files)
    expect(await verify(library, ledger)).toMatchObject({ missing: 0, unreadable: 0, wanted: 0 })
    expect(ledger.unsentPage('d', source.id, '', 9)).toEqual([])
    library.close()
  },
)
