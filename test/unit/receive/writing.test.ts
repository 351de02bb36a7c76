import { expect, test } from 'vitest'
import type { Pending } from '../../../core/receive/bulk/pending.ts'
import { takeJob, writeJobOf } from '../../../core/receive/bulk/writing.ts'

const KIB = 1024

/** Files that came in one frame. */
function groupOf(files: number, size: number): Pending[] {
  const memory = new ArrayBuffer(files * size)
  const events = {
    written: () => undefined,
    stored: () => undefined,
    alone: async () => ({ status: 'durable' as const, detail: '' }),
    memory,
  }
  return Array.from({ length: files }, (_, index) => ({
    ...{
      index,
      components: ['pc', 'data', `${index}`],
      digest: Buffer.alloc(33),
      temporary: '',
      descriptor: -1,
    },
    facts: { folder: 'pc', source: 'data', path: `${index}`, size, mtimeMs: 0, mode: 0o644 },
    bytes: new Uint8Array(memory, index * size, size),
    events,
  }))
}

test.each([
  ['512 of 2 KiB', 512, 2 * KIB],
  ['16 of 64 KiB', 16, 64 * KIB],
  ['4 of 256 KiB', 4, 256 * KIB],
])(
  'the files of a full frame, %s, are a job by themselves, in the memory that they came in',
  (_, files, size) => {
    const coming = [groupOf(files, size), groupOf(files, size)]
    const memory = coming[0]?.[0]?.events.memory
    const taken = takeJob(coming, 10_000)
    expect([taken.length, coming.length]).toEqual([files, 1])
    const { job, transfer } = writeJobOf(taken, '/store')
    expect(transfer[0]).toBe(memory)
    // What is transferred or copied beside it is no pool of Node's.
    expect(transfer.map((one) => one.byteLength)).toEqual([files * size, files * 33])
    if (job.kind !== 'write') throw new Error(job.kind)
    expect(job.files.map(({ size: bytes, digestBytes }) => [bytes, digestBytes])).toEqual(
      new Array(files).fill([size, 33]),
    )
    expect(job.digests).toHaveLength(files * 33)
    expect(job.digests.buffer).toBe(transfer[1])
  },
)

test('few small files share a job, in memory of its own, and no more of them than asked for', () => {
  const coming = [groupOf(3, KIB), groupOf(4, KIB), groupOf(5, KIB)]
  const taken = takeJob(coming, 8)
  expect([taken.length, coming.length]).toEqual([7, 1])
  expect(writeJobOf(taken, '/store').transfer[0]?.byteLength).toBe(7 * KIB)
  expect(taken.every(({ bytes }) => bytes.length === 0)).toBe(true)
})
