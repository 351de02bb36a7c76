import { expect, test } from 'vitest'
import {
  besidePath,
  buildCrumbs,
  getEntrySpot,
  readMoment,
  TOP,
} from '../../../renderer/features/restore/browse.ts'

test('restore browser: each directory on the way down is a breadcrumb with its folder and path', () => {
  const deep = getEntrySpot(getEntrySpot(getEntrySpot(TOP, 'photos'), '2024'), 'a b')
  expect(deep).toEqual({ folder: 'photos', path: '2024/a b' })
  expect(buildCrumbs(TOP)).toEqual([])
  expect(buildCrumbs(deep)).toEqual([
    { name: 'photos', folder: 'photos', path: '' },
    { name: '2024', folder: 'photos', path: '2024' },
    { name: 'a b', folder: 'photos', path: '2024/a b' },
  ])
})

test('restore date: a typed time is read in the local time zone, and other text is invalid', () => {
  expect(readMoment(' ')).toBeNull()
  const at = new Date(2026, 10, 22, 14, 2).getTime()
  for (const typed of ['2026-11-22T14:02', ' 2026-11-22 14:02 ', '２０２６－１１－２２　１４：０２'])
    expect(readMoment(typed)).toBe(at)
  expect(readMoment('2026-11-22')).toBe(new Date(2026, 10, 22).getTime())
  expect(readMoment('昨天 １４：０２')).toBe(readMoment('yesterday 14:02'))
  for (const typed of ['tomorrow', '22/11/2026', '11/22/2026 14:02', '2026-02-30'])
    expect(readMoment(typed)).toBe('invalid')
})

test('restored file beside another one: its name has a mark before the extension', () => {
  const beside = ['/a.b/notes.txt', '/a.b/run', '/a/.hidden', 'C:\\a\\x.tar.gz'].map(besidePath)
  expect(beside).toEqual([
    '/a.b/notes (restored …).txt',
    '/a.b/run (restored …)',
    '/a/.hidden (restored …)',
    'C:\\a\\x.tar (restored …).gz',
  ])
})
