import type { EntriesQuestion, Folder } from '../protocol/restore-entries.ts'
import type { ContentsPage, StoreContentsQuestion, StoredContent } from '../store/query/contents.ts'
import type { EntriesPage } from '../store/query/entries.ts'
import type { Incoming } from './write/incoming.ts'

/** A content up to this size has come as a whole when it is opened. */
export const SMALL_BYTES = 256 * 1024

/**
 * What a destination has of one computer, or a store of all, to look through and to bring back. What it says is another
 * computer's word: names are judged by whoever uses them.
 *
 * Every call throws a UserError where the destination can be asked no more.
 */
export interface Library {
  /** The directory that all of it is in; null: it is on no disk of this computer. */
  readonly place: string | null
  /** Directories of the computer's sources. */
  folders(): Promise<readonly Folder[]>
  entries(asked: EntriesQuestion): Promise<EntriesPage>
  /** In the order of the paths. */
  contents(asked: StoreContentsQuestion): Promise<ContentsPage>
  /** @throws NotReadable, with the error name as its message, where only this content cannot be read. */
  open(content: StoredContent): Promise<Incoming>
  close(): void
}
