import type { FileFacts } from '../platform/facts.ts'
import type { EntriesQuestion } from '../protocol/restore-entries.ts'
import type { SenderTotals } from './manifest/totals.ts'
import type { Outcome } from './outcome.ts'
import type { ContentsPage, StoreContentsQuestion } from './query/contents.ts'
import type { EntriesPage } from './query/entries.ts'
import type { RangesJob, RangesRead } from './query/ranges.ts'
import type { Keep } from './retention/choose.ts'

/** A place in the store: the number of a source in the manifest, and the path below it. */
interface Place {
  source: number
  path: string
}

/** A file that is written, and gets its name now. */
export interface ToPlace extends Place {
  /** Open, and closed by whoever places it; null: the place has this content, and gets these facts. */
  fd: number | null
  /** The path that it has until then; null: none. */
  temporary: string | null
  facts: FileFacts
  digest: Uint8Array
  /** Its time is to be set yet. */
  isUntimed: boolean
  /** The source has it under this name no more. */
  moved: Place | null
}

/** What a directory is at the source. */
export interface ToldDirectory extends Place {
  facts: FileFacts
}

/** What the writing thread does: contents of small files become files without names. */
export interface WriteJob {
  /** Where files are made. */
  directory: string
  /** Their names there; null: they have none yet. */
  names: readonly string[] | null
  files: readonly { size: number; mtimeNs: bigint; isSparse: boolean }[]
  /** Their contents, one after the other. */
  bytes: Uint8Array<ArrayBuffer>
  digests: Uint8Array<ArrayBuffer>
}

export interface WriteResult {
  /** Of each file its descriptor, or why there is none: an error name, or WRONG_DIGEST. */
  written: readonly (number | string)[]
  /** What was written, if its memory is to be used again. */
  memory: Uint8Array<ArrayBuffer> | null
}

/** What came is not what its digest tells of. */
export const WRONG_DIGEST = 'digest'

/** Files that become durable together. */
export interface Round {
  files: readonly ToPlace[]
  directories: readonly ToldDirectory[]
  /** By folder: the session that has sent them. */
  sessions: readonly (readonly [folder: string, session: string])[]
}

export interface OpenedStore {
  /** null: the manifest cannot even be read now. */
  epoch: string | null
  totals: readonly [folder: string, totals: SenderTotals][]
  /** Files can be written without a name. */
  hasUnnamed: boolean
  /** See `FileSystem`. */
  syncsWhole: boolean
  /** The manifest that was there is damaged, and was set aside as this. */
  aside: string | null
}

export interface RoundResult {
  outcomes: readonly Outcome[]
  /** Why nothing of the round is durable. */
  failure: Outcome | null
  position: number
  totals: readonly [folder: string, totals: SenderTotals][]
}

export interface Pruned {
  /** Where to go on; null: all was looked at. */
  next: { source: number; key: string } | null
  totals: readonly [folder: string, totals: SenderTotals][]
  /** What could not be removed, and why. */
  failures: readonly string[]
}

/** What the thread that writes small files can be asked. */
export interface WriteCalls {
  write: { input: WriteJob; output: WriteResult }
}

/** What the thread that gives names and keeps the manifest can be asked. */
export interface CommitCalls {
  /** Opens the store. The next sync vouches for what is written from now on. */
  wake: { input: null; output: null }
  /** Says what is stored; of a store that cannot be written to, if it can be read. */
  look: { input: null; output: OpenedStore }
  /** Makes files durable: their contents, then their names with their rows. */
  round: { input: Round; output: RoundResult }
  /** The number of a sender's source. */
  source: { input: { folder: string; directory: string }; output: number }
  wanted: {
    input: { folder: string; after: number; limit: number }
    output: readonly { directory: string; path: string }[]
  }
  wantSince: { input: { folder: string; position: number }; output: null }
  /** Whether the place has a content, which is never pruned from now on. */
  pin: { input: Place; output: boolean }
  /** Removes older contents that are kept no longer, of some paths behind `after`. */
  prune: { input: { keep: Keep; after: { source: number; key: string } }; output: Pruned }
  /** Closes the store, so that its disk can be unmounted. */
  rest: { input: null; output: Remembered }
}

/** What the thread that reads for others can be asked; see StoreReader. */
export interface ReadCalls {
  folders: { input: { sender: string | null }; output: readonly string[] }
  entries: { input: { sender: string | null; asked: EntriesQuestion }; output: EntriesPage }
  contents: { input: { sender: string | null; asked: StoreContentsQuestion }; output: ContentsPage }
  ranges: { input: { sender: string | null; job: RangesJob }; output: RangesRead }
}

/** What a thread of the store is started with. */
export type StoreThreadData =
  | { role: 'write' }
  | { role: 'read'; root: string }
  | { role: 'commit'; root: string; remembered: Remembered | null }

/** What the thread that keeps the manifest has found, for the next one. */
export interface Remembered {
  /** The inode of the store's own directory. */
  home: bigint | null
  /** The name of the manifest that the store was opened with. */
  epoch: string | null
  /** The moment up to which the manifest has counted the time, of the monotonic clock in milliseconds. */
  countedAt: number
}
