import { frameKinds } from './frames.ts'
import { CHUNK_BYTES, PREFIX_BYTES } from './limits.ts'

/** What comes before a chunk's contents on the line, at most. */
const FRONT_BYTES = PREFIX_BYTES + frameKinds.chunk.maxHeader
const BYTES = FRONT_BYTES + CHUNK_BYTES
/** Buffers that wait to be used again, 8 MiB. */
const MOST_FREE = 32

/**
 * Memory for chunks, used again and again: left to the garbage collector, 256 KiB at a time, it was a fifth of a
 * transfer's CPU time, and kept the memory of each end above 200 MiB.
 */
const free: ArrayBuffer[] = []

/** A buffer that a whole chunk fits into, with anything in it; one that is never given back is simply collected. */
export function takeChunkBuffer(): Buffer {
  return Buffer.from(free.pop() ?? new ArrayBuffer(BYTES))
}

/** Room for a chunk's contents, with room for what comes before them: see `withFront`. */
export const takeChunkRoom = (): Buffer => takeChunkBuffer().subarray(FRONT_BYTES)

/**
 * Puts `front` right before contents that are in a chunk's room, so that both are one piece; null: they are elsewhere.
 * Two pieces Node's TLS would first copy into one, a quarter of what sending a large file cost.
 */
export function withFront(front: Uint8Array, { buffer, byteOffset, length }: Uint8Array): Uint8Array | null {
  if (buffer.byteLength !== BYTES || byteOffset < front.length) return null
  const whole = new Uint8Array(buffer, byteOffset - front.length, front.length + length)
  whole.set(front)
  return whole
}

/** Gives back a buffer, or a part of one, that nobody reads or writes any more; any other is let pass. */
export function giveChunkBuffer({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === BYTES && free.length < MOST_FREE)
    free.push(buffer)
}

/** Whether so many bytes are best put into a chunk's buffer. */
export const fitsChunkBuffer = (bytes: number): boolean => bytes > BYTES / 2 && bytes <= BYTES
