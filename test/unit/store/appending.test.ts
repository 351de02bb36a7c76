import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openAppending } from '../../../core/store/file-writer.ts'
import { computeDigest } from '../../support/store/file-facts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const MIB = 1024 * 1024

// fdatasync(2) refuses /dev/null with EINVAL, after it took every byte, as a broken disk does.
test.runIf(process.platform === 'linux')(
  'file writer: a sync error while appending is reported by `finish`, and by `close` alone',
  async () => {
    const appendPieces = async (pieces: number) => {
      const fd = openSync('/dev/null', 'r+')
      onTestFinished(() => closeSync(fd))
      const appending = await openAppending(fd, pieces * MIB, false)
      for (let count = 0; count < pieces; count += 1) await appending.append([Buffer.alloc(MIB)])
      return appending
    }
    expect(await (await appendPieces(1)).close()).toBe(true)
    expect(await (await appendPieces(33)).close()).toBe(false)
    const refused = await appendPieces(33)
    await expect(refused.finish()).rejects.toMatchObject({ code: 'EINVAL' })
    expect(await refused.close()).toBe(false)
  },
)

test.each([
  ['sparse', true],
  ['without holes', false],
])(
  'file writer: zeros given as a length read back and digest as zeros in a file that is %s',
  async (_, isSparse) => {
    const file = path.join(temporaryDirectory('appending'), 'file')
    const fd = openSync(file, 'w+')
    onTestFinished(() => closeSync(fd))
    const text = Buffer.from('some text')
    const whole = Buffer.concat([text, Buffer.alloc(8 * MIB), text, Buffer.alloc(3 * MIB + 1)])
    const appending = await openAppending(fd, whole.length, isSparse)
    await appending.append([text, 8 * MIB])
    await appending.append([text])
    await appending.append([Buffer.alloc(MIB), 2 * MIB + 1])
    expect(appending.position).toBe(whole.length)
    expect(await appending.finish()).toEqual(computeDigest(whole))
    expect(readFileSync(file).equals(whole)).toBe(true)
    const onDisk = fstatSync(fd).blocks * 512
    if (isSparse) expect(onDisk).toBeLessThan(MIB)
    else expect(onDisk).toBeGreaterThanOrEqual(whole.length)
  },
)
