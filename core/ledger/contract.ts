import type { Message } from '../lib/i18n/message.ts'
import type { FileStat } from '../platform/file-metadata.ts'
import type { Fixity } from '../platform/fixity.ts'
import type { FileState, RowPlace } from './ledger-messages.ts'

export type { RowPlace }

/** A file found in a source. */
export interface FoundFile extends FileStat {
  /** The source's id. */
  source: string
  /** Relative to the source, with "/". */
  path: string
}

export interface LedgerEntry {
  state: FileState
  size: number
  mtimeNs: bigint
  inode: bigint
  /** Why it is parked or waits for another attempt; null if nothing failed. */
  reason: Message | null
}

/** Content that was sent under some name. */
export interface SentEntry extends LedgerEntry {
  ctimeNs: bigint
}

/** A row at one generation: a result for an older generation changes nothing. */
export interface Claim {
  id: number
  generation: number
}

/** A waiting file that is due. */
export interface QueuedFile extends Claim, FoundFile {
  attempts: number
  /**
   * Digest of the content last known to be at this destination, if the file may still have it: only reading it proves
   * that.
   */
  digest: Uint8Array | null
  /** The modification time with which that content was sent. */
  storedNs: bigint
  /** The destination is still known to have that content, so it need not be read back there. */
  isTrusted: boolean
}

/** The content of a file that a destination has stored. */
interface StoredContent {
  /** The destination's position with which it was stored; see Ledger.rememberPosition; 0 if it has none. */
  position: number
  /** Digest (digest.ts) of the content, if known; without it the file is never copied from. */
  digest?: Uint8Array | null
  /** Further digests of the content, for archives; omitted: none were requested. */
  fixity?: Fixity | undefined
  /** Digest of the data at the destination, if it is encrypted there; it is passed to `prove` later. */
  seal?: Uint8Array | undefined
  /** The file has changed since it had this content: this version is stored, and the file waits to be sent again. */
  isOlder?: boolean | undefined
  /** The metadata of the sent file, if it had grown since the offer. */
  stat?: FileStat | undefined
  /** Names that are gone, if the destination was notified that their content now has this file's name. */
  moved?: readonly Pick<SentContent, 'id' | 'source' | 'path'>[] | undefined
}

/** Why a file is tried again, and later than others: RETRY_RULES (send/queue/retry-policy.ts) has the meanings. */
export type RetryCause =
  | 'file'
  | 'suspect'
  | 'destination'
  | 'reading'
  | 'being-written'
  | 'changed'
  | 'vanished'
  | 'doubtful'

/** The result of one attempt to send a file: the destination returns it, and the queue records it. */
export type TransferResult =
  /** The file is durable, perhaps since earlier. */
  | ({ kind: 'stored' } & StoredContent)
  /** The file is never accepted unchanged: it is parked. */
  | { kind: 'rejected'; reason: Message }
  /** Not stored this time. `now`: the current metadata of a file that has changed. */
  | { kind: 'retry'; cause: RetryCause; reason: Message | null; now?: FileStat }
  /** The connection ended, or sending stopped: the file waits as before. `isAway`: the source's disk is not mounted. */
  | { kind: 'lost'; isAway?: true }

/** A claim on a file that the receiver has stored, with the metadata at the time of the offer. */
export interface SentClaim extends Claim, Partial<FileStat>, Partial<StoredContent> {
  /** The file gets the group-write mark after the source's other destinations have it, too. */
  mark: boolean
  /** The source's other destinations. */
  others?: readonly string[] | undefined
}

/** Content at a destination. */
export interface SentContent {
  /** Row id. */
  id: number
  /** The source's id. */
  source: string
  path: string
  /** See digest.ts. */
  digest: Uint8Array
}

/** A file that is not sent until something changes. */
export interface Parked extends Claim {
  path: string
  /** When it was parked: milliseconds since 1970. */
  dueAt: number
  reason: Message | null
}

/** A sent file that may be removed at the source. */
export interface Removable extends QueuedFile {
  /** Digest of the sent content. */
  digest: Uint8Array
  /** When the destination last read its copy back for a removal (milliseconds since 1970); 0: never. */
  provenAt: number
  /** When it was sent: milliseconds since 1970. */
  dueAt: number
}

/** Proofs from the source's destinations that a removal needs. */
export interface Proofs {
  /** Each of these must have read its copy back after `since`, in milliseconds since 1970. */
  others: readonly string[]
  since: number
  /** When this destination read back the files of the claims. */
  now: number
}

/** A sender's state of its sessions with a destination; see PROTOCOL.md, "Sessions". */
export interface SessionMemory {
  epoch: string
  /** The destination's position of the last stored file. */
  position: number
  last: string | null
  next: string
}

/** A mount point inside a source. */
export interface InnerMount {
  /** Relative to the source, with "/". */
  path: string
  /** The absolute path, with the source's symbolic links resolved. */
  point: string
}

/**
 * Messages that are shown while a batch directory is marked as sent, such as about files in it that were never sent.
 */
export interface BatchMessages {
  name: string
  /** Distinguishes it from a later directory of this name. */
  identity: string
  said: Message[]
}

/** A compared file that the ledger does not have with this content. */
export interface LedgerDifference {
  /** The file's index in the comparison. */
  index: number
  /** false: the ledger has no row of this path. */
  known: boolean
}

/** Selects the rows of a page: newest first, before a place in the list. */
export interface PageQuery {
  source: string | null
  state: FileState | null
  before: RowPlace | null
  limit: number
  /** Only rows with this text in their path, from among the newest. */
  text?: string | undefined
}
