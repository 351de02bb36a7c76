import { expect, test } from 'vitest'
import { folderName } from '../../../core/protocol/names.ts'
import { sourceName, uniqueName } from '../../../core/settings/changes.ts'
import { settingsSchema, sourceSchema } from '../../../core/settings/schema.ts'

test.each([
  ['of 255 characters', 'a'.repeat(255)],
  ['of multi-byte characters', '資'.repeat(85)],
  ['of surrogate pairs', '🎬'.repeat(63)],
  ['of accented characters', 'é'.repeat(120)],
])('source names: twelve sources with one name %s get different folders', (_what, directory) => {
  const taken: { name: string }[] = []
  for (let count = 0; count < 12; count += 1) {
    const name = uniqueName(sourceName(`/data/${directory}`), taken)
    expect(sourceSchema.shape.name.safeParse(name).success).toBe(true)
    expect(name.isWellFormed()).toBe(true)
    taken.push({ name })
  }
  expect(new Set(taken.map(({ name }) => folderName(name))).size).toBe(12)
})

test('source names: a valid directory name is kept, and a name taken in another case gets a number', () => {
  expect(sourceName('/')).toBe('root')
  expect(sourceName('/data/資料')).toBe('資料')
  expect(uniqueName('photos', [{ name: 'Photos' }])).toBe('photos-2')
})

test.each([
  ['a:b', 'a_b', 'the names "a:b" and "a_b" are one folder at the destination'],
  ['caf\u00e9', 'cafe\u0301', 'are one folder at the destination'],
  ['data', 'data.', 'the names "data" and "data." are one folder at the destination'],
  ['Photos', 'photos', 'the names "Photos" and "photos" are one folder at the destination'],
  ['photos', 'photos', 'the name "photos" is there twice'],
])('source names: %j and %j are refused together, as they share a folder', (first, second, said) => {
  const named = (...names: string[]) =>
    settingsSchema.safeParse({ sources: names.map((name, id) => ({ id: `${id}`, path: `/${id}`, name })) })
  expect(named(first, second).error?.issues).toEqual([
    expect.objectContaining({ message: expect.stringContaining(said) }),
  ])
  expect(named(first, uniqueName(second, [{ name: first }])).success).toBe(true)
})
