import type { Due } from '../../ledger/ledger.ts'
import type { Whereabouts } from '../../mounts/whereabouts.ts'
import type { SourceFilters } from '../../settings/schema.ts'
import type { Unsent } from '../reading/read.ts'
import type { Readers } from '../reading/readers.ts'
import type { Answer } from '../session/session.ts'
import type { CopySource } from './copy.ts'
import type { LaneMemory, Priority } from './shares.ts'

/** A source as the sender sees it. */
export interface SendSource {
  id: string
  /** Absolute path of its directory. */
  path: string
  /** Its folder's name at the destination. */
  name: string
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
export type Attempt =
  /** `digest`: of what was sent, or of what the receiver was to have; null: it was not sent to its end. */
  | { kind: 'answer'; answer: NonNullable<Answer>; digest: Uint8Array | null }
  | { kind: 'lost' }
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
  /** Bytes that may be in memory on their way to the socket. */
  memory: LaneMemory
  /** Reads small files. */
  read: Readers['read']
  whereabouts(source: Pick<SendSource, 'id'>): Whereabouts
  /** Where the destination may have the very contents of some files already, by the files' ids. */
  copySources(dues: readonly Due[]): Map<number, CopySource>
  /** Whether the disk that a file of the source is on, mounted inside the source, is away. */
  isBelowAway(source: Pick<SendSource, 'id'>, file: string): boolean
  onBytes(due: Due, bytes: number): void
  /** The receiver has these bytes of it from before. */
  onSkipped(due: Due, bytes: number): void
}
