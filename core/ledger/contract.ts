import type { Message } from '../lib/i18n/message.ts'
import type { StatFacts } from '../platform/stat-facts.ts'
import type { FileState } from './ledger-messages.ts'

/** A file of a source, as it was found. */
export interface FoundFile extends StatFacts {
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
  /** Why it is parked, or waits for another attempt; null where nothing failed. */
  reason: Message | null
}

/** Content that was sent under some name. */
export interface SentEntry extends LedgerEntry {
  ctimeNs: bigint
}

/** A row at one generation: an answer that belongs to an older one changes nothing. */
export interface Claim {
  id: number
  generation: number
}

/** A waiting file that may go now. */
export interface QueuedFile extends Claim, FoundFile {
  attempts: number
  /** Of the content that this destination was last known to have, if that may still be this one: only reading tells. */
  digest: Uint8Array | null
  /** The time of modification that this content was sent with. */
  storedNs: bigint
  /** The destination is still known to have that content: it need not be read back there. */
  isTrusted: boolean
}

/** A claim on a file that the receiver has stored, with the file as it was offered. */
export interface SentClaim extends Claim, Partial<StatFacts> {
  /** It gets the group-write mark, once the source's other destinations have it, too. */
  mark: boolean
  /** The source's other destinations. */
  others?: readonly string[] | undefined
  /** Digest (digest.ts) of the content that was stored, where it is known; without it the file is never copied from. */
  digest?: Uint8Array | null
  /** The destination's position by which it was stored. */
  position?: number
  /** Digest of what the destination has in place of the content, where that is encrypted. */
  seal?: Uint8Array | undefined
  /** The file has changed since it had this content: a version of it is stored, and it waits for the next one. */
  isOlder?: boolean | undefined
  /** The file as it was sent, where it had grown since it was offered. */
  stat?: StatFacts | undefined
  /** Names that were gone, where the destination was told that their content has this file's name now. */
  moved?: readonly Pick<SentContent, 'id' | 'source' | 'path'>[] | undefined
}

/** Content that a destination has. */
export interface SentContent {
  /** The row. */
  id: number
  /** The source's id. */
  source: string
  path: string
  /** See digest.ts. */
  digest: Uint8Array
}

/** A file that is not sent before something changes. */
export interface Parked extends Claim {
  path: string
  reason: Message | null
}

/** A sent file that may be removed at the source. */
export interface Removable extends QueuedFile {
  /** Of what was sent. */
  digest: Uint8Array
  /** When the destination last read its copy back for a removal (milliseconds since 1970); 0: never. */
  provenAt: number
}

/** What a removal needs of the other destinations of the source. */
export interface Proofs {
  /** Each of these must have read its copy back since `since`; milliseconds since 1970. */
  others: readonly string[]
  since: number
  /** When this destination has read back the files of the claims. */
  now: number
}

/** What a sender remembers of its sessions with a destination; see PROTOCOL.md, "Sessions". */
export interface SessionMemory {
  epoch: string
  /** The destination's position by which it last stored something. */
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

/** What is said of a batch directory for as long as it is marked as sent, such as files in it that never were. */
export interface SaidBatch {
  name: string
  /** Tells it from another that takes its name later. */
  identity: string
  said: Message[]
}

/** A file of those that were compared which the ledger does not have with this content. */
export interface LedgerDifference {
  /** The file's place among them. */
  index: number
  /** false: the ledger has never heard of this path. */
  known: boolean
}

/** Which rows a page shows: newest first, below the row `before`. */
export interface PageQuery {
  source: string | null
  state: FileState | null
  before: number | null
  limit: number
  /** Only those with this in their path, of the newest. */
  text?: string | undefined
}
