import { openSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openAppending } from '../../../core/receive/store/appending.ts'

const MIB = 1024 * 1024

// fdatasync(2) refuses /dev/null with EINVAL, after it took every byte, as a broken disk does.
test.runIf(process.platform === 'linux')(
  'a disk that refuses a part is known, also without the end',
  async () => {
    const appendingOf = (pieces: number) =>
      openAppending(openSync('/dev/null', 'r+'), pieces * MIB, 'sha256').then(async (appending) => {
        for (let count = 0; count < pieces; count += 1) await appending.append([Buffer.alloc(MIB)])
        return appending
      })
    expect(await (await appendingOf(1)).close()).toBe(true)
    expect(await (await appendingOf(33)).close()).toBe(false)
    const refused = await appendingOf(33)
    await expect(refused.digest()).rejects.toMatchObject({ code: 'EINVAL' })
    expect(await refused.close()).toBe(false)
  },
)
