import type { QueuedFile, SentClaim, SentContent } from '../../ledger/ledger.ts'
import type { MountPresence } from '../../ledger/mount-presence.ts'
import type { FileStat } from '../../platform/stat-facts.ts'
import type { SourceFilters } from '../../settings/schema.ts'
import type { Answer, OutgoingSource } from '../destinations/destination.ts'
import type { Unsent } from '../reading/facts.ts'
import type { Readers } from '../reading/readers.ts'
import type { Priority, Window } from './window.ts'

/** A source with its settings for sending. */
export interface SendSource extends OutgoingSource {
  groupWriteMark: boolean
  paused: boolean
  /** The filters for waiting files; without, all are sent. */
  filters?: SourceFilters | undefined
  /** The source's share of the line; without, normal. */
  priority?: Priority | undefined
  /** The source's other destinations: a file is marked or removed only once each of them has it, too. */
  alsoTo?: readonly string[] | undefined
}

/** The result of one attempt to send a file. */
export type SendAttempt =
  /** `digest`: of the sent content, or of the content that the destination already had. */
  | {
      kind: 'durable'
      position: number
      digest: Uint8Array | null
      seal?: Uint8Array | undefined
      /** The file has changed since it had this content. */
      isOlder?: boolean
      /** The file's stat when it was sent; left out: as offered. */
      stat?: FileStat
      /** See SentClaim. */
      moved?: SentClaim['moved']
    }
  | Exclude<Answer, { kind: 'durable' }>
  /** Not sent: paused, or its disk does not answer. */
  | { kind: 'halted' }
  /** The source's directory does not exist: its disk is not mounted. */
  | { kind: 'source-missing' }
  /** The file is missing, but the source is on another file system than before, for an unknown reason. */
  | { kind: 'doubtful' }
  /** The file has changed since it was offered, and a process may still be writing it. */
  | { kind: 'being-written' }
  | Unsent

/** Functions and state that all sources share. */
export interface Shared {
  /** Reads small files. */
  read: Readers['read']
  whereabouts(source: { id: string }): MountPresence
  /** True if the file is below a mount inside the source that is not mounted now. */
  isBelowAway(source: { id: string }, file: string): boolean
  /** Returns names under which the destination probably already has the content of some files, by the files' ids. */
  sentElsewhere(dues: readonly QueuedFile[]): ReadonlyMap<number, readonly SentContent[]>
  /** Rows of missing names whose move is being sent to the destination. */
  moving: Set<number>
  /** Returns a source of this destination by its id; null: it is not configured. */
  findSource(id: string): OutgoingSource | null
  /** Called if a file's content differs from the recorded digest although its metadata are unchanged. */
  onOtherContent(due: QueuedFile): void
  onBytes(due: QueuedFile, bytes: number): void
  /** Called for bytes that the destination already had. */
  onSkipped(due: QueuedFile, bytes: number): void
}

/** The parts that send one source's files. */
export interface SourceParts {
  source: SendSource
  shared: Shared
  window: Window
  /** Returns false to stop: no file starts, a large file stops at its next chunk, small files stop before the line. */
  mayGoOn(): boolean
}

export const asAttempt = (answer: Answer, digest: Uint8Array | null): SendAttempt =>
  answer.kind === 'durable' ? { ...answer, digest } : answer

/** Returns the result for an unexpected error. */
export const failedBy = (error: unknown): SendAttempt => ({ kind: 'failed', code: String(error) })
