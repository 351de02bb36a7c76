import type { EntriesQuestion, Folder } from '../protocol/restore-entries.ts'
import type { ContentsPage, StoreContentsQuestion, StoredContent } from '../store/query/contents.ts'
import type { EntriesPage } from '../store/query/entries.ts'
import type { Incoming } from './write/incoming.ts'

/** Contents up to this size are read completely when they are opened. */
export const SMALL_BYTES = 256 * 1024

/**
 * Read access to the files of one computer at a destination, or of all computers in a store: to browse and to restore.
 * Its results are untrusted input from another computer: callers must check the names.
 *
 * Every call throws a UserError if the destination is no longer reachable.
 */
export interface Library {
  /** The directory on this computer that contains everything; null: not on a disk of this computer. */
  readonly place: string | null
  /** Directories of the computer's sources. */
  folders(): Promise<readonly Folder[]>
  entries(asked: EntriesQuestion): Promise<EntriesPage>
  /** Sorted by path. */
  contents(asked: StoreContentsQuestion): Promise<ContentsPage>
  /** @throws NotReadable, with the error name as its message, if only this content cannot be read. */
  open(content: StoredContent): Promise<Incoming>
  close(): void
}
