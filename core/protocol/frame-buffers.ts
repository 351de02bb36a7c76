import { findCollector } from '../lib/workers/process.ts'
import { alignedPlace, DIRECT_ALIGNMENT } from '../platform/direct-io.ts'
import { BATCH_TARGET_BYTES, CHUNK_BYTES, CHUNK_HEADER_BYTES, KIB, MIB, PREFIX_BYTES } from './limits.ts'

/** Reusable memory for frames of one kind. */
export type FrameBuffers = ReturnType<typeof createFrameBuffers>

/**
 * Buffers for chunks; keeps up to 8 MiB. With garbage collection of 256 KiB at a time, they took a fifth of a
 * transfer's CPU time, and kept the memory of each end above 200 MiB.
 */
export const chunkBuffers = createFrameBuffers(
  PREFIX_BYTES + CHUNK_HEADER_BYTES,
  CHUNK_BYTES,
  32,
  DIRECT_ALIGNMENT,
)

/**
 * Buffers for batches; keeps up to 9 MiB. New memory for each batch costs page faults, and a full garbage collection
 * for every few. The front has room for 512 entries of 256 bytes. The extra byte detects a file that grew while it was
 * read.
 */
export const batchBuffers = createFrameBuffers(128 * KIB, BATCH_TARGET_BYTES + 1, 8)

/** Share of a buffer that a frame must fill to use one: credit does not count the unused rest. */
const LEAST_PART = 0.5

/**
 * @param mostFree maximum of free buffers that are kept.
 * @param alignment memory alignment of the payload of received frames.
 */
function createFrameBuffers(frontBytes: number, contentBytes: number, mostFree: number, alignment = 1) {
  const mostBytes = frontBytes + contentBytes
  const bytes = mostBytes + alignment - 1
  const free: ArrayBuffer[] = []
  const take = () => Buffer.from(free.pop() ?? new ArrayBuffer(bytes))
  return {
    /** Maximum of bytes before the contents in a frame. */
    frontBytes,
    /** True if a frame of `wanted` bytes should use a buffer. */
    fits: (wanted: number) => wanted >= mostBytes * LEAST_PART && wanted <= mostBytes,
    /** Returns a buffer for a whole frame, with arbitrary content. If it is not given back, it is garbage collected. */
    take,
    /** Returns a buffer for a received frame. A chunk's payload is aligned for direct I/O (direct-io.ts). */
    takeFrame(headerBytes: number, payloadBytes: number) {
      const whole = take()
      const at = alignedPlace(whole.buffer, headerBytes, alignment)
      return whole.subarray(at - headerBytes, at + payloadBytes)
    },
    /** Returns memory for contents, with room for a front before it: see `withFront`. */
    takeRoom: () => take().subarray(frontBytes, mostBytes),
    /**
     * Writes `front` directly before contents in memory of `takeRoom`, and returns both as one piece; null: the
     * contents are in other memory. Node's TLS would copy several pieces into one, a quarter of the cost of sending a
     * large file.
     */
    withFront(front: Uint8Array, { buffer, byteOffset, length }: Uint8Array): Uint8Array | null {
      if (buffer.byteLength !== bytes || byteOffset < front.length) return null
      const whole = new Uint8Array(buffer, byteOffset - front.length, front.length + length)
      whole.set(front)
      return whole
    },
    /** True if these bytes are in a buffer of this kind, judged by its length. */
    holds: ({ buffer }: Uint8Array) => buffer.byteLength === bytes,
    /** Gives back a buffer, or a part of one, that is no longer in use; ignores other memory. */
    give(view: Uint8Array) {
      const { buffer } = view
      if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== bytes || free.includes(buffer)) return
      if (free.length < mostFree) free.push(buffer)
      else freeNow(view)
    },
  }
}

/** Frees memory at once. The garbage collector sees only a small object and would keep megabytes for long. */
export function freeNow({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && 'transfer' in buffer) buffer.transfer(0)
}

/**
 * Bytes after which a minor garbage collection is forced. Node's TLS allocates 16 KiB outside of V8's heap for every
 * record that it decrypts. V8 collects this memory only when there are some 50 MiB of it, which are no longer in the
 * processor's cache. With earlier collections the same memory is reused: a receiver of large files needs 45 MiB less and
 * is 10 % faster. ssh2 allocates three times the bytes that it sends; with earlier collections a large file needs half
 * of the CPU time.
 */
const COLLECT_EVERY_BYTES = 4 * MIB

/** V8's garbage collector; null: not available; undefined: not looked up yet. */
let collect: typeof globalThis.gc | null
let used = 0

/** Counts bytes of such buffers that are no longer in use, and runs a collection if enough are counted. */
export function countUsed(bytes: number): void {
  used += bytes
  if (used < COLLECT_EVERY_BYTES) return
  used = 0
  if (collect === undefined) collect = findCollector() ?? null
  collect?.({ type: 'minor', execution: 'sync' })
}
