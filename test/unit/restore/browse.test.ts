// What a person sees who looks for a file at a destination.

import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Library } from '../../../core/backends/library.ts'
import { listEntries, listVersions, searchFiles, viewContent } from '../../../core/restore/browse.ts'
import type { StoredContent } from '../../../core/store/query/query.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const MODIFIED_MS = 1_700_000_000_000

/** A stored file; its content is its path. */
const stored = (file: string, more: Partial<StoredContent> = {}, size = file.length): StoredContent => ({
  ...{ folder: 'data', path: file, version: '', storedAt: MODIFIED_MS, digest: null },
  facts: { size, mtimeNs: BigInt(MODIFIED_MS) * 1_000_000n, mode: 0o644, user: 0, group: 0, more: null },
  ...more,
})

/** A destination that lists two contents at a time. */
function openLibrary(contents: readonly StoredContent[]) {
  const library: Library = {
    place: null,
    folders: async () => [
      { name: 'data', source: 's' },
      { name: 'other', source: 'o' },
    ],
    entries: async () => ({
      entries: contents.map(({ path: name, facts }) => ({
        ...{ name, kind: name.startsWith('directory') ? 'directory' : 'file' },
        ...{ size: facts.size, mtimeMs: Number(facts.mtimeNs) / 1e6 },
      })),
      next: null,
    }),
    async contents({ folder, path: below, version, text, after }) {
      const all = contents.filter(
        (one) =>
          (folder === null || one.folder === folder) &&
          (below === null || one.path === below || one.path.startsWith(`${below}/`)) &&
          (version === null || one.version === version) &&
          (text === null || one.path.includes(text)),
      )
      const from = Number(after)
      const next = from + 2 < all.length ? String(from + 2) : null
      return { contents: all.slice(from, from + 2), directories: [], strange: 0, next }
    },
    open: async ({ path: file, facts }) => ({
      ...{ facts, digest: null },
      pieces: () => [Buffer.from(file)],
    }),
    close: () => undefined,
  }
  return library
}

/** A source here, with these files. */
function makeSource(files: readonly string[]) {
  const root = temporaryDirectory('browse')
  for (const name of files) {
    writeFileSync(path.join(root, name), name)
    utimesSync(path.join(root, name), MODIFIED_MS / 1_000, MODIFIED_MS / 1_000)
  }
  return root
}

const { signal } = new AbortController()

test('list of a destination: each entry is compared with its place here', async () => {
  const root = makeSource(['same', 'seconds', 'later', 'longer', 'directory-file'])
  mkdirSync(path.join(root, 'directory-same'))
  mkdirSync(path.join(root, 'file-directory'))
  utimesSync(path.join(root, 'seconds'), MODIFIED_MS / 1_000 + 1.9, MODIFIED_MS / 1_000 + 1.9)
  utimesSync(path.join(root, 'later'), MODIFIED_MS / 1_000 - 2, MODIFIED_MS / 1_000 - 2)
  const names = ['same', 'seconds', 'later', 'gone', 'directory-same', 'directory-file', 'file-directory']
  const library = openLibrary([...names.map((name) => stored(name)), stored('longer', {}, 7), stored('..')])
  const list = async (asked: object) => {
    const all = { folder: 'data', directory: '', at: null, sources: { s: root }, ...asked }
    const { entries } = await listEntries(library, all as never)
    return Object.fromEntries(entries.map(({ name, local }) => [name, local]))
  }
  expect(await list({})).toEqual({
    ...{
      same: 'same',
      seconds: 'same',
      later: 'changed',
      longer: 'changed',
      gone: 'missing',
      '..': 'unknown',
    },
    ...{ 'directory-same': 'same', 'directory-file': 'changed', 'file-directory': 'changed' },
  })
  for (const asked of [{ sources: {} }, { folder: 'other' }, { sources: { other: root } }])
    expect(new Set(Object.values(await list(asked)))).toEqual(new Set(['unknown']))
})

test('list of a destination at a time: files and directories of one directory, each once', async () => {
  const names = ['d/a', 'd/below/b', 'd/below/deeper/c', 'd/other/d', 'e']
  const library = openLibrary(names.map((name) => stored(name)))
  const list = async (directory: string) => {
    const asked = { folder: 'data', directory, at: MODIFIED_MS, sources: {} }
    const { entries, isPart } = await listEntries(library, asked as never)
    expect(isPart).toBe(false)
    return entries.map(({ kind, name, size }) => `${kind} ${name} ${size}`)
  }
  expect(await list('')).toEqual(['directory d 0', 'file e 1'])
  expect(await list('d')).toEqual(['file a 3', 'directory below 0', 'directory other 0'])
})

test('search at a destination: files by a part of their path, or those that are missing here, up to a number', async () => {
  const root = makeSource(['aa', 'ab'])
  const library = openLibrary(['aa', 'ab', 'ac', 'b', 'd/a'].map((name) => stored(name)))
  const search = async (asked: object) => {
    const all = { folder: 'data', directory: '', text: '', at: null, missingOnly: false, most: 10 }
    const found = await searchFiles(library, { ...all, sources: { s: root }, ...asked } as never)
    return [found.files.map((one) => one.path), found.isPart]
  }
  expect(await search({})).toEqual([['aa', 'ab', 'ac', 'b', 'd/a'], false])
  expect(await search({ text: 'a' })).toEqual([['aa', 'ab', 'ac', 'd/a'], false])
  expect(await search({ missingOnly: true })).toEqual([['ac', 'b', 'd/a'], false])
  expect(await search({ directory: 'd' })).toEqual([['d/a'], false])
  expect(await search({ most: 3 })).toEqual([['aa', 'ab', 'ac'], true])
  expect(await search({ most: 4 })).toEqual([['aa', 'ab', 'ac', 'b'], true])
  expect(await search({ most: 5 })).toEqual([['aa', 'ab', 'ac', 'b', 'd/a'], false])
})

test('versions at a destination: those of the file alone, the present one first, then the newest', async () => {
  const version = (name: string, storedAt: number, file = 'a') =>
    stored(file, { version: name, storedAt }, storedAt)
  const library = openLibrary([
    version('v1', 1),
    version('v3', 3),
    version('', 2),
    version('v2', 2),
    version('v4', 4, 'a/b'),
  ])
  const { versions } = await listVersions(library, { folder: 'data', path: 'a' } as never)
  expect(versions.map((one) => [one.version, one.size])).toEqual([
    ['', 2],
    ['v3', 3],
    ['v2', 2],
    ['v1', 1],
  ])
})

test('view of a file at a destination: it is read-only, and one that is too large or missing is refused', async () => {
  vi.stubEnv('TMPDIR', temporaryDirectory('views'))
  onTestFinished(() => void vi.unstubAllEnvs())
  const MIB = 1024 * 1024
  const library = openLibrary([stored('a'), stored('large', {}, 100 * MIB + 1)])
  const view = (file: string) =>
    viewContent(library, { folder: 'data', path: file, version: null } as never, signal)
  const seen = await view('a')
  expect([readFileSync(seen.path, 'utf8'), statSync(seen.path).mode & 0o777]).toEqual(['a', 0o400])
  await expect(view('large')).rejects.toMatchObject({ sentence: { key: 'restore.tooLargeToView' } })
  await expect(view('none')).rejects.toMatchObject({ sentence: { key: 'store.restoreNothing' } })
})

test('view of a file at a destination: earlier views are removed after a day, and nothing else', async () => {
  const temporary = temporaryDirectory('views')
  vi.stubEnv('TMPDIR', temporary)
  onTestFinished(() => void vi.unstubAllEnvs())
  const at = (name: string) => path.join(temporary, name)
  for (const name of ['holdfast-view-old', 'holdfast-view-young', 'other']) mkdirSync(at(name))
  for (const name of ['holdfast-view-old/file', 'holdfast-view-file']) writeFileSync(at(name), '')
  const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000)
  for (const name of ['holdfast-view-old', 'holdfast-view-file', 'other'])
    utimesSync(at(name), 0, hoursAgo(25))
  utimesSync(at('holdfast-view-young'), 0, hoursAgo(23))
  const { path: seen } = await viewContent(
    openLibrary([stored('a')]),
    { folder: 'data', path: 'a', version: null } as never,
    signal,
  )
  const view = path.relative(temporary, seen).split('/')[0] ?? ''
  expect(readdirSync(temporary).sort()).toEqual(
    ['holdfast-view-file', 'holdfast-view-young', 'other', view].sort(),
  )
})
