import type { FileFacts } from '../file-facts.ts'
import type { Outcome } from '../file-refused.ts'

/** A small file that may be stored. */
export interface BulkFile {
  /** The caller's own number for it. */
  index: number
  facts: FileFacts
  components: readonly string[]
  bytes: Uint8Array
  digest: Uint8Array
}

/** What the caller of files that came together hears of each. */
export interface BulkEvents {
  /** Its bytes are in memory no longer. Not called for every file that is not stored. */
  written(file: BulkFile): void
  /** It is durable in its place, or is not stored. */
  stored(file: BulkFile, outcome: Outcome): void
  /** Stores the file by itself. Never rejects. */
  alone(file: BulkFile): Promise<Outcome>
  /** Memory with the files' bytes, in their order, and with nothing else that is needed: it may be given away. */
  memory: ArrayBufferLike | null
}

/** A file that is on its way, and who waits for it. */
export interface Pending extends BulkFile {
  /** Of the file once it is written, as long as it has no name. */
  descriptor: number
  /** The path that it gets if its place cannot be taken at once. */
  temporary: string
  events: BulkEvents
}

/** Memory without bytes that are written. */
export const NO_BYTES = new Uint8Array(0)
