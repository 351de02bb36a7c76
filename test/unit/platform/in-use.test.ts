import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { retryInUse, retryInUseSync } from '../../../core/platform/in-use.ts'

let platform = vi.spyOn(process, 'platform', 'get')
beforeEach(() => {
  platform = vi.spyOn(process, 'platform', 'get').mockReturnValue('win32')
})
afterEach(() => void platform.mockRestore())

/** Fails with this code, twice. */
function createCall(code: string) {
  let calls = 0
  return () => {
    calls += 1
    if (calls <= 2) throw Object.assign(new Error(code), { code })
    return calls
  }
}

test.each(['EPERM', 'EACCES', 'EBUSY'])('file in use (%s): the call is repeated on Windows', async (code) => {
  const call = createCall(code)
  expect(await retryInUse(async () => call())).toBe(3)
  expect(retryInUseSync(createCall(code))).toBe(3)
})

test('file in use: any other error, and any error of another system, is thrown at once', async () => {
  expect(() => retryInUseSync(createCall('ENOSPC'))).toThrow('ENOSPC')
  const call = createCall('ENOSPC')
  await expect(retryInUse(async () => call())).rejects.toThrow('ENOSPC')
  platform.mockReturnValue('linux')
  expect(() => retryInUseSync(createCall('EBUSY'))).toThrow('EBUSY')
})
