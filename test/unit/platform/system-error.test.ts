import { expect, test } from 'vitest'
import { errorCode } from '../../../core/platform/system-error.ts'

test('errorCode: errors of damaged file systems and lost shares have a name, which Node.js lacks on Linux', () => {
  const codes = [116, 117, 122].map((number) => errorCode({ code: `Unknown system error -${number}` }))
  const unnamed = ['Unknown system error -116', 'Unknown system error -117', 'Unknown system error -122']
  expect(codes).toEqual(process.platform === 'linux' ? ['ESTALE', 'EUCLEAN', 'EDQUOT'] : unnamed)
  expect(errorCode({ code: 'Unknown system error -118' })).toBe('Unknown system error -118')
  expect(errorCode({ code: 'EIO' })).toBe('EIO')
  expect(errorCode({ code: '', message: 'Unknown error: Read-only file system' })).toBeNull()
})
