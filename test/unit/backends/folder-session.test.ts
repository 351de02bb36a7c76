import { readdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { testDestination } from '../../../core/backends/open.ts'
import type { FolderDestination } from '../../../core/settings/destination-schema.ts'
import { drive, source } from '../../support/destinations/drive.ts'
import { folderKind } from '../../support/destinations/folder-kind.ts'
import { buildFacts } from '../../support/store/file-facts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome, readTree } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

async function begin() {
  const home = await makeHome(temporaryDirectory('folder-home'))
  const place = await folderKind.open(home)
  const settings = place.settings() as FolderDestination
  const memory = { session: null }
  return { home, settings, memory, open: () => drive(home, settings, {}, { memory }) }
}

const large = Buffer.alloc(3_000_001, 'folder')

test('folder destination: small, large, and replaced files are there with their contents and versions', async () => {
  const { settings, memory, open } = await begin()
  const first = open()
  for (const [name, bytes] of [
    ['a/small', Buffer.from('one')],
    ['empty', Buffer.alloc(0)],
    ['large', large],
    ['a/small', Buffer.from('other')],
  ] as const)
    expect(await first.send(name, bytes), name).toMatchObject({ kind: 'stored' })
  const at = (name: string) => readFileSync(path.join(settings.path, 'station-3/data', name))
  expect([String(at('a/small')), at('empty').length, at('large').equals(large)]).toEqual(['other', 0, true])
  const versions = readTree(path.join(settings.path, '.holdfast/versions'))
  expect(Object.values(versions)).toHaveLength(1)
  const session = await first.session()
  expect(await session.space?.()).toMatchObject({ free: expect.any(Number), total: expect.any(Number) })
  first.stop()
  // The same computer agrees with the folder about the last session.
  expect(memory.session).not.toBeNull()
  const second = open()
  expect(await second.send('later', Buffer.from('later'))).toMatchObject({ kind: 'stored' })
  expect([second.notices, second.problem]).toEqual([[], null])
})

test('folder destination: a folder that loses its own directory is unreachable until it is back', async () => {
  const { settings, open } = await begin()
  rmSync(path.join(settings.path, '.holdfast'), { recursive: true })
  const driver = open()
  await until('the problem is told', () => driver.problem)
  expect(driver.problem?.key).toMatch(/otMounted|folderFailed/)
  expect(driver.state).toBe('unreachable')
  expect(readdirSync(settings.path)).toEqual([])
})

test('folder destination: a large file that is cut off goes on where it was', async () => {
  const { open } = await begin()
  const driver = open()
  const session = await driver.session()
  const facts = buildFacts(large.length)
  const upload = await session.begin({ source, path: 'large', facts }, [], 'identity')
  expect(await upload?.chunk(Buffer.from(large.subarray(0, 1_000_000)))).toBe(true)
  await upload?.abort(true)
  expect(await driver.send('large', large, {}, 'identity')).toMatchObject({ kind: 'stored' })
  expect(driver.skipped).toBeGreaterThan(0)
})

test('folder connection test: a working folder passes and stays clean; a missing one and a file fail with the reason', async () => {
  const { home, settings } = await begin()
  const run = (at: string, stage: 'given' | 'kept' | 'adding') =>
    testDestination(
      { ...settings, path: at },
      { identity: home.identity, name: 'pc', secrets: {}, signal: new AbortController().signal, stage },
    )
  for (const stage of ['given', 'kept', 'adding'] as const)
    expect(await run(settings.path, stage), stage).toMatchObject({ works: true })
  expect(readdirSync(settings.path)).toEqual(['.holdfast'])
  const bare = temporaryDirectory('bare')
  expect(await run(bare, 'kept')).toMatchObject({ works: false })
  expect(readdirSync(bare)).toEqual([])
  expect(await run(path.join(bare, 'missing'), 'given')).toMatchObject({
    works: false,
    sentence: { params: { reason: 'ENOENT' } },
  })
  expect(await run(import.meta.filename, 'given')).toMatchObject({
    works: false,
    sentence: { key: 'refuse.notDirectory' },
  })
})
