import { alignedPlace, DIRECT_ALIGNMENT } from '../platform/direct-io.ts'
import { BATCH_TARGET_BYTES, CHUNK_BYTES, CHUNK_HEADER_BYTES, PREFIX_BYTES } from './limits.ts'

const KIB = 1024

/** Memory for the frames of one kind, used again and again. */
export type FrameBuffers = ReturnType<typeof createFrameBuffers>

/** Left to the garbage collector, which sees a small object, megabytes would wait for it. */
export function freeNow({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && 'transfer' in buffer) buffer.transfer(0)
}

/** A frame takes a buffer from this part of it on: what it holds beyond its bytes no credit pays for. */
const LEAST_PART = 0.5

/**
 * @param mostFree how many may wait to be used again.
 * @param alignment of the payload of frames that come, in memory.
 */
function createFrameBuffers(frontBytes: number, contentBytes: number, mostFree: number, alignment = 1) {
  const mostBytes = frontBytes + contentBytes
  const bytes = mostBytes + alignment - 1
  const free: ArrayBuffer[] = []
  const take = () => Buffer.from(free.pop() ?? new ArrayBuffer(bytes))
  return {
    /** How much comes before the contents on the line, at most. */
    frontBytes,
    /** Whether a frame of so many bytes is best put into one of them. */
    fits: (wanted: number) => wanted >= mostBytes * LEAST_PART && wanted <= mostBytes,
    /** A buffer for a whole frame, with anything in it; one that is never given back is simply collected. */
    take,
    /** For a frame that comes: the payload of a chunk is where a disk can take it from memory itself (direct-io.ts). */
    takeFrame(headerBytes: number, payloadBytes: number) {
      const whole = take()
      const at = alignedPlace(whole.buffer, headerBytes, alignment)
      return whole.subarray(at - headerBytes, at + payloadBytes)
    },
    /** Room for contents, with room for what comes before them: see `withFront`. */
    takeRoom: () => take().subarray(frontBytes, mostBytes),
    /**
     * Puts `front` right before contents that are in such a room, so that both are one piece; null: they are elsewhere.
     * Several pieces Node's TLS would first copy into one, a quarter of what sending a large file cost.
     */
    withFront(front: Uint8Array, { buffer, byteOffset, length }: Uint8Array): Uint8Array | null {
      if (buffer.byteLength !== bytes || byteOffset < front.length) return null
      const whole = new Uint8Array(buffer, byteOffset - front.length, front.length + length)
      whole.set(front)
      return whole
    },
    /** Whether these bytes are in one of them, by its length. */
    holds: ({ buffer }: Uint8Array) => buffer.byteLength === bytes,
    /** Gives back a buffer, or a part of one, that nobody reads or writes any more; any other is let pass. */
    give(view: Uint8Array) {
      const { buffer } = view
      if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== bytes || free.includes(buffer)) return
      if (free.length < mostFree) free.push(buffer)
      else freeNow(view)
    },
  }
}

/**
 * For chunks, 8 MiB that wait: left to the garbage collector, 256 KiB at a time, they were a fifth of a transfer's CPU
 * time, and kept the memory of each end above 200 MiB.
 */
export const chunkBuffers = createFrameBuffers(
  PREFIX_BYTES + CHUNK_HEADER_BYTES,
  CHUNK_BYTES,
  32,
  DIRECT_ALIGNMENT,
)

/**
 * For batches, 9 MiB that wait: new memory for each costs page faults, and V8 a collection of all that it has for every
 * few. In front is room for 512 entries of 256 bytes; one byte more tells a file that has grown while it was read.
 */
export const batchBuffers = createFrameBuffers(128 * KIB, BATCH_TARGET_BYTES + 1, 8)
