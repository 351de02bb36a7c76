import { expect, test } from 'vitest'
import { defer, deferAsync } from '../../core/defer.ts'
import { errorCode, errorText } from '../../core/platform/system-error.ts'

const fault = (code: string) => Object.assign(new Error(`the error ${code}`), { code })

test('deferred calls come at the end of a block, the last one first, also after an error', async () => {
  const ended: string[] = []
  const work = async () => {
    using _first = defer(() => ended.push('first'))
    await using _second = deferAsync(async () => ended.push('second'))
    ended.push('work')
    throw fault('EIO')
  }
  await expect(work()).rejects.toThrow('the error EIO')
  expect(ended).toEqual(['work', 'second', 'first'])
})

test('the error of a block is the one that is reported if a deferred call fails, too', () => {
  const fail = (code: string) => {
    throw fault(code)
  }
  const work = () => {
    using _first = defer(() => fail('ENOTCONN'))
    using _second = defer(() => fail('EBADF'))
    fail('EIO')
  }
  const error = (() => {
    try {
      return work()
    } catch (thrown) {
      return thrown
    }
  })()
  expect(errorCode(error)).toBe('EIO')
  expect(errorText(error)).toBe('the error EIO')
})
