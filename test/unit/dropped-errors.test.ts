import { beforeEach, expect, test } from 'vitest'
import {
  dropError,
  expectErrorCodes,
  ignoreError,
  logDroppedErrors,
  settled,
  warnUnlessCode,
} from '../../core/dropped-errors.ts'

const missing = Object.assign(new Error("ENOENT: no such file, open '/data/secret'"), { code: 'ENOENT' })
const refused = Object.assign(new Error("EACCES: refused, open '/data/secret'"), { code: 'EACCES' })

const lines: string[] = []
beforeEach(() => {
  lines.length = 0
  logDroppedErrors((level, text) => lines.push(`${level} ${text}`), true)
})

test('a dropped error: its code and its reason are logged, and no path or content', async () => {
  expect(dropError(missing, 'an older file is enough', null)).toBeNull()
  expect(await Promise.reject(refused).catch(ignoreError('an older file is enough'))).toBeUndefined()
  dropError(new SyntaxError('Unexpected token in "password"'), 'the text is no JSON')
  expect(lines).toEqual([
    'debug ENOENT dropped: an older file is enough',
    'debug EACCES dropped: an older file is enough',
    'debug SyntaxError dropped: the text is no JSON',
  ])
})

test('a dropped error: nothing is logged at debug level where nobody has asked for it', () => {
  logDroppedErrors((level, text) => lines.push(`${level} ${text}`), false)
  dropError(missing, 'an older file is enough')
  warnUnlessCode(refused, ['ENOENT'], 'a quiet test')
  expect(lines).toEqual(['warn EACCES dropped: a quiet test'])
})

test('an expected code is dropped without a line, any other goes on as an error', async () => {
  expect(await Promise.reject(missing).catch(expectErrorCodes(['ENOENT'], 0))).toBe(0)
  await expect(Promise.reject(refused).catch(expectErrorCodes(['ENOENT'], 0))).rejects.toBe(refused)
  expect(lines).toEqual([])
})

test('an unexpected code is a warning, once for each reason and code', () => {
  warnUnlessCode(missing, ['ENOENT'], 'a part file stays')
  warnUnlessCode(refused, ['ENOENT'], 'a part file stays')
  warnUnlessCode(refused, ['ENOENT'], 'a part file stays')
  expect(lines).toEqual(['warn EACCES dropped: a part file stays', 'debug EACCES dropped: a part file stays'])
})

test('a settled promise: resolves after success and failure, and leaves the error to others', async () => {
  const failing = Promise.reject(refused)
  await settled(failing)
  await settled(Promise.resolve(1))
  await expect(failing).rejects.toBe(refused)
})
