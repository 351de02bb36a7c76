import { describe, expect, test } from 'vitest'
import { storeChoice } from '../../../cli/restore/restore-task.ts'
import { progressLine } from '../../../cli/terminal/progress.ts'
import { toTransferResult } from '../../../core/backends/receiver/receiver-session.ts'
import { parseSize } from '../../../core/lib/i18n/formats.ts'
import {
  checkQuota,
  DEFAULT_RULES,
  findUnusedQuotas,
  floorBytes,
  getQuota,
  NAME_BYTES,
} from '../../../core/store/quota/admission.ts'
import { defaultRuleWords, parseRules } from '../../../core/store/quota/quota-options.ts'
import { isVersionName, replacedAt, versionPrefix } from '../../../core/store/retention/retention.ts'
import { buildFacts } from '../../support/store/file-facts.ts'

const NOW = Date.UTC(2026, 10, 20, 12)

test('version name: contains the time of its replacement, and malformed names are recognised', () => {
  const name = `${versionPrefix(new Date(NOW), 41)}7`
  expect([isVersionName(name), replacedAt(name)]).toEqual([true, NOW])
  for (const other of [
    '20261399T000000.000Z-1-1',
    '20261120T065300.123Z-1',
    'file',
    `${name}/..`,
    `../${name}`,
  ])
    expect([other, replacedAt(other)]).toEqual([other, null])
})

describe('store limits', () => {
  const noNames = { names: 0 }
  test.each([
    [{ bytes: 100, files: null }, { bytes: 90, files: 9, names: 0 }, { size: 10, ...noNames }, null],
    [
      { bytes: 100, files: null },
      { bytes: 90, files: 9, names: 0 },
      { size: 11, ...noNames },
      'quota bytes 100',
    ],
    [{ bytes: null, files: 10 }, { bytes: 90, files: 9, names: 0 }, { size: 11, ...noNames }, null],
    [{ bytes: null, files: 9 }, { bytes: 90, files: 9, names: 0 }, { size: 0, ...noNames }, 'quota files 9'],
    [
      { bytes: null, files: null },
      { bytes: 2 ** 50, files: 2 ** 40, names: 9 },
      { size: 2 ** 50, names: 9 },
      null,
    ],
    // Empty files in deep directories are not for nothing.
    [{ bytes: 5 * NAME_BYTES, files: null }, { bytes: 0, files: 1, names: 2 }, { size: 0, names: 3 }, null],
    [
      { bytes: 5 * NAME_BYTES, files: null },
      { bytes: 0, files: 1, names: 3 },
      { size: 0, names: 3 },
      `quota bytes ${5 * NAME_BYTES}`,
    ],
  ])('a quota of %j with %j used is checked for %j more: %s', (quota, used, more, over) => {
    expect(checkQuota(quota, used, more)).toBe(over)
  })

  test('the free-space floor is the smaller one of a size and a share of the disk', () => {
    expect(floorBytes(DEFAULT_RULES.floor, 10 * 1024 ** 4)).toBe(1024 ** 3)
    expect(floorBytes(DEFAULT_RULES.floor, 8_000_000)).toBe(80_000)
  })

  test('command-line options set retention, the floor, the quota of each sender and that of a named sender', () => {
    expect(parseRules(defaultRuleWords)).toEqual(DEFAULT_RULES)
    const options = {
      ...defaultRuleWords,
      keepWithin: '12h',
      keepDaily: '7',
      keepYearly: '0',
      keepFree: '5%',
      lock: '90d',
    }
    const rules = parseRules({ ...options, quota: ['500G', 'a=b=1.5T'], quotaFiles: ['a=b=7'] })
    expect(rules.keep).toEqual({ ...DEFAULT_RULES.keep, withinDays: 0.5, daily: 7, yearly: 0 })
    expect(rules.lockDays).toBe(90)
    expect(floorBytes(rules.floor, 1000)).toBe(50)
    expect(getQuota(rules, 'pc')).toEqual({ bytes: 500 * 1024 ** 3, files: null })
    expect(getQuota(rules, 'a=b')).toEqual({ bytes: 1.5 * 1024 ** 4, files: 7 })
    expect(findUnusedQuotas(rules, ['pc'])).toEqual(['a=b'])
    expect(findUnusedQuotas(rules, ['pc', 'a=b'])).toEqual([])
  })

  test.each([
    [{ quota: ['pc=lots'] }, 'lots is not a size'],
    [{ quota: ['pc='] }, '"pc=" is not a size'],
    [{ quota: ['=5'] }, 'The quota =5 names no station'],
    [{ quotaFiles: ['a/b=5'] }, 'The quota a/b=5 names no station'],
    [{ quotaFiles: ['1e3'] }, '1e3 is not a number for --quota-files'],
    [{ keepFree: 'half' }, 'half is not a free space to keep'],
    [{ lock: 'always' }, 'always is not a time for --lock'],
    [{ keepWithin: 'long' }, 'long is not a time for --keep-within'],
    [{ keepWeekly: 'all' }, 'all is not a number for --keep-weekly'],
  ])('the options %j are refused with an explanation', (change, why) => {
    expect(() => parseRules({ ...defaultRuleWords, ...change })).toThrow(why)
  })

  test('sizes are parsed with and without a unit, and invalid sizes are rejected', () => {
    const texts = ['1', '2k', '3 MiB', '', '-1', 'G', '1e3']
    expect(texts.map(parseSize)).toEqual([1, 2048, 3 * 1024 ** 2, null, null, null, null])
  })

  test.each([
    ['quota bytes 1024', 'transfer.quotaBytes', { name: 'there', limit: 1024 }],
    ['quota files 7', 'transfer.quotaFiles', { name: 'there', limit: 7 }],
    ['floor', 'transfer.storeFloor', { name: 'there' }],
    ['ENOSPC', 'transfer.storeFull', { name: 'there' }],
    ['quota bytes lots', 'transfer.storeFull', { name: 'there' }],
  ])('the sender reports the refusal "%s" as %s', (detail, key, params) => {
    const file = { source: { id: 's', name: 's', path: '/' }, path: 'a', facts: buildFacts(1) }
    const answer = toTransferResult({ status: 'full', detail }, 'there', file)
    expect(answer).toEqual({ kind: 'retry', cause: 'destination', reason: { key, params } })
  })
})

test('sender: a stored file that another program has open is the trouble of that file alone', () => {
  const file = { source: { id: 's', name: 's', path: '/' }, path: 'a', facts: buildFacts(1) }
  const [answer, other] = ['EBUSY', 'EIO'].map((detail) =>
    toTransferResult({ status: 'failed', detail }, 'there', file),
  )
  const reason = { key: 'transfer.storedInUse', params: { path: '/a', name: 'there' } }
  expect(answer).toEqual({ kind: 'retry', cause: 'file', reason })
  expect(other).toMatchObject({ kind: 'retry', cause: 'suspect' })
})

test('progress line: contains the share, the rate and the time left', () => {
  const amount = { files: 3, bytes: 256, totalFiles: 12, totalBytes: 1024 }
  const bar = '[######------------------]  25%  256 B of 1 KiB'
  const line = (left: number | null) => progressLine(amount, { bytesPerSecond: 64, left })
  expect(line(12_000)).toBe(`${bar}  64 B/s  about 12 sec left  3 files`)
  expect(line(null)).toBe(`${bar}  64 B/s  no end known  3 files`)
})

describe('restore selection', () => {
  const version = `${versionPrefix(new Date(NOW), 1)}0`
  const wanted = { sender: 'pc', source: 'data', path: 'a/b/', oldNames: false }
  test('a slash at the end of a path is ignored', () => {
    expect(storeChoice(wanted)).toMatchObject({ folder: 'pc/data', path: 'a/b' })
    expect(storeChoice({ ...wanted, version })).toMatchObject({ path: 'a/b', version })
  })

  test.each([
    [{ path: '../../..' }, 'is not a name in a store'],
    [{ path: '/etc' }, 'is not a name in a store'],
    [{ sender: '..' }, 'is not a name in a store'],
    [{ source: undefined }, 'Give --sender with --source'],
    [{ path: undefined, version }, 'Give its --path'],
    [{ version: '../x' }, 'is not a version'],
  ])('the selection %j is refused', (change, why) => {
    expect(() => storeChoice({ ...wanted, ...change } as typeof wanted)).toThrow(why)
  })
})
