import { expect, test } from 'vitest'
import { sourceSchema } from '../../../core/settings/schema.ts'
import { sourceName, uniqueName } from '../../../core/settings/source-name.ts'
import { folderName } from '../../../core/wire/names.ts'

test.each([
  ['of 255 characters', 'a'.repeat(255)],
  ['of characters of several bytes', '資'.repeat(85)],
  ['of characters that are two', '🎬'.repeat(63)],
  ['of characters that are put together', 'é'.repeat(120)],
])('names %s, several times, have folders of their own', (_what, directory) => {
  const taken: { name: string }[] = []
  for (let count = 0; count < 12; count += 1) {
    const name = uniqueName(sourceName(`/data/${directory}`), taken)
    expect(sourceSchema.shape.name.safeParse(name).success).toBe(true)
    expect(name.isWellFormed()).toBe(true)
    taken.push({ name })
  }
  expect(new Set(taken.map(({ name }) => folderName(name))).size).toBe(12)
})

test('a name that fits stays as it is', () => {
  expect(sourceName('/')).toBe('root')
  expect(sourceName('/data/資料')).toBe('資料')
  expect(uniqueName('photos', [{ name: 'Photos' }])).toBe('photos-2')
})
