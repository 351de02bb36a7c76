/** A file to be written; its bytes follow those of the file before. */
export interface WriteFile {
  size: number
  /** Seconds since 1970. */
  mtime: number
  /** Permission bits. */
  mode: number
  digestBytes: number
}

/** An unnamed file that is to get a name. */
export interface NameFile {
  /** Closed in any case. */
  descriptor: number
  /** Its place below the store's root; null: it only gets its temporary name. */
  to: string | null
  /** The absolute path that it gets where its place cannot be taken. */
  temporary: string
}

/** What the store's threads are asked to do. */
export type StoreJob =
  /**
   * Writes files that have no names, in the file system of `directory`; nothing of it is durable afterwards.
   * `digests`: one after the other, as `bytes`.
   */
  | {
      kind: 'write'
      directory: string
      files: readonly WriteFile[]
      bytes: Uint8Array<ArrayBuffer>
      digests: Uint8Array
    }
  /**
   * Names files, where nothing has that name yet; then makes all that was done on the file system before durable.
   * `root`: the store's, open since before all that has to become durable.
   */
  | { kind: 'commit'; files: readonly NameFile[]; root: number }

export interface StoreJobResult {
  /** The files (by their index) that it did not do, and why: an error name, or WRONG_DIGEST. */
  failures: readonly (readonly [number, string])[]
  /** Those of them that have not even their temporary name. */
  lost: readonly number[]
  /** Of files that were written, in their order; NO_DESCRIPTOR for a failure. */
  descriptors: readonly number[]
  /** The error name of a sync that failed; null: it worked, or none was asked for. */
  unsynced: string | null
}

export const NO_DESCRIPTOR = -1

/** What came is not what its digest tells of. */
export const WRONG_DIGEST = 'digest'

export interface NumberedJob {
  id: number
  job: StoreJob
}

export interface NumberedResult {
  id: number
  result: StoreJobResult
  /** What was written, if its memory is to be used again. */
  memory: Uint8Array | null
}
