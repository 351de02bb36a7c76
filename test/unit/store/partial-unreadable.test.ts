import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { expect, test, vi } from 'vitest'
import { begin, beginLarge, openLarge, sendLarge } from '../../support/store/large-files.ts'

/** Partial files cannot be read while this is so. */
const disk = vi.hoisted(() => ({ isBroken: false }))
vi.mock('../../../core/platform/fd.ts', async (original) => {
  const real = await original<typeof import('../../../core/platform/fd.ts')>()
  return {
    ...real,
    async readFully(...words: Parameters<typeof real.readFully>) {
      if (disk.isBroken && fs.readlinkSync(`/proc/self/fd/${words[0]}`).includes('/.holdfast/partial/'))
        throw Object.assign(new Error('a bad sector'), { code: 'EIO' })
      return real.readFully(...words)
    },
  }
})

test.skipIf(process.platform !== 'linux')(
  'partial file: an unreadable one is discarded, and the upload restarts from the first byte',
  async () => {
    const at = await openLarge()
    const bytes = randomBytes(3 * 1024 * 1024)
    await beginLarge(at, 'a', bytes, 2_000_000)
    disk.isBroken = true
    const file = begin(at.store, at.source, 'a', bytes.length, '1')
    expect(await file.offset).toBe(2_000_000)
    await file.write(bytes.subarray(2_000_000))
    expect(file.refused).toEqual({ status: 'failed', detail: 'EIO' })
    await file.abort(true)
    expect(at.kept()).toEqual([])
    expect(await sendLarge(at, 'a', bytes)).toEqual({ offset: 0, status: 'durable' })
  },
)
