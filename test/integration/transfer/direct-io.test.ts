// @module-tag story
import { createHash, randomFillSync } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { DIRECT_ALIGNMENT, isAligned } from '../../../core/platform/direct-io.ts'
import { createFrameDecoder, encodeFrame } from '../../../core/protocol/codec.ts'
import { CHUNK_BYTES } from '../../../core/protocol/limits.ts'
import { openAppending } from '../../../core/store/file-writer.ts'
import { canMount, hasXfs, mountExt4, mountTmpfs, mountXfs } from '../../support/faults/mounts.ts'
import { cachedPages } from '../../support/store/cached-pages.ts'
import { computeDigest } from '../../support/store/file-facts.ts'

const MIB = 1024 * 1024
const PAGE_BYTES = 4096

/** The content as its chunks come from the line. */
function arrived(content: Buffer): Uint8Array[] {
  const chunks: Uint8Array[] = []
  const decoder = createFrameDecoder(() => true)
  for (let at = 0; at < content.length; at += CHUNK_BYTES) {
    // Headers of several lengths.
    const header = { id: at % 3 === 0 ? 1 : 70_000 }
    for (const piece of encodeFrame('chunk', header, [content.subarray(at, at + CHUNK_BYTES)]))
      decoder.push(Buffer.from(piece), ({ payload }) => chunks.push(payload))
  }
  return chunks
}

/** Writes `pieces` behind the first `there` bytes of `content`, which the file has already. */
async function write(file: string, content: Buffer, pieces: readonly Uint8Array[], there = 0) {
  fs.writeFileSync(file, content.subarray(0, there))
  const fd = fs.openSync(file, 'r+')
  const appending = await openAppending(fd, content.length, false)
  try {
    while (appending.position < there) await appending.takeIn(there)
    for (let at = 0; at < pieces.length; at += 16) await appending.append(pieces.slice(at, at + 16))
    const cached = cachedPages(fd)
    expect(await appending.finish()).toEqual(computeDigest(content))
    return cached
  } finally {
    await appending.close()
  }
}

const shortly = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
const createContent = (bytes: number) => randomFillSync(Buffer.alloc(bytes))

test('direct I/O: a received chunk is aligned in memory for direct writes', () => {
  for (const bytes of [CHUNK_BYTES, CHUNK_BYTES - 1, CHUNK_BYTES * 0.75]) {
    const content = createContent(bytes)
    const [chunk, ...others] = arrived(content)
    expect(others).toEqual([])
    expect(chunk !== undefined && isAligned(chunk, DIRECT_ALIGNMENT)).toBe(true)
    expect(content.equals(chunk ?? Buffer.alloc(0))).toBe(true)
  }
})

describe.skipIf(!canMount)('direct I/O on a separate disk (needs root: mounts)', () => {
  test.for([
    { system: 'ext4', mount: mountExt4, isThere: true },
    { system: 'xfs', mount: mountXfs, isThere: hasXfs },
  ])(
    'a large file on $system bypasses the page cache, except for an unaligned end',
    async ({ mount, isThere }, { skip }) => {
      if (!isThere) skip('needs a kernel with xfs, and xfsprogs')
      const { point } = await mount((undo) => onTestFinished(undo))
      for (const end of [0, 1, PAGE_BYTES - 1]) {
        const content = createContent(6 * MIB + end)
        const file = path.join(point, `large-${end}`)
        expect(await write(file, content, arrived(content))).toBeLessThanOrEqual(end === 0 ? 0 : 1)
        expect(shortly(fs.readFileSync(file))).toBe(shortly(content))
      }
    },
  )

  test('a large file is stored intact where pieces, offset or disk do not allow direct writes', async () => {
    const { point } = await mountExt4((undo) => onTestFinished(undo))
    const memory = await mountTmpfs((undo) => onTestFinished(undo), { megabytes: 32 })
    const content = createContent(5 * MIB + 17)
    const odd = [content.subarray(0, 1001), content.subarray(1001, 3 * MIB), content.subarray(3 * MIB)]
    const places = [
      { file: path.join(point, 'odd'), pieces: odd, there: 0 },
      { file: path.join(point, 'resumed'), pieces: arrived(content.subarray(12_345)), there: 12_345 },
      { file: path.join(point, 'resumed-even'), pieces: arrived(content.subarray(MIB)), there: MIB },
      { file: path.join(memory.point, 'in-memory'), pieces: arrived(content), there: 0 },
    ]
    for (const { file, pieces, there } of places) {
      await write(file, content, pieces, there)
      expect(shortly(fs.readFileSync(file))).toBe(shortly(content))
    }
  })

  test('a file larger than the free space fails with ENOSPC, and the part written is intact', async () => {
    const { point } = await mountExt4((undo) => onTestFinished(undo), { megabytes: 16 })
    const content = createContent(32 * MIB)
    const file = path.join(point, 'too-large')
    await expect(write(file, content, arrived(content))).rejects.toMatchObject({ code: 'ENOSPC' })
    const there = fs.readFileSync(file)
    expect(there.length).toBeGreaterThan(MIB)
    expect(shortly(there)).toBe(shortly(content.subarray(0, there.length)))
  })
})
