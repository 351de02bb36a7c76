import { setTimeout as delay } from 'node:timers/promises'
import { errorCode } from './system-error.ts'

// On Windows, a file that another program has open can often be neither renamed, nor replaced, nor removed. Virus
// scanners and indexers open each new file for a moment.

/** Errors of such a call: libuv has EPERM for "access is denied", EBUSY for "is being used by another process". */
const IN_USE = new Set(['EPERM', 'EACCES', 'EBUSY'])
const TRY_FOR_MS = 2_000
const TRY_EVERY_MS = 50

const isInUse = (error: unknown): boolean =>
  process.platform === 'win32' && IN_USE.has(errorCode(error) ?? '')

/** Makes a call on a file. On Windows, repeats it for two seconds while another program has the file open. */
export async function retryInUse<T>(call: () => Promise<T>): Promise<T> {
  for (let left = TRY_FOR_MS; ; left -= TRY_EVERY_MS) {
    try {
      return await call()
    } catch (error) {
      if (left <= 0 || !isInUse(error)) throw error
      await delay(TRY_EVERY_MS)
    }
  }
}

/** Like `retryInUse`, with a blocking call, for threads. */
export function retryInUseSync<T>(call: () => T): T {
  for (let left = TRY_FOR_MS; ; left -= TRY_EVERY_MS) {
    try {
      return call()
    } catch (error) {
      if (left <= 0 || !isInUse(error)) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TRY_EVERY_MS)
    }
  }
}
