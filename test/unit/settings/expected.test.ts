import { expect, test } from 'vitest'
import { findFirstExpected } from '../../../core/settings/expected/first.ts'
import {
  compilePattern,
  convertPercent,
  findPatternMistake,
  findPatternProblem,
} from '../../../core/settings/expected/pattern.ts'
import { isZone, openPeriods } from '../../../core/settings/expected/periods.ts'

const at = (text: string) => Date.parse(text)

test.each([
  ['{YYYY}{DOY}{HH}*.rnx', 'a/b/202633113_obs.rnx', '2026-11-27T13:00Z'],
  ['{YYYY}/{DOY}/abcd{DOY}{H}.{YY}o', '2026/331/abcd331n.26o', '2026-11-27T13:00Z'],
  ['*_{YYYY}{MM}{DD}T{HH}{mm}{ss}.nc', 'S5_20240229T235958.nc', '2024-02-29T23:59:58Z'],
  ['abcd{DOY}?.{YY}d', 'abcd366x.96d', '1996-12-31T00:00Z'],
  ['**/{YYYY}-{MM}-{DD}.csv', 'x/y/z/2026-01-05.csv', '2026-01-05T00:00Z'],
  ['**/{YYYY}-{MM}-{DD}.csv', '2026-01-05.csv', '2026-01-05T00:00Z'],
  ['[a]+({YYYY}{DOY}).b', '[a]+(2026001).b', '2026-01-01T00:00Z'],
])('expected files: the pattern %s finds the date in %s', (pattern, name, time) => {
  expect(compilePattern(pattern, 60).match(name, at('2026-11-27T13:00Z'))).toBe(at(time))
})

test.each([
  ['{YYYY}{DOY}*.rnx', 'x2026331.rnx', 'the name begins otherwise'],
  ['{YYYY}{MM}{DD}.csv', '20260230.csv', 'this day does not exist'],
  ['{YYYY}{DOY}.csv', '2026366.csv', 'the year has no such day'],
  ['{YYYY}{DOY}{HH}.csv', '202600124.csv', 'the day has no such hour'],
  ['{YYYY}/{YYYY}{DOY}.csv', '2025/2026001.csv', 'the years differ'],
  ['a.csv', 'aXcsv', 'a dot is a dot'],
])('expected files: the pattern %s does not match %s: %s', (pattern, name) => {
  expect(compilePattern(pattern, 1_440).match(name, at('2026-11-27T13:00Z'))).toBeNull()
})

test('expected files: the name of a missing file has its date, and * for what its period leaves open', () => {
  const wall = at('2026-11-27T13:00Z')
  expect(compilePattern('abcd{DOY}{H}.{YY}o', 60).format(wall)).toBe('abcd331n.26o')
  expect(compilePattern('{YYYY}{MM}{DD}_{HH}{mm}*.nc', 60).format(wall)).toBe('20261127_13*.nc')
  expect(compilePattern('{YYYY}{MM}{DD}_{HH}{mm}*.nc', 15).format(wall)).toBe('20261127_1300*.nc')
})

test.each([
  ['*.rnx', 60, null],
  ['{YYYY}{DOY}{HH}.rnx', 60, null],
  ['{YYYY}{DOY}.rnx', 1_440, null],
  ['{YYYY}{HOUR}.rnx', 60, { kind: 'token', text: '{HOUR}' }],
  ['{DOY}{HH}.rnx', 60, null],
  ['{MM}{DD}.rnx', 1_440, null],
  ['{HH}.rnx', 60, { kind: 'date' }],
  ['{YYYY}{MM}.rnx', 1_440, { kind: 'date' }],
  ['{YYYY}{DOY}.rnx', 60, { kind: 'coarse' }],
  ['{YYYY}{DOY}{HH}.rnx', 15, { kind: 'coarse' }],
  ['{YYYY}{DOY}{HH}.rnx', 90, { kind: 'coarse' }],
  ['ABCD{YYYY', 60, { kind: 'braces' }],
  ['{{YYYY}}{DOY}{HH}.rnx', 60, { kind: 'braces' }],
  ['ABCD}.rnx', 60, { kind: 'braces' }],
  ['ABCD%Y%m%d.rnx', 1_440, null],
  ['ABCD%Y%b%d.rnx', 1_440, { kind: 'percent', text: '%b' }],
  ['ABCD%Y%-m%d.rnx', 1_440, { kind: 'percent', text: '%-m' }],
  ['a%20b.rnx', 60, null],
  ['a%c3%a9.rnx', 60, null],
  ['/data/{YYYY}{DOY}{HH}.rnx', 60, { kind: 'path' }],
  ['../{YYYY}{DOY}{HH}.rnx', 60, { kind: 'path' }],
  ['a//b.rnx', 60, { kind: 'path' }],
  ['a/', 60, { kind: 'path' }],
  ['~/a.rnx', 60, { kind: 'path' }],
  ['C:\\data\\a.rnx', 60, { kind: 'path' }],
  ['*.rnx ', 60, { kind: 'spaces' }],
  ['..a.rnx', 60, null],
])('expected files: the pattern %s for every %d minutes is judged', (pattern, every, problem) => {
  expect(findPatternMistake(pattern) ?? findPatternProblem(pattern, every)).toEqual(problem)
})

test.each([
  ['ABCD%Y%j%H.rnx', 'ABCD{YYYY}{DOY}{HH}.rnx'],
  ['%y%m%d-%H%M%S.csv', '{YY}{MM}{DD}-{HH}{mm}{ss}.csv'],
  ['%F_%T_%R.csv', '{YYYY}-{MM}-{DD}_{HH}:{mm}:{ss}_{HH}:{mm}.csv'],
  ['{YYYY}%m%d.csv', '{YYYY}{MM}{DD}.csv'],
  ['100%%_%Y%m%d.csv', '100%_{YYYY}{MM}{DD}.csv'],
  ['a%20b%c3%a9.rnx', 'a%20b%c3%a9.rnx'],
  ['100%.rnx', '100%.rnx'],
])('expected files: the parts of a date of strftime(3) in %s are %s', (typed, pattern) => {
  expect(convertPercent(typed)).toBe(pattern)
  expect(convertPercent(pattern)).toBe(pattern)
})

test.each([
  ['ABCD{DOY}{HH}00.rnx', 60, 'ABCD3311300.rnx', '2026-11-27T13:00Z'],
  ['ABCD{DOY}{HH}00.rnx', 60, 'ABCD3312300.rnx', '2026-11-27T23:00Z'],
  ['{MM}{DD}.csv', 1_440, '1128.csv', '2026-11-28T00:00Z'],
  ['{MM}{DD}.csv', 1_440, '1231.csv', '2025-12-31T00:00Z'],
  ['{DOY}.csv', 1_440, '366.csv', null],
])(
  'expected files: the year of %s every %d minutes is the last one that %s can have',
  (pattern, every, name, time) => {
    const found = compilePattern(pattern, every).match(name, at('2026-11-27T13:00Z'))
    expect(found).toBe(time === null ? null : at(time))
  },
)

test('expected files: the next file of a new rule is the first one that is due, without a date in a period to come', () => {
  const rule = { everyMinutes: 60, withinMinutes: 10, minimumBytes: 0, zone: 'UTC' }
  const now = at('2026-11-27T13:30Z')
  const dated = findFirstExpected({ ...rule, pattern: 'ABCD{DOY}{H}.{YY}o' }, now)
  expect(dated).toMatchObject({ path: 'ABCD331n.26o', due: at('2026-11-27T14:10Z') })
  expect(findFirstExpected({ ...rule, pattern: '*' }, now)).toMatchObject({
    path: '*',
    due: at('2026-11-27T15:10Z'),
  })
})

function take(from: string, count: number, everyMinutes: number, zone: string) {
  const periods = openPeriods({ everyMinutes, zone }).from(at(from))
  return Array.from({ length: count }, () => {
    const { start, end, wall } = periods.next().value
    const text = (time: number) => new Date(time).toISOString()
    return [text(start).slice(0, 16), (end - start) / 60_000, text(wall).slice(11, 16)]
  })
}

test('expected files: periods follow the wall clock when it is put forward', () => {
  // Berlin, 2026-03-29: 02:00 becomes 03:00.
  expect(take('2026-03-29T00:30Z', 3, 60, 'Europe/Berlin')).toEqual([
    ['2026-03-29T00:00', 60, '01:00'],
    ['2026-03-29T01:00', 60, '03:00'],
    ['2026-03-29T02:00', 60, '04:00'],
  ])
  expect(take('2026-03-28T23:30Z', 2, 1_440, 'Europe/Berlin')).toEqual([
    ['2026-03-28T23:00', 23 * 60, '00:00'],
    ['2026-03-29T22:00', 24 * 60, '00:00'],
  ])
})

test('expected files: periods follow the wall clock when it is put back', () => {
  // Berlin, 2026-10-25: 03:00 becomes 02:00, so the hour from 02:00 occurs twice.
  expect(take('2026-10-24T23:30Z', 4, 60, 'Europe/Berlin')).toEqual([
    ['2026-10-24T23:00', 60, '01:00'],
    ['2026-10-25T00:00', 60, '02:00'],
    ['2026-10-25T01:00', 60, '02:00'],
    ['2026-10-25T02:00', 60, '03:00'],
  ])
  expect(take('2026-10-24T22:30Z', 2, 120, 'Europe/Berlin')).toEqual([
    ['2026-10-24T22:00', 120, '00:00'],
    ['2026-10-25T00:00', 180, '02:00'],
  ])
  expect(take('2026-10-24T23:40Z', 8, 30, 'Europe/Berlin').map(([start, , wall]) => [start, wall])).toEqual([
    ['2026-10-24T23:30', '01:30'],
    ['2026-10-25T00:00', '02:00'],
    ['2026-10-25T00:30', '02:30'],
    ['2026-10-25T01:00', '02:00'],
    ['2026-10-25T01:30', '02:30'],
    ['2026-10-25T02:00', '03:00'],
    ['2026-10-25T02:30', '03:30'],
    ['2026-10-25T03:00', '04:00'],
  ])
  // Lord Howe puts its clock back by half an hour: too little for a period of an hour.
  const named = (everyMinutes: number) =>
    openPeriods({ everyMinutes, zone: 'Australia/Lord_Howe' }).named(at('2026-04-05T01:30Z'))
  expect(named(30)).toHaveLength(2)
  expect(named(60)).toHaveLength(1)
})

test('expected files: a day that begins with a skipped hour begins when the clock is changed', () => {
  // Santiago, 2026-09-06: 00:00 becomes 01:00.
  expect(take('2026-09-05T12:00Z', 3, 1_440, 'America/Santiago')).toEqual([
    ['2026-09-05T04:00', 1_440, '00:00'],
    ['2026-09-06T04:00', 23 * 60, '00:00'],
    ['2026-09-07T03:00', 1_440, '00:00'],
  ])
})

test('expected files: an unknown time zone is recognised', () => {
  expect(isZone('Asia/Taipei')).toBe(true)
  expect(isZone('Taipei')).toBe(false)
})

test.each([
  ['*a*a*a*a*a*a*a*a*b', 'a'.repeat(250), null],
  ['*a*a*a*a*a*a*a*a*b', `${'a'.repeat(250)}b`, 0],
  ['**/**/**/**/**/**/x', `${'a/'.repeat(120)}b`, null],
  [`${'*?'.repeat(200)}b`, 'a'.repeat(250), null],
  ['*{MM}*{DD}*{HH}*{mm}*{MM}{DD}{HH}{mm}x', '0123456789'.repeat(25), null],
])('expected files: the pattern %s is compared in few steps with a long name', (pattern, name, wall) => {
  // A regular expression would try all combinations, which would take longer than the limit of a test.
  const { match } = compilePattern(pattern, 1)
  for (let index = 0; index < 100; index += 1) expect(match(name, 0)).toBe(wall)
})

test('expected files: a pattern with several * finds the last date, and parts that occur twice are equal', () => {
  const find = (pattern: string, name: string) => compilePattern(pattern, 60).match(name, 0)
  expect(find('*{YYYY}{MM}{DD}*.csv', 'a_20251231_20261130_x.csv')).toBe(at('2026-11-30T00:00Z'))
  expect(find('{YYYY}/{DOY}/*{YYYY}{DOY}{HH}*.rnx', '2026/331/A_20263311300_01D.rnx')).toBe(
    at('2026-11-27T13:00Z'),
  )
  expect(find('**/{YYYY}{DOY}/*_{YYYY}{DOY}*', 'x/2026331/y/2026332/a_2026331_b')).toBeNull()
  expect(find('x/a*b**c', 'x/ab/x/c')).toBe(0)
  expect(find('x/a*c', 'x/ab/x/c')).toBeNull()
})
