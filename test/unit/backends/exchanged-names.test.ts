// Servers that have no file under a name for a moment while they replace it, as Apache's mod_dav.
import { expect, test } from 'vitest'
import { ObjectLibrary } from '../../../core/backends/objects/object-library.ts'
import type { ObjectInfo, ObjectStore } from '../../../core/backends/objects/object-store.ts'
import { createLister, type ListedEntry } from '../../../core/backends/objects/tree-listing.ts'
import { readPages } from '../../../core/restore/choose.ts'

const { signal } = new AbortController()
const VERSION = '20261120T065300.123Z-1-0'
const FILES = 1_100

/** A store with this many files in a directory, each with an older version, in pages of 1,000. */
function openStore() {
  const names = Array.from({ length: FILES }, (_, index) => `pc/data/d/${String(index).padStart(5, '0')}`)
  const objects = new Map<string, ObjectInfo>()
  const add = (name: string, size: number) =>
    objects.set(name, { name, size, mtimeNs: 1n, mode: 0o644, digest: null, storedAt: 1, version: null })
  for (const name of names) {
    add(name, 2)
    add(`pc/.holdfast/versions/${name.slice('pc/'.length)}/${VERSION}`, 1)
  }
  let asked = 0
  /** Names that are exchanged, and called with each directory before it is listed. */
  const state = { absent: new Set<string>(), beforeListing: (_directory: string): void => undefined }
  const isThere = (name: string) => objects.has(name) && !state.absent.has(name)
  const store: Pick<ObjectStore, 'can' | 'list' | 'info' | 'versions'> = {
    can: { parallel: 4, durable: false, dates: true, vanish: true },
    list: createLister(async (directory) => {
      state.beforeListing(directory)
      const entries = new Set<string>()
      for (const name of objects.keys())
        if (name.startsWith(directory) && isThere(name))
          entries.add(name.slice(0, name.indexOf('/', directory.length) + 1 || name.length))
      return [...entries].map((name): ListedEntry => objects.get(name) ?? name)
    }),
    info: async (name) => {
      asked += 1
      return isThere(name) ? (objects.get(name) ?? null) : null
    },
    versions: async () => [],
  }
  const library = new ObjectLibrary(store as ObjectStore, 'nas', 'pc', signal)
  return { library, names, state, asked: () => asked }
}

const question = { folder: 'data', path: null, version: null, at: null, text: null, isList: false }

async function listAll(library: ObjectLibrary) {
  const found: [path: string, version: string][] = []
  for await (const { contents } of readPages(library, question))
    found.push(...contents.map(({ path, version }) => [path, version] as [string, string]))
  return found
}

const count = (found: [path: string, version: string][]) => new Set(found.map(([path]) => path)).size

test('listing: a name that its server exchanges as it is listed is listed with its content, once', async () => {
  const { library, names, state } = openStore()
  const [exchanged = ''] = names.slice(1_034)
  state.beforeListing = (directory) => {
    if (directory === 'pc/data/d/') state.absent.add(exchanged)
    else state.absent.clear()
  }
  const found = await listAll(library)
  expect([found.length, count(found)]).toEqual([FILES, FILES])
  expect(found.filter(([path]) => `pc/data/${path}` === exchanged)).toEqual([['d/01034', '']])
  expect((await library.entries({ folder: 'data', directory: 'd', after: null })).entries.length).toBe(1_000)
})

test('listing: a name that its server exchanges after it was listed is not listed twice', async () => {
  const { library, names, state, asked } = openStore()
  const [exchanged = ''] = names.slice(7)
  state.beforeListing = (directory) => {
    if (directory.includes('versions')) state.absent.add(exchanged)
  }
  const found = await listAll(library)
  expect([found.length, count(found)]).toEqual([FILES, FILES])
  // A name that was listed needs no further question.
  expect(asked()).toBe(0)
})

test('listing: two listings at the same time each have a name that one of them lacked', async () => {
  const { library, names, state } = openStore()
  const [exchanged = ''] = names
  let listings = 0
  state.beforeListing = (directory) => {
    state.absent.clear()
    if (directory !== 'pc/data/d/') return
    listings += 1
    if (listings === 2) state.absent.add(exchanged)
  }
  const all = await Promise.all([listAll(library), listAll(library)])
  expect(all.map(count)).toEqual([FILES, FILES])
  expect(all.map(({ length }) => length)).toEqual([FILES, FILES])
})

test('listing: questions for single versions meanwhile do not make it forget what it has shown', async () => {
  const { library, names, state } = openStore()
  const [exchanged = ''] = names.slice(1_034)
  state.beforeListing = (directory) => {
    if (directory === 'pc/data/d/') state.absent.add(exchanged)
    else state.absent.clear()
  }
  const first = await library.contents({ ...question, after: null })
  for (let count = 0; count < 20; count += 1)
    await library.contents({ ...question, path: 'd/00001', version: VERSION, after: null })
  const found = [...first.contents]
  for (let after = first.next; after !== null; ) {
    const page = await library.contents({ ...question, after })
    found.push(...page.contents)
    after = page.next
  }
  expect(new Set(found.map(({ path }) => path)).size).toBe(FILES)
  expect(found.filter(({ path }) => path === 'd/01034')).toMatchObject([{ version: '' }])
})
