import type { FoundDirectory } from '../../backends/destination.ts'
import type { FileMetadata, FileStat } from '../../platform/file-metadata.ts'
import type { Fixity } from '../../platform/fixity.ts'
import type { FixityKind } from '../../platform/fixity-kinds.ts'
import { errorCode } from '../../platform/system-error.ts'

// The results of reading a source's files. The reading threads load this module: keep it small.

/** A file to read, with the facts that it was offered with. */
export interface Wanted {
  /** Relative to the source, with "/". */
  path: string
  offered: FileStat
}

/** A whole file with the content that the offered facts describe. */
export interface Content {
  kind: 'content'
  bytes: Buffer
  digest: Buffer
  /** The digests that the source asks for. */
  fixity: Fixity
  facts: FileMetadata
}

/** The reason why a file is not sent now. */
export type Unsent =
  /** The file differs from what was offered; `stat` is its current one. */
  | { kind: 'changed'; stat: FileStat }
  /** Reading failed, with this error name; NO_FILE: the name is not a file. */
  | { kind: 'failed'; code: string }

/** The result of reading a file: its content, if the file is unchanged since it was offered. */
export type FileRead = Content | Unsent

/** Small files of one source, read in order. */
export interface Group {
  /** Absolute path of the source. */
  root: string
  files: readonly Wanted[]
  /** Digests to compute beside BLAKE3. */
  fixity: readonly FixityKind[]
  /** `found`: a result for each file; `directories`: the directories of the files, and those above them. */
  take: (found: readonly FileRead[], directories: readonly FoundDirectory[]) => void
}

/** A job of a reading thread. */
export interface ReadJob extends Omit<Group, 'take'> {
  /** Receives the contents in order; holds the offered size of all files, and one byte more. */
  memory: Uint8Array<ArrayBuffer>
}

/** A file that was read: its content is the next `length` of the bytes. */
export interface WasRead {
  kind: 'content'
  length: number
  fixity: Fixity
  facts: FileMetadata
}

export interface ReadResult {
  read: readonly (WasRead | Unsent)[]
  directories: readonly FoundDirectory[]
  bytes: Uint8Array<ArrayBuffer>
  /** The digests of the contents, in the same order. */
  digests: Uint8Array<ArrayBuffer>
}

export interface ReaderCalls {
  read: { input: ReadJob; output: ReadResult }
}

export const NO_FILE: Unsent = { kind: 'failed', code: 'ENOENT' }

export const unsentBecause = (error: unknown): Unsent => ({
  kind: 'failed',
  code: errorCode(error) ?? String(error),
})
