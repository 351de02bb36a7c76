import type { FileFacts } from '../../platform/facts.ts'
import type { StatFacts } from '../../platform/stat-facts.ts'
import type { Unsent } from './facts.ts'

/** A file that is to be read, and what it was when it was offered. */
export interface Wanted {
  /** Relative to the source, with "/". */
  path: string
  offered: StatFacts
}

/** A whole file, whose content is what the offered facts describe. */
export interface Content {
  kind: 'content'
  bytes: Buffer
  digest: Buffer
  facts: FileFacts
}

/** What was found of a file: its content, if it is what was offered. */
export type FileRead = Content | Unsent

/** What a directory on the way to files is; the source's own has an empty path. */
export interface FoundDirectory {
  path: string
  facts: FileFacts
}

/** Small files of one source that are read one after the other. */
export interface Group {
  /** Absolute path of the source. */
  root: string
  files: readonly Wanted[]
  /** `found`: of each file; `directories`: those that they are in, and above them. */
  take: (found: readonly FileRead[], directories: readonly FoundDirectory[]) => void
}

/** What a reading thread is asked. */
export interface ReadJob extends Omit<Group, 'take'> {
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

export interface ReaderCalls {
  read: { input: ReadJob; output: ReadResult }
}
