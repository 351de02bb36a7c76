import type { FileMetadata } from '../platform/file-metadata.ts'
import type { CountsQuestion, EntriesQuestion } from '../protocol/frames.ts'
import type { SenderTotals } from './manifest/rows.ts'
import type { StoreResult } from './outcome.ts'
import type {
  ContentsPage,
  CountsPage,
  EntriesPage,
  RangesJob,
  RangesRead,
  StoreContentsQuestion,
} from './query/query.ts'
import type { Keep } from './retention/retention.ts'

/** A path in the store: the id of a source in the manifest, and the path below it. */
interface Place {
  source: number
  path: string
}

/** A written file that gets its name in the next round. */
export interface ToPlace extends Place {
  /** Open; closed after the round. null: the file is stored already with this content, and gets this metadata. */
  fd: number | null
  /** Its temporary path; null: it has no name. */
  temporary: string | null
  facts: FileMetadata
  digest: Uint8Array
  /** Its modification time is not set yet. */
  isUntimed: boolean
  /** The previous name of a file that was renamed at the source. */
  moved: Place | null
}

/** A directory with its metadata at the source. */
export interface ToldDirectory extends Place {
  facts: FileMetadata
}

/** A job of the write thread: writes small files, which are named later. */
export interface WriteJob {
  /** The directory in which files are created. */
  directory: string
  /** Their temporary paths; null: they are created without names. */
  names: readonly string[] | null
  files: readonly { size: number; mtimeNs: bigint; isSparse: boolean }[]
  /** The contents, one after the other. */
  bytes: Uint8Array<ArrayBuffer>
  digests: Uint8Array<ArrayBuffer>
}

export interface WriteResult {
  /** The descriptor of each file, or why it was not written. */
  written: readonly (number | StoreResult)[]
  /** The memory of the job, if it can be reused. */
  memory: Uint8Array<ArrayBuffer> | null
}

/** Files that become durable together. */
export interface Round {
  files: readonly ToPlace[]
  directories: readonly ToldDirectory[]
  /** The session that has sent the files, by folder. */
  sessions: readonly (readonly [folder: string, session: string])[]
}

export interface OpenedStore {
  /** null: the manifest cannot be read. */
  epoch: string | null
  totals: readonly [folder: string, totals: SenderTotals][]
  /** Files can be written without a name. */
  hasUnnamed: boolean
  /** See `FileSystem`. */
  syncsWhole: boolean
  /** The path to which a damaged manifest was renamed; null: it was not damaged. */
  aside: string | null
}

export interface RoundResult {
  results: readonly StoreResult[]
  /** Why no file of the round is durable; null: the round succeeded. */
  failure: StoreResult | null
  position: number
  totals: readonly [folder: string, totals: SenderTotals][]
}

export interface Pruned {
  /** Where to continue; null: all paths were checked. */
  next: { source: number; key: string } | null
  totals: readonly [folder: string, totals: SenderTotals][]
  /** Errors of versions that could not be removed. */
  failures: readonly string[]
}

/** Calls of the write thread, which writes small files. */
export interface WriteCalls {
  write: { input: WriteJob; output: WriteResult }
}

/** Calls of the commit thread, which names files and maintains the manifest. */
export interface CommitCalls {
  /** Opens the store. The next sync reports errors of everything that is written from now on. */
  wake: { input: null; output: null }
  /** Returns the store's totals. A store that is not writable is opened read-only if possible. */
  look: { input: null; output: OpenedStore }
  /** Makes files durable: first their contents, then their names with their rows. */
  round: { input: Round; output: RoundResult }
  /** Returns the id of a sender's source. */
  source: { input: { folder: string; directory: string }; output: number }
  wanted: {
    input: { folder: string; after: number; limit: number }
    output: readonly { directory: string; path: string }[]
  }
  wantSince: { input: { folder: string; position: number }; output: null }
  /** Protects a current file from pruning. Returns false if there is no such file. */
  pin: { input: Place; output: boolean }
  /** Removes expired older versions of some paths after `after`. */
  prune: { input: { keep: Keep; after: { source: number; key: string } }; output: Pruned }
  /** Closes the store, so that its disk can be unmounted. */
  rest: { input: null; output: Remembered }
}

/** Calls of the read thread; see `openStoreReader`. */
export interface ReadCalls {
  folders: { input: { sender: string | null }; output: readonly string[] }
  entries: { input: { sender: string | null; asked: EntriesQuestion }; output: EntriesPage }
  contents: { input: { sender: string | null; asked: StoreContentsQuestion }; output: ContentsPage }
  counts: { input: { sender: string | null; asked: CountsQuestion }; output: CountsPage }
  ranges: { input: { sender: string | null; job: RangesJob }; output: RangesRead }
}

/** Start data of the store's threads. */
export type StoreThreadData =
  | { role: 'write' }
  | { role: 'read'; root: string }
  | { role: 'commit'; root: string; remembered: Remembered | null }

/** State of the commit thread that is passed to the next one. */
export interface Remembered {
  /** The inode of the store's own directory. */
  home: bigint | null
  /** The epoch of the manifest that the store was opened with. */
  epoch: string | null
  /** Time up to which the store's clock has counted, in milliseconds of the monotonic clock. */
  countedAt: number
}
