import { writeSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { closeDescriptor } from '../../../core/platform/libc.ts'
import { openWake, readNow, whenReadable } from '../../../core/platform/waiting.ts'

const collectGarbage = (): void => {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc()')
}

test.skipIf(process.platform !== 'linux')(
  'waiting for a descriptor: the memory of the call stays its own while garbage is collected',
  async () => {
    const wake = openWake()
    const bytes = Buffer.alloc(8)
    for (let round = 0; round < 20; round += 1) {
      const waiting = whenReadable([wake])
      await turn()
      collectGarbage()
      const others = Array.from({ length: 5_000 }, () => Buffer.alloc(8, 7))
      writeSync(wake, new BigUint64Array([1n]))
      await waiting
      expect(readNow(wake, bytes)).toBe(8)
      expect(others.every((one) => one.every((byte) => byte === 7))).toBe(true)
    }
    closeDescriptor(wake)
  },
)
