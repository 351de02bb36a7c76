import { describe, expect, test } from 'vitest'
import type { Mount } from '../../../core/platform/mounts.ts'
import { type LayoutOptions, layOut } from '../../../core/walk/walk.ts'

let nextId = 1
const mount = (point: string, device: string): Mount => ({
  id: nextId++,
  device,
  point,
  options: ['rw'],
  type: 'ext4',
  source: device,
  superOptions: ['rw'],
})
const system = [mount('/', '8:1'), mount('/volume', '8:2')]

function divide(mounts: Mount[] | null, changes: Partial<LayoutOptions> = {}, away: string[] = []) {
  const { regions, skipped } = layOut({
    root: '/volume/source',
    base: '',
    scope: { oneFileSystem: false, away: () => away },
    isIgnored: (path) => path === 'cache',
    mounts: mounts === null ? null : [...system, ...mounts],
    ...changes,
  })
  return {
    regions: Object.fromEntries(regions.map(({ base, leaveOut }) => [base, leaveOut])),
    skipped: Object.fromEntries(skipped.map(({ path, why }) => [path, why])),
  }
}

const stay = { scope: { oneFileSystem: true, away: () => [] } }

describe('mount regions of a source', () => {
  test('a source without inner mounts is one region, also where mounts cannot be read', () => {
    expect(divide([]).regions).toEqual({ '': [] })
    expect(divide(null).regions).toEqual({ '': [] })
    expect(divide([mount('/volume/source-2/disk', '8:3')]).regions).toEqual({ '': [] })
  })

  test('a mounted disk and another one inside it are separate regions', () => {
    expect(divide([mount('/volume/source/a', '8:3'), mount('/volume/source/a/b/c', '8:4')])).toEqual({
      regions: { '': ['a', 'a/b/c'], a: ['a/b/c'], 'a/b/c': [] },
      skipped: {},
    })
  })

  test('a tree with a base has only the regions below that base', () => {
    const mounts = [mount('/volume/source/DC1/disk', '8:3'), mount('/volume/source/DC2/disk', '8:4')]
    expect(divide(mounts, { base: 'DC1' }).regions).toEqual({ DC1: ['DC1/disk'], 'DC1/disk': [] })
  })

  test('`oneFileSystem` leaves out other file systems and all inside them, and keeps bind mounts of its own', () => {
    const mounts = [mount('/volume/source/a', '8:3'), mount('/volume/source/a/b', '8:2')]
    expect(divide(mounts, stay)).toEqual({
      regions: { '': ['a', 'a/b'] },
      skipped: { a: 'other-file-system' },
    })
    // A bind mount from the same file system stays: find -xdev goes on there, too.
    expect(divide([mount('/volume/source/c', '8:2')], stay).regions).toEqual({
      '': ['c'],
      c: [],
    })
  })

  test('a directory mounted at several places is a region at each of them', () => {
    const mounts = [
      mount('/volume/source/b', '8:2'),
      mount('/volume/source/one', '8:3'),
      mount('/volume/source/two', '8:3'),
    ]
    expect(divide(mounts)).toEqual({
      regions: { '': ['b', 'one', 'two'], b: [], one: [], two: [] },
      skipped: {},
    })
  })

  test('a mount below an ignored directory or hidden by a later mount is not a region', () => {
    expect(divide([mount('/volume/source/cache/disk', '8:3')]).regions).toEqual({ '': ['cache/disk'] })
    const hidden = [mount('/volume/source/a/b', '8:3'), mount('/volume/source/a', '8:4')]
    expect(divide(hidden).regions).toEqual({ '': ['a'], a: [] })
  })

  test('a missing disk is left out and is not a region', () => {
    expect(divide([], {}, ['/volume/source/disk'])).toEqual({
      regions: { '': ['disk'] },
      skipped: {},
    })
  })
})
