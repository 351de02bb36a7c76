// @module-tag story
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { storeLayout } from '../../../core/store/layout.ts'
import type { Finding } from '../../../core/store/verify/findings.ts'
import { verifyStore } from '../../../core/store/verify/verify.ts'
import { canMount, mountExt4 } from '../../support/faults/mounts.ts'
import { writeFile } from '../../support/transfer/transfer.ts'

async function found(store: string, adopt: boolean): Promise<Finding[]> {
  const findings: Finding[] = []
  await verifyStore(
    store,
    { adopt },
    {
      notice: async () => undefined,
      found: async (one) => void findings.push(one),
      progress: () => undefined,
    },
  )
  return findings
}

test.skipIf(!canMount)(
  'store verification: damage on the disk is found although the page cache is intact (needs root: mount)',
  async () => {
    const disk = await mountExt4(onTestFinished)
    const store = path.join(disk.point, 'store')
    fs.mkdirSync(storeLayout(store).own, { recursive: true })
    const content = randomBytes(64 * 1024)
    const file = path.join(store, 'pc/data/file')
    writeFile(store, 'pc/data/file', content)
    const fd = fs.openSync(file, 'r+')
    fs.fsyncSync(fd)
    fs.closeSync(fd)
    expect(await found(store, true)).toMatchObject([{ kind: 'unknown', adopted: true }])
    expect(await found(store, false)).toEqual([])

    // A bit of it flips on the disk below.
    const image = path.join(path.dirname(disk.point), 'image')
    const at = fs.readFileSync(image).indexOf(content.subarray(0, 4096))
    const below = fs.openSync(image, 'r+')
    fs.writeSync(below, Buffer.from([(content[7] ?? 0) ^ 1]), 0, 1, at + 7)
    fs.closeSync(below)
    expect(fs.readFileSync(file).equals(content)).toBe(true)
    expect(await found(store, false)).toMatchObject([{ kind: 'damaged', place: 'pc/data/file' }])
  },
)
