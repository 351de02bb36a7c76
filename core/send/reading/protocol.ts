import type { Facts } from './facts.ts'
import type { Unsent } from './judge-read.ts'

export const SHA256_BYTES = 32

/** Small files of one source that are read one after the other. */
export interface ReadJob {
  id: number
  files: readonly { file: string; offered: Facts }[]
}

/** One file of them: its content is the next `length` of the bytes. */
export interface WasRead {
  kind: 'content'
  length: number
  /** Permission bits. */
  mode: number
}

export interface ReadResult {
  id: number
  read: readonly (WasRead | Unsent)[]
  bytes: Uint8Array
  /** SHA-256 of each content, 32 bytes each, in the same order. */
  digests: Uint8Array
}
