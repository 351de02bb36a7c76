import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Library } from '../../../core/backends/library.ts'
import { ObjectLibrary } from '../../../core/backends/objects/object-library.ts'
import { restoreFrom } from '../../../core/restore/restore.ts'
import type { RestoreEvent } from '../../../core/restore/write/events.ts'
import { type LyingObject, lyingObjects } from '../../support/faults/lying-objects.ts'
import { repeat } from '../../support/repeat.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'

/** Of a list that is too long; HOLDFAST_ENTRIES makes it longer. */
const ENTRIES = Number(process.env.HOLDFAST_ENTRIES ?? 200_000)

const ALL = { folder: null, path: null, version: null, at: null }
const { signal } = new AbortController()

async function restoreAll(library: Library, to: string) {
  const told: Partial<Record<RestoreEvent['kind'], number>> = {}
  const event = async ({ kind }: RestoreEvent) => {
    told[kind] = (told[kind] ?? 0) + 1
  }
  const wanted = { choice: ALL, destination: to, conflict: 'leave' as const }
  const summary = await restoreFrom(library, [wanted], { event, progress: () => undefined }, signal)
  return { told, summary }
}

function openLibrary(objects: Iterable<LyingObject>) {
  const store = lyingObjects(objects)
  return new ObjectLibrary(store, 'nas', 'pc', signal)
}

test('restore from a hostile store: unsafe and invalid names are rejected one by one, other files are restored', async () => {
  const base = temporaryDirectory('hostile')
  const bytes = Buffer.from('content')
  const bad = [
    '../out',
    'a/../../../out',
    '/etc/out',
    'nul\0',
    'a//b',
    './c',
    'x'.repeat(300),
    'y/'.repeat(3_000),
  ]
  const good = ['fine', 'a/fine too', 'line\nbreak']
  const named = [...bad, ...good].map((name) => ({ name: `pc/data/${name}`, bytes }))
  const others = [
    { name: 'other/data/x', bytes },
    { name: '', bytes },
  ]
  const to = path.join(base, 'inside', 'to')
  const { told, summary } = await restoreAll(openLibrary([...named, ...others]), to)
  expect(summary.restored).toBe(good.length)
  expect(told.badEntry).toBeGreaterThanOrEqual(bad.length)
  expect(Object.keys(readTree(path.join(to, 'data'))).sort()).toEqual([...good].sort())
  expect(fs.readdirSync(base)).toEqual(['inside'])
  expect(fs.readdirSync(path.join(base, 'inside'))).toEqual(['to'])
})

test('restore from a hostile store: a wrong size or digest fails only its own file, an invalid mode fails none', async () => {
  const to = temporaryDirectory('hostile-contents')
  async function* endless() {
    for (;;) yield Buffer.alloc(64 * 1024, 1)
  }
  const bytes = Buffer.from('0123456789')
  const digest = Buffer.alloc(32, 1)
  const wrong: LyingObject[] = [
    { name: 'pc/data/endless', body: endless, says: { size: 10 } },
    { name: 'pc/data/endless-large', body: endless, says: { size: 3_000_000 } },
    { name: 'pc/data/longer', bytes, says: { size: 5 } },
    { name: 'pc/data/otherwise', bytes, says: { digest } },
    { name: 'pc/data/shorter', bytes, says: { size: 500_000 } },
  ]
  const odd: LyingObject[] = [
    { name: 'pc/data/well', bytes },
    { name: 'pc/data/wild', bytes, says: { mode: 0o7777_7777 } },
  ]
  const { told, summary } = await restoreAll(openLibrary([...wrong, ...odd]), to)
  expect(summary.failed).toBe(wrong.length)
  expect(told.damaged).toBe(wrong.length)
  expect(Object.keys(readTree(to)).sort()).toEqual(['data/well', 'data/wild'])
  expect(fs.statSync(path.join(to, 'data', 'wild')).mode & 0o6000).toBe(0)
  expect(fs.readdirSync(path.join(to, 'data')).length).toBe(2)
}, 40_000)

test('restore from a hostile store: an excessively long list is not held in memory', async () => {
  const to = temporaryDirectory('hostile-list')
  function* many() {
    for (let index = 0; index < ENTRIES; index += 1) yield { name: `pc/data/../${index}` }
    yield { name: 'pc/data/last', bytes: Buffer.from('last') }
  }
  const objects = { [Symbol.iterator]: many }
  const before = process.memoryUsage().heapUsed
  let most = 0
  const stop = repeat(20, () => {
    most = Math.max(most, process.memoryUsage().heapUsed - before)
  })
  const { told } = await restoreAll(openLibrary(objects), to)
  stop()
  expect(told).toMatchObject({ restored: 1, badEntry: ENTRIES })
  expect(most).toBeLessThan(150 * 1024 * 1024)
}, 900_000)
