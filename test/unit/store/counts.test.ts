import { expect, onTestFinished, test } from 'vitest'
import { openStoreLibrary } from '../../../core/backends/folder/folder-library.ts'
import { MAX_COUNTED } from '../../../core/protocol/limits.ts'
import { openRestoring } from '../../support/store/restoring.ts'

const QUARTER_MS = 15 * 60_000

async function setUp() {
  const world = await openRestoring()
  const library = openStoreLibrary(world.layout, 'pc')
  onTestFinished(() => library.close())
  /** Returns all counts below a path, and the numbers of those of each page. */
  const count = async (path: string | null = null, folder: string | null = null) => {
    const all: [files: number, lastAt: number][] = []
    const pages: number[] = []
    for (let after: string | null = null; ; ) {
      const page: { counts: typeof all; next: string | null } | null | undefined = await library.counts?.({
        ...{ folder, path, after },
      })
      if (page == null) throw new Error('not counted')
      all.push(...page.counts)
      pages.push(page.counts.length)
      after = page.next
      if (after === null) return { all, pages }
    }
  }
  return { ...world, count }
}

test('counts of a store: contents are counted by the quarter of an hour, older versions included, in a directory or all', async () => {
  const { put, inManifest, count } = await setUp()
  for (const name of ['a/one', 'a/two', 'ab', 'b']) await put(name, name)
  await put('a/one', 'another')
  const at = 1_700_000_100_000 - (1_700_000_100_000 % QUARTER_MS)
  inManifest(`UPDATE file SET stored_at = ${at}; UPDATE file SET stored_at = ${at + QUARTER_MS - 1} WHERE key = 'ab';
    UPDATE file SET stored_at = ${at + QUARTER_MS} WHERE version <> ''`)
  expect((await count()).all).toEqual([
    [4, at + QUARTER_MS - 1],
    [1, at + QUARTER_MS],
  ])
  expect((await count('a', 'data')).all).toEqual([
    [2, at],
    [1, at + QUARTER_MS],
  ])
  expect((await count('ab', 'data')).all).toEqual([[1, at + QUARTER_MS - 1]])
  for (const [path, folder] of [
    ['c', 'data'],
    [null, 'other'],
    ['../data', 'data'],
  ] as const)
    expect((await count(path, folder)).all).toEqual([])
})

test('counts of a store: no page has more than the limit, also where a file has more versions, each of its own time', async () => {
  const { put, inManifest, count } = await setUp()
  await put('a', 'a')
  const copy = (name: string, version: string, most: number) =>
    inManifest(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${most})
      INSERT INTO file (source, key, version, size, mtime_s, mtime_ns, mode, uid, gid, digest, stored_at, position)
      SELECT source, ${name}, ${version}, size, mtime_s, mtime_ns, mode, uid, gid, digest, i * ${QUARTER_MS}, position
      FROM file, n WHERE key = 'a' AND version = ''`)
  copy("'b' || i", "''", MAX_COUNTED)
  copy("'c'", "'v' || i", MAX_COUNTED + 1)
  copy("'d' || i", "''", 5)
  inManifest("UPDATE file SET stored_at = 'odd' WHERE key = 'a'")
  const { all, pages } = await count()
  expect(all.reduce((sum, [files]) => sum + files, 0)).toBe(MAX_COUNTED + (MAX_COUNTED + 1) + 5)
  expect(Math.max(...pages)).toBeLessThanOrEqual(MAX_COUNTED)
  expect(pages).toHaveLength(3)
  expect(new Set(all.map(([, lastAt]) => lastAt)).size).toBe(MAX_COUNTED + 1)
})
