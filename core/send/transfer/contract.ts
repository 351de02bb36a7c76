import type { QueuedFile, SentClaim, SentContent } from '../../ledger/ledger.ts'
import type { Whereabouts } from '../../ledger/mount-presence.ts'
import type { StatFacts } from '../../platform/stat-facts.ts'
import type { SourceFilters } from '../../settings/schema.ts'
import type { Answer, OutgoingSource } from '../destinations/destination.ts'
import type { Unsent } from '../reading/facts.ts'
import type { Readers } from '../reading/readers.ts'
import type { Priority, Window } from './window.ts'

/** A source as the sender sees it. */
export interface SendSource extends OutgoingSource {
  groupWriteMark: boolean
  paused: boolean
  /** What of it waits but is not sent; without, nothing. */
  filters?: SourceFilters | undefined
  /** Its share of the line; without, normal. */
  priority?: Priority | undefined
  /** Its other destinations: a mark, or a removal, is for files that each of them has, too. */
  alsoTo?: readonly string[] | undefined
}

/** How one attempt to send one file ended. */
export type SendAttempt =
  /** `digest`: of what was sent, or of what the destination had already. */
  | {
      kind: 'durable'
      position: number
      digest: Uint8Array | null
      seal?: Uint8Array | undefined
      /** The file has changed since it had this content. */
      isOlder?: boolean
      /** The file as it was when it was sent; left out: as it was offered. */
      stat?: StatFacts
      /** See SentClaim. */
      moved?: SentClaim['moved']
    }
  | Exclude<Answer, { kind: 'durable' }>
  /** Given back as it was: a pause, or its disk does not answer. */
  | { kind: 'halted' }
  /** The source's directory itself is not there: its disk is not mounted. */
  | { kind: 'source-missing' }
  /** The file is gone, but the source is on another file system than it was, and nobody knows why. */
  | { kind: 'doubtful' }
  /** It is not what was offered any more, and its writer is not done with it. */
  | { kind: 'being-written' }
  | Unsent

/** What all sources share. */
export interface Shared {
  /** Reads small files. */
  read: Readers['read']
  whereabouts(source: { id: string }): Whereabouts
  /** Whether the disk that a file of the source is on, mounted inside the source, is away. */
  isBelowAway(source: { id: string }, file: string): boolean
  /** Names under which the destination has what is probably the content of some files already, by the files' ids. */
  sentElsewhere(dues: readonly QueuedFile[]): ReadonlyMap<number, readonly SentContent[]>
  /** Rows of names that are gone, of which the destination is being told. */
  moving: Set<number>
  /** A source of this destination by its id; null: nobody knows it any more. */
  sourceOf(id: string): OutgoingSource | null
  /** Its content is another one than what was sent of it, though nothing but reading it shows that. */
  onOtherContent(due: QueuedFile): void
  onBytes(due: QueuedFile, bytes: number): void
  /** The destination has these bytes of it from before. */
  onSkipped(due: QueuedFile, bytes: number): void
}

/** One source's part in sending. */
export interface SourceParts {
  source: SendSource
  shared: Shared
  window: Window
  /** False: nothing begins any more, a large file stops at its next chunk, and small ones before the line. */
  mayGoOn(): boolean
}

export const asAttempt = (answer: Answer, digest: Uint8Array | null): SendAttempt =>
  answer.kind === 'durable' ? { ...answer, digest } : answer

/** Something that no answer is foreseen for. */
export const failedBy = (error: unknown): SendAttempt => ({ kind: 'failed', code: String(error) })
