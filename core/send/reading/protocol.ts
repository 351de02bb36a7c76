import type { DigestKind } from '../../files/digest.ts'
import type { Facts } from './facts.ts'
import type { Unsent } from './judge-read.ts'

/** Small files of one source that are read one after the other. */
export interface ReadJob {
  id: number
  digests: DigestKind
  files: readonly { file: string; offered: Facts }[]
  /** What they are read into, one after the other: it has room for all that is offered of them, and a byte. */
  memory: Uint8Array<ArrayBuffer>
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
  /** The digest of each content, in the same order, all of one length. */
  digests: Uint8Array
}
