import { expect, test } from 'vitest'
import { ObjectLibrary } from '../../../core/backends/objects/object-library.ts'
import type { ObjectInfo, ObjectPage, ObjectStore } from '../../../core/backends/objects/object-store.ts'

const AT = 1_000

/** Opens the library of a store whose objects have all been removed since AT; the store keeps them. */
function openRemoved(names: readonly string[]): ObjectLibrary {
  const objects = names.map((name): ObjectInfo => {
    const facts = { size: 1, mtimeNs: 0n, mode: 0o644, digest: null }
    return { ...facts, name: `pc/data/${name}`, storedAt: AT, version: 'v' }
  })
  const none: ObjectPage = { objects: [], directories: [], next: null }
  const store: Partial<ObjectStore> = {
    can: { parallel: 1, durable: true, dates: true, vanish: false },
    list: async () => none,
    info: async () => null,
    removed: async (prefix) => ({
      ...none,
      objects: objects.filter(({ name }) => name.startsWith(prefix)),
    }),
  }
  return new ObjectLibrary(store as ObjectStore, 'bucket', 'pc', new AbortController().signal)
}

test.each([
  ['a whole source', null, ['d', 'd/in', 'dir/a', 'other']],
  ['a directory and what has its name', 'd', ['d', 'd/in']],
  ['a file', 'other', ['other']],
])('object library: removed files of %s are listed as they were at a time', async (_, path, expected) => {
  const library = openRemoved(['d', 'd/in', 'dir/a', 'other'])
  const found: string[] = []
  for (let after: string | null = null; ; ) {
    const question = { folder: 'data', path, version: null, at: AT, text: null, after, isList: false }
    const { contents, next } = await library.contents(question)
    found.push(...contents.map((one) => one.path))
    if (next === null) break
    after = next
  }
  expect(found).toEqual(expected)
})
