import { CHUNK_BYTES, frameKinds } from './frames.ts'

/** Room for a chunk's contents and its header. */
const BYTES = CHUNK_BYTES + frameKinds.chunk.maxHeader
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

/** Gives back a buffer, or a part of one, that nobody reads or writes any more; any other is let pass. */
export function giveChunkBuffer({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === BYTES && free.length < MOST_FREE)
    free.push(buffer)
}

/** Whether so many bytes are best put into a chunk's buffer. */
export const fitsChunkBuffer = (bytes: number): boolean => bytes > BYTES / 2 && bytes <= BYTES
