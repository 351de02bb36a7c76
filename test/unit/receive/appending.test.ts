import { closeSync, openSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { openAppending } from '../../../core/receive/store/appending.ts'

// fdatasync(2) refuses /dev/null with EINVAL, after it took every byte, as a broken disk does.
test.runIf(process.platform === 'linux')(
  'a disk that refuses a part is known, also without the end',
  async () => {
    const fd = openSync('/dev/null', 'r+')
    onTestFinished(() => closeSync(fd))
    const appending = openAppending(fd, 'sha256')
    const piece = Buffer.alloc(1024 * 1024)
    await appending.append([piece])
    expect(await appending.settled()).toBe(true)
    for (let count = 0; count < 32; count += 1) await appending.append([piece])
    expect(await appending.settled()).toBe(false)
    await expect(appending.digest()).rejects.toMatchObject({ code: 'EINVAL' })
  },
)
