import path from 'node:path'
import { expect, test } from 'vitest'
import { createSemaphore } from '../../../core/lib/async/semaphore.ts'
import { computeDigest, offeredAs } from '../../support/store/file-facts.ts'
import { openRestoring } from '../../support/store/restoring.ts'
import { until } from '../../support/until.ts'

const YEARS_MS = 3 * 365 * 86_400_000

/** A time after all that was done, and before all that is done next. */
async function moment(): Promise<number> {
  const at = Date.now() + 3
  await until('a moment later', () => Date.now() > at + 3)
  return at
}

async function setUp() {
  const world = await openRestoring()
  let tries = 0
  /** What comes back, by name. */
  const restoreAt = async (at: number | null, oldNames = false) => {
    tries += 1
    const to = path.join(world.base, `to-${tries}`)
    const { summary } = await world.restore(to, { sender: 'pc', source: 'data', at, oldNames })
    expect(summary.failed).toBe(0)
    return world.textsIn(to)
  }
  return { ...world, restoreAt }
}

test('restore at a time: the contents of that time are restored; a time before the first file is an error', async () => {
  const { put, restoreAt } = await setUp()
  const before = await moment()
  await put('file', 'one')
  const afterOne = await moment()
  await put('file', 'two')
  await put('later', 'x')
  // The same again is no new content.
  const afterTwo = await moment()
  await put('file', 'two')
  expect(await restoreAt(afterOne)).toEqual({ file: 'one' })
  expect(await restoreAt(afterTwo)).toEqual({ file: 'two', later: 'x' })
  expect(await restoreAt(null)).toEqual({ file: 'two', later: 'x' })
  await expect(restoreAt(before)).rejects.toMatchObject({ sentence: { key: 'store.restoreNothingThen' } })
})

test('restore at a time: a clock that was ahead for a while does not affect the time after it', async () => {
  const { store, put, restoreAt, inManifest } = await setUp()
  await put('file', 'one')
  const afterOne = await moment()
  await put('file', 'two')
  // As it would be, had the clock been years ahead when "two" came.
  const ahead = Date.now() + YEARS_MS
  inManifest(`UPDATE file SET stored_at = ${ahead} WHERE version = ''`)
  inManifest(`UPDATE file SET replaced_at = ${ahead} WHERE version <> ''`)
  // When "two" came nobody knows, but it is there now.
  expect(await restoreAt(afterOne)).toEqual({ file: 'one' })
  expect(await restoreAt(Date.now() + 60_000)).toEqual({ file: 'two' })
  await put('file', 'three')
  const afterThree = await moment()
  await put('file', 'four')
  const afterFour = await moment()
  await store.close()
  expect(await restoreAt(afterOne)).toEqual({ file: 'one' })
  expect(await restoreAt(afterThree)).toEqual({ file: 'three' })
  expect(await restoreAt(afterFour)).toEqual({ file: 'four' })
  expect(await restoreAt(Date.now() + 10 * YEARS_MS)).toEqual({ file: 'four' })
})

test('restore at a time: a path that was a file and a directory in turn is restored as it was then', async () => {
  const { put, restoreAt } = await setUp()
  await put('a', 'file')
  const asFile = await moment()
  await put('a/b', 'below')
  const asDirectory = await moment()
  expect(await restoreAt(asFile)).toEqual({ a: 'file' })
  for (const at of [asDirectory, Date.now() + YEARS_MS, null])
    expect(await restoreAt(at)).toEqual({ 'a/b': 'below' })
  await put('a', 'file again')
  const asFileAgain = await moment()
  for (const at of [asFileAgain, Date.now() + YEARS_MS, null])
    expect(await restoreAt(at)).toEqual({ a: 'file again' })
})

test('restore at a time: a renamed file is restored under its newer name, or under both on request', async () => {
  const { source, store, put, restoreAt, list } = await setUp()
  await put('old', 'text')
  const asOld = await moment()
  const bytes = Buffer.from('text')
  const copy = { from: { source, path: 'old' }, digest: computeDigest(bytes), isMoved: true }
  const result = await store.copy(
    offeredAs(source, 'new', bytes.length),
    copy,
    new AbortController().signal,
    createSemaphore(1),
  )
  expect(result.status).toBe('durable')
  const asNew = await moment()
  const [one, both] = [{ new: 'text' }, { new: 'text', old: 'text' }]
  expect([await restoreAt(null), await restoreAt(null, true)]).toEqual([one, both])
  expect([await restoreAt(asNew), await restoreAt(asNew, true)]).toEqual([one, both])
  expect(await restoreAt(asOld)).toEqual({ old: 'text' })
  const { listed } = await list()
  expect(listed.map(({ path: name, renamedAt }) => [name, renamedAt !== null])).toEqual([
    ['new', false],
    ['old', true],
  ])
  // Another file of that name is no old one.
  await put('old', 'another')
  expect(await restoreAt(null)).toEqual({ new: 'text', old: 'another' })
})

test('restore of a version: an older version is listed, and restored under the name of its file', async () => {
  const { base, put, restore, list, textsIn } = await setUp()
  for (const text of ['one', 'two', 'three']) await put('a/file', text)
  const { listed } = await list({ sender: 'pc', source: 'data', path: 'a/file' })
  expect(listed.map(({ version, size }) => [version === null, size])).toEqual([
    [false, 3],
    [false, 3],
    [true, 5],
  ])
  const wanted = { sender: 'pc', source: 'data', path: 'a/file', version: listed[1]?.version ?? '' }
  await restore(path.join(base, 'to'), wanted)
  expect(textsIn(path.join(base, 'to'))).toEqual({ file: 'two' })
})
