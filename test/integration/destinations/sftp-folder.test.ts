import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import type { SessionMemory, TransferResult } from '../../../core/ledger/ledger.ts'
import { computeDigest } from '../../../core/platform/digest.ts'
import { drive, source } from '../../support/destinations/drive.ts'
import { beginSftp as begin, sftpKind, trySftp as tried } from '../../support/destinations/sftp-kind.ts'
import { buildFacts } from '../../support/store/file-facts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome, readTree } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

// A folder at an SFTP server: whose it is, and what becomes of it where its disk goes.

beforeAll(() => sftpKind.start?.())
afterAll(() => sftpKind.stop?.())

/** Takes away the disk that a directory is on: what is there now is the empty mount point. Returns what brings it back. */
function unmount(directory: string): () => void {
  renameSync(directory, `${directory}-disk`)
  mkdirSync(directory)
  return () => {
    expect(readdirSync(directory)).toEqual([])
    rmSync(directory, { recursive: true })
    renameSync(`${directory}-disk`, directory)
  }
}

const vanished = { key: 'transfer.objects.vanished', params: { folder: 'station', name: 'nas' } }

test.each([
  ['its directory', ''],
  ["this computer's folder", 'station'],
])(
  'SFTP destination with the disk of %s unmounted: no files are written underneath, and a remount resumes sending',
  async (_, at) => {
    const { home, place, settings } = await begin()
    const memory: { session: SessionMemory | null } = { session: null }
    const first = drive(home, settings, place.secrets, { memory, isPatient: true })
    await first.send('a', Buffer.from('a'))
    const point = path.join(settings.path, at)
    const remount = unmount(point)
    expect(await first.send('b', Buffer.from('b'))).toEqual({ kind: 'lost' })
    await until('it is told', () => first.problem?.key === vanished.key)
    first.stop()
    const second = drive(home, settings, place.secrets, { memory, isPatient: true })
    expect(await until('it is told', () => second.problem)).toMatchObject(vanished)
    remount()
    const epoch = memory.session?.epoch
    expect(await second.send('b', Buffer.from('b'))).toMatchObject({ kind: 'stored' })
    expect(await place.file('data', 'a')).toMatchObject({ bytes: Buffer.from('a') })
    expect(memory.session?.epoch).toBe(epoch)
  },
)

test("SFTP destination: a disk unmounted before a session's first file gets no files underneath", async () => {
  const { home, place, settings } = await begin()
  const point = path.join(settings.path, settings.folder)
  const first = drive(home, settings, place.secrets)
  await first.session()
  first.stop()
  const second = drive(home, settings, place.secrets)
  await second.session()
  const remount = unmount(point)
  expect(await second.send('b', Buffer.from('b'))).toEqual({ kind: 'lost' })
  remount()
})

test('SFTP destination: a directory removed at the server is created again by the next session', async () => {
  const { home, place, settings } = await begin()
  const driver = drive(home, settings, place.secrets, { isPatient: true })
  await driver.send('a/b/one', Buffer.from('one'))
  rmSync(path.join(settings.path, 'station/data/a'), { recursive: true })
  expect(await driver.send('a/b/two', Buffer.from('two'))).toEqual({ kind: 'lost' })
  expect(await driver.send('a/b/two', Buffer.from('two'))).toMatchObject({ kind: 'stored' })
})

test('SFTP destination: a removed folder is an error until the destination is added again', async () => {
  const { home, place, settings } = await begin()
  const memory: { session: SessionMemory | null } = { session: null }
  const first = drive(home, settings, place.secrets, { memory })
  await first.send('a', Buffer.from('a'))
  first.stop()
  rmSync(path.join(settings.path, 'station'), { recursive: true })
  const second = drive(home, settings, place.secrets, { memory })
  expect(await until('it is told', () => second.problem)).toMatchObject(vanished)
  expect(readdirSync(settings.path)).toEqual([])
  second.stop()
  const third = drive(home, settings, place.secrets)
  expect((await third.session()).asksFirst).toBe(false)
})

test('SFTP destination: a folder removed while nothing is sent is reported within a minute', async () => {
  const { home, place, settings } = await begin()
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const driver = drive(home, settings, place.secrets, { isPatient: true })
  await driver.send('one', Buffer.from('one'))
  rmSync(path.join(settings.path, settings.folder), { recursive: true })
  await vi.advanceTimersByTimeAsync(60_000)
  await until('it is told', () => driver.problem?.key === vanished.key)
  expect(readdirSync(settings.path)).toEqual([])
})

test("SFTP destination: a folder inside another computer's is rejected, also when tested, and nothing is written", async () => {
  const { home, place, settings } = await begin()
  const first = drive(home, settings, place.secrets)
  await first.send('a', Buffer.from('first'))
  const outer = path.join(settings.path, 'station')
  const before = readTree(settings.path)
  const other = await makeHome(temporaryDirectory('other'))
  for (const inside of [outer, path.join(outer, 'data')]) {
    const at = { ...settings, path: inside, folder: 'docs' }
    const refused = { key: 'transfer.objects.inside', params: { folder: 'docs', outer } }
    const second = drive(other, at, place.secrets, { name: 'station-4' })
    expect(await until('it is told', () => second.problem)).toMatchObject(refused)
    second.stop()
    expect((await tried(at)).answer).toMatchObject({ works: false, sentence: refused })
  }
  expect(readTree(settings.path)).toEqual(before)
})

test('SFTP destination: a damaged copy of a content that is stored again is no older version, the content of a server that was set back is one', async () => {
  const { home, place, settings } = await begin()
  const driver = drive(home, settings, place.secrets)
  const bytes = Buffer.from('now')
  const toNs = (seconds: number) => BigInt(seconds) * 1_000_000_000n
  await driver.send('damaged', bytes, { mtimeNs: toNs(1_700_000_000) })
  await driver.send('earlier', Buffer.from('old'), { mtimeNs: toNs(1_600_000_000) })
  await place.damage('data', 'damaged')
  const session = await driver.session()
  const again = ['damaged', 'earlier'].map((name) => {
    const facts = buildFacts(bytes.length, { mtimeNs: toNs(1_700_000_000) })
    return { source, path: name, facts, bytes, digest: computeDigest(bytes), storedAt: Date.now() }
  })
  const results: string[] = []
  const onResult = (_: number, { kind }: TransferResult) => void results.push(kind)
  await session.sendSmall(again, [], { onTurn: () => true, onUsed: () => undefined, onResult })
  expect(results).toEqual(['stored', 'stored'])
  const versions = (name: string) => {
    expect(readFileSync(path.join(settings.path, 'station/data', name))).toEqual(bytes)
    return readdirSync(path.join(settings.path, 'station/.holdfast/versions/data', name))
  }
  expect(versions('damaged')).toEqual([expect.stringMatching(/-\d+\.damaged$/)])
  expect(versions('earlier')).toEqual([expect.stringMatching(/-\d+$/)])
})
