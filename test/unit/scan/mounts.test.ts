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

describe('a source is divided at the mount points inside it', () => {
  test('none, or a system that does not tell: one region', () => {
    expect(divide([]).regions).toEqual({ '': [] })
    expect(divide(null).regions).toEqual({ '': [] })
    expect(divide([mount('/volume/source-2/disk', '8:3')]).regions).toEqual({ '': [] })
  })

  test('a disk, and another one inside it', () => {
    expect(divide([mount('/volume/source/a', '8:3'), mount('/volume/source/a/b/c', '8:4')])).toEqual({
      regions: { '': ['a', 'a/b/c'], a: ['a/b/c'], 'a/b/c': [] },
      skipped: {},
    })
  })

  test('a tree that begins further down knows only what is below it', () => {
    const mounts = [mount('/volume/source/DC1/disk', '8:3'), mount('/volume/source/DC2/disk', '8:4')]
    expect(divide(mounts, { base: 'DC1' }).regions).toEqual({ DC1: ['DC1/disk'], 'DC1/disk': [] })
  })

  test('to stay on one file system leaves other ones out, with all that is inside them', () => {
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

  test('a directory that is mounted at several places is there several times', () => {
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

  test('what is mounted below an ignored directory, or below a later mount, is not looked at', () => {
    expect(divide([mount('/volume/source/cache/disk', '8:3')]).regions).toEqual({ '': ['cache/disk'] })
    const hidden = [mount('/volume/source/a/b', '8:3'), mount('/volume/source/a', '8:4')]
    expect(divide(hidden).regions).toEqual({ '': ['a'], a: [] })
  })

  test('a disk that is away leaves a hole', () => {
    expect(divide([], {}, ['/volume/source/disk'])).toEqual({
      regions: { '': ['disk'] },
      skipped: {},
    })
  })
})
