import { expect, test } from 'vitest'
import { createFrameDecoder, encodeFrame } from '../../../core/protocol/codec.ts'
import { batchBuffers, chunkBuffers } from '../../../core/protocol/frame-buffers.ts'
import type { Frame, SmallFile } from '../../../core/protocol/frames.ts'
import { BATCH_TARGET_BYTES, CHUNK_BYTES } from '../../../core/protocol/limits.ts'
import type { EncodedMetadata } from '../../../core/protocol/metadata-codec.ts'

const facts: EncodedMetadata = [0, 0, 0o644, 0, 0, null]
const small = (id: number, size: number): SmallFile => [id, 0, `file-${id}`, size, facts, Buffer.alloc(32, 7)]
const toBatch = (...files: SmallFile[]) => ({ files, directories: [] })

test('frame buffers: contents read into a buffer with header room are sent in one piece with the header', () => {
  const room = batchBuffers.takeRoom()
  const contents = room.subarray(0, BATCH_TARGET_BYTES).fill(7)
  const half = BATCH_TARGET_BYTES / 2
  const pieces = encodeFrame('batch', toBatch(small(1, half), small(2, half)), [contents])
  expect(pieces).toHaveLength(1)
  expect(pieces[0]?.buffer).toBe(room.buffer)
  const frames: Frame[] = []
  createFrameDecoder(() => true).push(Buffer.from(pieces[0] ?? []), (frame) => frames.push(frame))
  expect(frames[0]?.payload.equals(contents)).toBe(true)
  expect(frames[0]?.header).toMatchObject({ files: [[1], [2]].map(([id]) => expect.arrayContaining([id])) })
})

test('frame buffers: contents without header room, or in several pieces, are sent separately from the header', () => {
  const room = batchBuffers.takeRoom()
  const atItsBegin = Buffer.from(room.buffer, 0, 10)
  expect(encodeFrame('batch', toBatch(small(1, 10)), [atItsBegin])).toHaveLength(2)
  const two = [room.subarray(0, 10), room.subarray(20, 30)]
  expect(encodeFrame('batch', toBatch(small(1, 10), small(2, 10)), two)).toHaveLength(3)
})

test.each([
  ['chunk', chunkBuffers, CHUNK_BYTES],
  ['batch', batchBuffers, BATCH_TARGET_BYTES],
] as const)(
  'frame buffers: the memory of a used %s is reused for a later one; a small one has its own',
  (type, buffers, size) => {
    const arrived = (bytes: number): Uint8Array => {
      const header = type === 'chunk' ? { id: 1 } : toBatch(small(1, bytes))
      const frames: Frame[] = []
      const decoder = createFrameDecoder(() => true)
      const payload = Buffer.alloc(bytes, 3)
      for (const piece of encodeFrame(type, header as never, [payload]))
        decoder.push(Buffer.from(piece), (frame) => frames.push(frame))
      const [frame] = frames
      if (frame === undefined) throw new Error('no frame')
      expect(frame.payload.equals(payload)).toBe(true)
      return frame.payload
    }
    const first = arrived(size)
    const { buffer } = first
    expect(buffers.holds(first)).toBe(true)
    expect(arrived(size).buffer).not.toBe(buffer)
    buffers.give(first)
    expect(arrived(size).buffer).toBe(buffer)
    expect(buffers.holds(arrived(1_000))).toBe(false)
  },
)

test('frame buffers: at most eight returned buffers are kept for reuse, and the others are freed at once', () => {
  const taken = Array.from({ length: 40 }, () => batchBuffers.take())
  const buffers = taken.map(({ buffer }) => buffer)
  for (const one of taken) batchBuffers.give(one)
  const kept = buffers.filter(({ byteLength }) => byteLength > 0)
  expect(kept).toHaveLength(8)
  // Given twice it would be two frames' memory.
  if (taken[0] !== undefined) batchBuffers.give(taken[0])
  const again = Array.from({ length: 9 }, () => batchBuffers.take().buffer)
  expect(new Set(again.filter((one) => kept.includes(one))).size).toBe(8)
})

test('frame buffers: a returned buffer of another length is never handed out', () => {
  for (let count = 0; count < 20; count += 1) batchBuffers.take()
  const other = Buffer.from(new ArrayBuffer(1000 * 1024))
  batchBuffers.give(other)
  expect(batchBuffers.take().buffer).not.toBe(other.buffer)
})

test('frame buffers: a payload that is shorter than its header gets memory of its own size', () => {
  const files = Array.from({ length: 100 }, (_, id) => small(id, 1))
  const frames: Frame[] = []
  const decoder = createFrameDecoder(() => true)
  for (const piece of encodeFrame('batch', toBatch(...files), [Buffer.alloc(100, 5)]))
    decoder.push(Buffer.from(piece), (frame) => frames.push(frame))
  expect(frames[0]?.payload).toEqual(Buffer.alloc(100, 5))
  expect(frames[0]?.payload.buffer.byteLength).toBe(100)
})
