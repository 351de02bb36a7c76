import { expect, onTestFinished, test, vi } from 'vitest'
import {
  besidePath,
  buildCrumbs,
  getEntrySpot,
  isStateOf,
  readMoment,
  TOP,
  toMomentAfter,
  typeMoment,
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

test('restore bars: the chosen time is the minute after the last change, and belongs to its day and hour alone', () => {
  const at = (hour: number, minute: number, second = 0) =>
    new Date(2026, 10, 22, hour, minute, second).getTime()
  const hour = (start: number, lastAt: number) => ({
    start: at(start, 0),
    end: at(start + 1, 0),
    files: 1,
    lastAt,
  })
  for (const lastAt of [at(14, 2), at(14, 2, 59)]) expect(toMomentAfter({ lastAt })).toBe(at(14, 3))
  expect(typeMoment(at(14, 3))).toBe('2026-11-22 14:03')
  const [last, next] = [hour(14, at(14, 59, 30)), hour(15, at(15, 0))]
  const chosen = toMomentAfter(last)
  expect([last, next].map((one) => isStateOf(one, chosen))).toEqual([true, false])
  expect([last, next].map((one) => isStateOf(one, toMomentAfter(next)))).toEqual([false, true])
  expect(isStateOf(last, null)).toBe(false)
})

test('restore bars: both hours of a clock that is put back are typed so that each is read as itself', () => {
  vi.stubEnv('TZ', 'Europe/Berlin')
  onTestFinished(() => void vi.unstubAllEnvs())
  const times = [0, 1, 2].map((hour) => Date.UTC(2026, 9, 25, hour, 30))
  expect(times.map(typeMoment)).toEqual(['2026-10-25 02:30', '2026-10-25 02:30+01:00', '2026-10-25 03:30'])
  expect(times.map((time) => readMoment(typeMoment(time)))).toEqual(times)
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
