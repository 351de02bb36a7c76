import type { FileFacts } from '../../files/facts.ts'
import type { Facts } from './facts.ts'
import type { FoundDirectory } from './group.ts'
import type { Unsent } from './judge-read.ts'

/** Small files of one source that are read one after the other. */
export interface ReadJob {
  /** Absolute path of the source. */
  root: string
  files: readonly { path: string; offered: Facts }[]
  /** What they are read into, one after the other: it has room for all that is offered of them, and a byte. */
  memory: Uint8Array<ArrayBuffer>
}

/** One file of them: its content is the next `length` of the bytes. */
export interface WasRead {
  kind: 'content'
  length: number
  facts: FileFacts
}

export interface ReadResult {
  read: readonly (WasRead | Unsent)[]
  directories: readonly FoundDirectory[]
  bytes: Uint8Array<ArrayBuffer>
  /** The digest of each content, in the same order. */
  digests: Uint8Array<ArrayBuffer>
}

/** What the reading thread can be asked. */
export interface ReaderCalls {
  read: { input: ReadJob; output: ReadResult }
}
