import type { FileFacts } from '../../files/facts.ts'
import type { Outcome } from '../file-refused.ts'
import type { SenderTotals } from '../manifest/manifest.ts'
import type { Keep } from '../versions/choose.ts'

/** A place in the store: the number of a source in the manifest, and the path below it. */
export interface Place {
  source: number
  path: string
}

/** A file that is written, and gets its name now. */
export interface ToPlace extends Place {
  /** Open, and closed by whoever places it; null: the place has this content, and gets these facts. */
  fd: number | null
  /** The path that it has already; null: none. */
  file: string | null
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

/** How a round makes durable what it does: by one call for the whole file system, or each file and directory by itself. */
export type SyncKind = 'whole' | 'each'

/** What the thread that gives names and keeps the manifest does; one after the other. */
export type CommitJob =
  /** Opens what it works with. What is written from now on is known to be written, or not, by the next sync. */
  | { kind: 'wake' }
  /** Says what is stored; of a store that cannot be written to, if it can be read. */
  | { kind: 'look' }
  /**
   * Gives files their names. Of `each` their contents are synced before. `whole`: they were by the round before, and what
   * was written up to now is by this one.
   */
  | {
      kind: 'round'
      files: readonly ToPlace[]
      directories: readonly ToldDirectory[]
      /** By folder: the session that has sent them. */
      sessions: readonly (readonly [folder: string, session: string])[]
      sync: SyncKind
    }
  | { kind: 'source'; folder: string; directory: string }
  | { kind: 'wanted'; folder: string; after: number; limit: number }
  | { kind: 'wantSince'; folder: string; position: number }
  | { kind: 'pin'; place: Place }
  /** Removes older contents that are kept no longer, of some paths behind `after`. */
  | { kind: 'prune'; keep: Keep; after: { source: number; key: string } }
  /** Nothing is under way: what is open is closed, so that the disk can be unmounted. */
  | { kind: 'rest' }

export interface Opened {
  /** null: the manifest cannot even be read now. */
  epoch: string | null
  totals: readonly [folder: string, totals: SenderTotals][]
  /** Where small files are written, and whether they can be without a name. */
  directory: string
  hasUnnamed: boolean
  syncsWhole: boolean
  /** The manifest that was there is damaged, and was set aside as this. */
  aside: string | null
}

export interface RoundResult {
  outcomes: readonly Outcome[]
  /** Why nothing of the round is durable; null: it is. */
  unsynced: Outcome | null
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

/** By the kind of a job, what comes of it. */
export interface CommitResults {
  wake: null
  look: Opened
  round: RoundResult
  source: { id: number }
  wanted: { files: readonly { directory: string; path: string }[] }
  wantSince: null
  pin: { isThere: boolean }
  prune: Pruned
  rest: null
}

/** What the writing thread can be asked. */
export interface WriterCalls {
  write: { input: WriteJob; output: WriteResult }
}

/** What the committing thread can be asked. */
export type CommitterCalls = {
  [K in CommitJob['kind']]: { input: Extract<CommitJob, { kind: K }>; output: CommitResults[K] }
}

/** What a thread of the store is started with. */
export type StoreThreadData =
  | { role: 'write' }
  /** `beat`: one number that grows with each call to the disk that was answered. */
  | { role: 'commit'; root: string; beat: SharedArrayBuffer }
