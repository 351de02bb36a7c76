/** A file to be written under a temporary name; its bytes follow those of the file before. */
export interface WriteFile {
  temporary: string
  size: number
  /** Seconds since 1970. */
  mtime: number
  /** Permission bits. */
  mode: number
}

export const SHA256_BYTES = 32

/** What the store's threads are asked to do. */
export type StoreJob =
  /** Writes files; nothing of it is durable afterwards. `digests`: 32 bytes a file. */
  | { kind: 'write'; files: readonly WriteFile[]; bytes: Uint8Array; digests: Uint8Array }
  /**
   * Gives each of the first names the second one, below the store's root, where nothing has that yet; then makes all
   * that was done on the file system before durable. `fd`: the root, open since before all that has to become durable.
   */
  | { kind: 'commit'; moves: readonly (readonly [string, string])[]; fd: number }

export interface StoreJobResult {
  /** The files (by their index) that it did not do, and why: an error name, or WRONG_DIGEST. */
  failures: readonly (readonly [number, string])[]
  /** The error name of a sync that failed; null: it worked, or none was asked for. */
  unsynced: string | null
}

/** What came is not what its SHA-256 tells of. */
export const WRONG_DIGEST = 'digest'

export interface NumberedJob {
  id: number
  job: StoreJob
}

export interface NumberedResult {
  id: number
  result: StoreJobResult
}
