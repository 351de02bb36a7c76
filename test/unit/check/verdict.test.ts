import { constants } from 'node:os'
import { describe, expect, it } from 'vitest'
import type { Failure } from '../../../core/check/probes/findings.ts'
import { errorName, strerror, toSystemError } from '../../../core/check/probes/findings.ts'
import {
  fileSystemHungVerdict,
  hungVerdict,
  pickGravest,
  SLOW_MS,
  slowLimit,
  toVerdict,
} from '../../../core/check/verdict.ts'
import { createWords, englishWords } from '../../../core/lib/i18n/words.ts'

const call = (step: string, code: string): Failure => ({ step, cause: 'call', errno: 1, code })
const judge = (...failures: Failure[]) => toVerdict('/p', { failures, elapsedMs: 12 }, 10_000)

describe('check verdict', () => {
  it.each([
    ['create', 'EROFS', 'read-only'],
    ['write', 'ENOSPC', 'full'],
    ['write', 'EDQUOT', 'full'],
    ['read', 'EIO', 'io-error'],
    ['list', 'EUCLEAN', 'io-error'],
    ['open', 'ESTALE', 'stale'],
    ['open', 'ENOTCONN', 'stale'],
    ['open', 'ENOENT', 'missing'],
    ['open', 'ENOTDIR', 'missing'],
    ['open', 'ENODEV', 'missing'],
    ['open', 'EACCES', 'permission'],
    ['create', 'EPERM', 'permission'],
    ['open', 'ELOOP', 'error'],
  ])('a step %s that fails with %s gives %s', (step, code, kind) => {
    const verdict = judge(call(step, code))
    expect(verdict).toMatchObject({ kind, step, code, elapsedMs: 12 })
    const words = englishWords(verdict.sentence)
    expect(words).toContain('/p')
    expect(words).toContain(code)
    expect(words).not.toContain('{{')
  })

  it.each([
    [{ step: 'write', cause: 'no-inodes' }, 'full', 'inodes'],
    [{ step: 'mount', cause: 'unmounted', point: '/mnt/d' }, 'missing', '/mnt/d is not mounted'],
    [{ step: 'mount', cause: 'read-only', point: '/mnt/d' }, 'read-only', '/mnt/d'],
    [{ step: 'mount', cause: 'emergency', point: '/mnt/d' }, 'read-only', 'kernel'],
    [{ step: 'mount', cause: 'ext4-errors', point: '/mnt/d', count: 4 }, 'io-error', '4 new errors'],
  ] satisfies [Failure, string, string][])(
    'the failure %o has its kind and its sentence',
    (failure, kind, words) => {
      const verdict = judge(failure)
      expect(verdict).toMatchObject({ kind, step: failure.step })
      expect(englishWords(verdict.sentence)).toContain(words)
      // The window shows the mount point elsewhere: it is often the path itself.
      expect(createWords('en', 'window')(verdict.sentence)).not.toContain('/mnt/d')
    },
  )

  it('names the first of several failing steps', () => {
    expect(judge(call('create', 'EROFS'), call('list', 'ENOENT'), call('remove', 'EROFS'))).toMatchObject({
      kind: 'read-only',
      step: 'create',
    })
  })

  it('is ok without failures, and slow beyond the threshold or a quarter of the timeout', () => {
    const kindAfter = (elapsedMs: number, timeoutMs: number) =>
      toVerdict('/p', { failures: [], elapsedMs }, slowLimit(SLOW_MS, timeoutMs)).kind
    expect(kindAfter(1_999, 60_000)).toBe('ok')
    expect(kindAfter(2_001, 60_000)).toBe('slow')
    expect(kindAfter(260, 1_000)).toBe('slow')
  })

  it.each([
    { slowMs: 2_000, timeoutMs: 10_000, limit: 2_000 },
    { slowMs: 50, timeoutMs: 10_000, limit: 50 },
    { slowMs: 9_000, timeoutMs: 10_000, limit: 9_000 },
    // Past the timeout a check hangs: such a threshold would never be met.
    { slowMs: 10_000, timeoutMs: 10_000, limit: 2_500 },
  ])(
    'is slow from $limit ms with a threshold of $slowMs ms and a timeout of $timeoutMs ms',
    ({ slowMs, timeoutMs, limit }) => {
      expect(slowLimit(slowMs, timeoutMs)).toBe(limit)
    },
  )

  it('names the place and the duration of a hang', () => {
    const hung = hungVerdict('/p', 'fsync', 12_000)
    expect(hung).toMatchObject({ kind: 'hung', step: 'fsync', code: null, elapsedMs: 12_000 })
    expect(englishWords(hung.sentence)).toContain('12 sec')
    expect(englishWords(fileSystemHungVerdict('/p', '/mnt/d', 12_000).sentence)).toContain('/mnt/d')
  })

  it('is the gravest of several, and among equals the one that names a failed call', () => {
    const ok = judge()
    const emergency = judge({ step: 'mount', cause: 'emergency', point: '/p' })
    const refused = judge(call('create', 'EROFS'))
    expect(pickGravest('/p', { mount: emergency, read: ok, write: refused })).toBe(refused)
    expect(pickGravest('/p', { mount: emergency, read: ok })).toBe(emergency)
    expect(pickGravest('/p', { mount: ok, read: hungVerdict('/p', 'read', 1), write: refused }).kind).toBe(
      'hung',
    )
    expect(pickGravest('/p', {}).kind).toBe('ok')
  })
})

describe('system errors', () => {
  it('an error unknown to Node has a name', () => {
    expect([errorName(117), errorName(122), errorName(116), errorName(4242)]).toEqual([
      'EUCLEAN',
      'EDQUOT',
      'ESTALE',
      'E4242',
    ])
  })

  it.each([
    [2, 'No such file or directory'],
    [5, 'Input/output error'],
    [22, 'Invalid argument'],
    [30, 'Read-only file system'],
    [36, 'File name too long'],
    [110, 'Connection timed out'],
    [117, 'Structure needs cleaning'],
    [4242, 'Unknown error 4242'],
  ])('errno %i is described as by strerror', (errno, text) => {
    expect(strerror(errno)).toBe(text)
  })

  it('a failure of a device that libuv has no name for, on Windows, is an input/output error', () => {
    const error = Object.assign(new Error('UNKNOWN: unknown error, read'), { errno: -4094, code: 'UNKNOWN' })
    expect(toSystemError(error)).toEqual({ errno: constants.errno.EIO, code: 'EIO' })
  })

  it('an argument that Node rejects becomes EINVAL', () => {
    expect(toSystemError(new TypeError('must be a string without null bytes'))).toEqual({
      errno: constants.errno.EINVAL,
      code: 'EINVAL',
    })
  })
})
