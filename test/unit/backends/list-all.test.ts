import { expect, test } from 'vitest'
import { listAll, type ObjectPage } from '../../../core/backends/objects/object-store.ts'

const place = { at: 'cloud', prefix: 'pc/' }

/** Lists so many directories in each of the pages. */
const openListing = (pages: number, perPage: number) => async (after: string | null) => {
  const at = Number(after ?? 0)
  const directories = Array.from({ length: perPage }, (_, index) => `pc/${at}-${index}/`)
  const page: ObjectPage = { objects: [], directories, next: at + 1 < pages ? `${at + 1}` : null }
  return page
}

test('listing of a whole prefix: names on the last page are found behind pages without any', async () => {
  const listPage = openListing(30, 1)
  const pick = ({ directories }: ObjectPage) => directories.filter((name) => name === 'pc/29-0/')
  expect(await listAll(listPage, pick, place)).toEqual(['pc/29-0/'])
})

test('listing of a whole prefix: too many names, and pages without end, are an error that names the place', async () => {
  const error = { sentence: { key: 'restore.tooManyNames', params: { name: 'cloud', prefix: 'pc/' } } }
  await expect(listAll(openListing(20, 1000), (page) => page.directories, place)).rejects.toMatchObject(error)
  await expect(listAll(openListing(Infinity, 0), () => [], place)).rejects.toMatchObject(error)
})

test('listing of a whole prefix: a store without this listing has no names', async () => {
  expect(
    await listAll(
      async () => null,
      () => ['never'],
      place,
    ),
  ).toEqual([])
})
