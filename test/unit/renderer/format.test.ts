import { describe, expect, test } from 'vitest'
import { minutesUntilTomorrow } from '../../../core/agent/state/derived.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { createWords } from '../../../core/lib/i18n/words.ts'
import { createFormat } from '../../../renderer/format/format.ts'
import { baseName, isWithin, splitMiddle, splitPath } from '../../../renderer/format/path.ts'

const en = createFormat('en')
const zh = createFormat('zh-TW')
const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

describe('size format', () => {
  test.each([
    [0, '0 B'],
    [1023, '1,023 B'],
    [1536, '1.5 KiB'],
    [2.1 * 1024 ** 3, '2.1 GiB'],
    [5000 * 1024 ** 5, '5,000 PiB'],
    [-1, '0 B'],
  ])('%d bytes are written as %s in both languages', (value, words) => {
    expect(en.bytes(value)).toBe(words)
    expect(zh.bytes(value)).toBe(words)
  })

  test('a rate is written in bytes per second', () => expect(en.rate(18 * 1024 ** 2)).toBe('18 MiB/s'))

  test('a duration is written as in the messages of the agent', () => {
    expect(createWords('en')(message('status.lastFile', { age: 125_000 }))).toContain(en.duration(125_000))
  })
})

describe('duration format', () => {
  test.each([
    [-5, '0 sec', '0 秒'],
    [999, '0 sec', '0 秒'],
    [59_999, '59 sec', '59 秒'],
    [2 * minute + 5 * second, '2 min', '2 分鐘'],
    [hour + 5 * minute + second, '1 hr 5 min', '1 小時 5 分鐘'],
    [day, '1 day', '1 天'],
    [2 * day + 3 * hour, '2 days 3 hr', '2 天 3 小時'],
  ])('%d ms are rounded to %s and %s', (length, english, chinese) => {
    expect(en.roughDuration(length)).toBe(english)
    expect(zh.roughDuration(length)).toBe(chinese)
  })

  test('an exact duration includes the seconds', () => {
    expect(en.duration(2 * minute + 5 * second + 900)).toBe('2 min 5 sec')
  })

  test.each([
    [0.42, '0.4 ms'],
    [9.94, '9.9 ms'],
    [9.96, '10 ms'],
    [11.6, '12 ms'],
    [999, '999 ms'],
    [1240, '1.2 sec'],
  ])('a delay of %d ms is written as %s', (delay, words) => expect(en.delay(delay)).toBe(words))
})

describe('number and date format', () => {
  test('a count is grouped by thousands, or written with a unit in compact form', () => {
    expect(en.count(12_402)).toBe('12,402')
    expect(zh.count(1_240_212)).toBe('1,240,212')
    expect(en.compact(1000)).toBe('1K')
  })

  test('a percentage stays between 0 and 100', () => {
    expect(en.percent(0.614)).toBe('61%')
    expect(en.percent(1.7)).toBe('100%')
    expect(en.percent(-1)).toBe('0%')
  })

  test('a moment shows the time, with the date on another day and the year in another year', () => {
    const now = new Date(2024, 4, 2, 15, 30).getTime()
    expect(en.moment(new Date(2024, 4, 2, 9, 5).getTime(), now)).toBe('09:05')
    expect(en.moment(new Date(2024, 4, 1, 23, 59).getTime(), now)).toBe('May 1, 23:59')
    expect(zh.moment(new Date(2024, 4, 1, 23, 59).getTime(), now)).toContain('5月1日')
    expect(en.moment(new Date(2023, 4, 2, 9, 5).getTime(), now)).toBe('May 2, 2023, 09:05')
    expect(en.exactMoment(new Date(2024, 4, 2, 9, 5, 7).getTime(), now)).toBe('09:05:07')
    expect(en.exactMoment(new Date(2024, 4, 1, 0, 0, 7).getTime(), now)).toBe('May 1, 2024, 00:00:07')
  })

  test('a pause "until tomorrow" ends at 8:00 of the next morning, even just before midnight', () => {
    expect(minutesUntilTomorrow(new Date(2024, 4, 2, 23, 50))).toBe(490)
    expect(minutesUntilTomorrow(new Date(2024, 4, 2, 0, 0))).toBe(32 * 60)
  })
})

describe('path format', () => {
  test.each([
    ['/srv/ada/photos', '/srv/ada', '/photos'],
    ['/srv/ada/photos/', '/srv/ada', '/photos'],
    ['/datas', '', '/datas'],
    ['/', '', '/'],
    ['IMG.CR3', '', 'IMG.CR3'],
    ['2024/IMG.CR3', '2024', '/IMG.CR3'],
    ['C:\\data\\photos', 'C:\\data', '\\photos'],
    ['', '', ''],
  ])('%s is split into %s and %s', (path, head, tail) => expect(splitPath(path)).toEqual({ head, tail }))

  test.each([
    ['Measurements of the second series', 'Measurements of the second', ' series'],
    ['/tmp/mount/disk/archive · Read-only', '/tmp/mount/disk/archive', ' · Read-only'],
    ['a-name-without-a-boundary-thatisnear', 'a-name-without-a-boundary', '-thatisnear'],
    ['anamewithoutanyboundaryatall', 'anamewithoutanybou', 'ndaryatall'],
    ['a short name', '', 'a short name'],
  ])('the middle of %s is after %s', (name, start, end) => expect(splitMiddle(name)).toEqual({ start, end }))

  test.each([
    ['2024/IMG.CR3', 'IMG.CR3'],
    ['IMG.CR3', 'IMG.CR3'],
    ['/', '/'],
  ])('the base name of %s is %s', (path, name) => expect(baseName(path)).toBe(name))

  test.each([
    ['/data/a', '/data', true],
    ['/data', '/data/', true],
    ['/data2', '/data', false],
    ['/data', '/data/a', false],
    ['/data', '/', true],
  ])('%s is within %s: %s', (path, directory, within) => expect(isWithin(path, directory)).toBe(within))
})
