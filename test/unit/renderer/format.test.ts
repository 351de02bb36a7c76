import { describe, expect, test } from 'vitest'
import { createFormat, minutesUntilTomorrow, timeToGo } from '../../../renderer/format/format.ts'
import { baseName, isWithin, splitPath } from '../../../renderer/format/path.ts'

const en = createFormat('en', 'UTC')
const zh = createFormat('zh-TW', 'UTC')
const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

describe('bytes', () => {
  test.each([
    [0, '0 B'],
    [1, '1 B'],
    [1023, '1,023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [102_399, '100 KiB'],
    [1024 ** 2 - 1, '1 MiB'],
    [2.1 * 1024 ** 3, '2.1 GiB'],
    [432 * 1024 ** 3, '432 GiB'],
    [1000 * 1024 ** 3, '1,000 GiB'],
    [5 * 1024 ** 5, '5 PiB'],
    [5000 * 1024 ** 5, '5,000 PiB'],
    [-1, '0 B'],
  ])('%d bytes are %s in both languages', (value, words) => {
    expect(en.bytes(value)).toBe(words)
    expect(zh.bytes(value)).toBe(words)
  })

  test('a rate is bytes a second', () => expect(en.rate(18 * 1024 ** 2)).toBe('18 MiB/s'))
})

describe('durations', () => {
  test.each([
    [-5, '0 sec', '0 秒'],
    [999, '0 sec', '0 秒'],
    [59_999, '59 sec', '59 秒'],
    [minute, '1 min', '1 分鐘'],
    [59 * minute + 59 * second, '59 min', '59 分鐘'],
    [hour, '1 hr', '1 小時'],
    [hour + 5 * minute, '1 hr 5 min', '1 小時 5 分鐘'],
    [day, '1 day', '1 天'],
    [2 * day + 3 * hour, '2 days 3 hr', '2 天 3 小時'],
  ])('%d ms', (length, english, chinese) => {
    expect(en.duration(length)).toBe(english)
    expect(zh.duration(length)).toBe(chinese)
  })

  test.each([
    [0.42, '0.4 ms'],
    [9.94, '9.9 ms'],
    [9.96, '10 ms'],
    [11.6, '12 ms'],
    [999, '999 ms'],
    [1240, '1.2 sec'],
  ])('a delay of %d ms is %s', (delay, words) => expect(en.delay(delay)).toBe(words))

  test('the time to go is bytes over rate, and nothing where nothing can be said', () => {
    expect(timeToGo(1000, 10)).toBe(100 * second)
    expect(timeToGo(1000, 0)).toBeNull()
    expect(timeToGo(0, 10)).toBeNull()
  })
})

describe('numbers and moments', () => {
  test('counts are grouped', () => {
    expect(en.count(12_402)).toBe('12,402')
    expect(zh.count(1_240_212)).toBe('1,240,212')
    expect(en.compact(1000)).toBe('1K')
  })

  test('a share stays between nothing and all', () => {
    expect(en.percent(0.614)).toBe('61%')
    expect(en.percent(1.7)).toBe('100%')
    expect(en.percent(-1)).toBe('0%')
  })

  test('today is told by its time, another day by its date too', () => {
    const now = Date.UTC(2024, 4, 2, 15, 30)
    expect(en.moment(Date.UTC(2024, 4, 2, 0, 5), now)).toBe('00:05')
    expect(en.moment(Date.UTC(2024, 4, 1, 23, 59), now)).toBe('May 1, 23:59')
    expect(zh.moment(Date.UTC(2024, 4, 1, 23, 59), now)).toContain('5月1日')
  })

  test('"until tomorrow" ends at six of the next morning, even just before midnight', () => {
    expect(minutesUntilTomorrow(new Date(2024, 4, 2, 23, 50))).toBe(370)
    expect(minutesUntilTomorrow(new Date(2024, 4, 2, 0, 0))).toBe(30 * 60)
  })
})

describe('paths', () => {
  test.each([
    ['/home/ada/photos', '/home/ada', '/photos'],
    ['/home/ada/photos/', '/home/ada', '/photos'],
    ['/datas', '', '/datas'],
    ['/', '', '/'],
    ['IMG.CR3', '', 'IMG.CR3'],
    ['2024/IMG.CR3', '2024', '/IMG.CR3'],
    ['C:\\data\\photos', 'C:\\data', '\\photos'],
    ['', '', ''],
  ])('%s is shortened between %s and %s', (path, head, tail) =>
    expect(splitPath(path)).toEqual({ head, tail }),
  )

  test.each([
    ['2024/IMG.CR3', 'IMG.CR3'],
    ['IMG.CR3', 'IMG.CR3'],
    ['/', '/'],
  ])('the name of %s is %s', (path, name) => expect(baseName(path)).toBe(name))

  test.each([
    ['/data/a', '/data', true],
    ['/data', '/data/', true],
    ['/data2', '/data', false],
    ['/data', '/data/a', false],
    ['/data', '/', true],
  ])('%s within %s: %s', (path, directory, within) => expect(isWithin(path, directory)).toBe(within))
})
