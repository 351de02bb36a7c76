import type { SourceFilters } from '../settings/schema.ts'
import { SMALL_FILE_BYTES } from '../wire/limits.ts'
import type { Semaphore } from '../wire/semaphore.ts'
import { createSemaphore } from '../wire/semaphore.ts'
import type { CopySource } from './copy.ts'
import { lanePartsOf } from './lane-parts.ts'
import type { Due } from './ledger.ts'
import type { Unsent } from './read.ts'
import type { Readers } from './reading/readers.ts'
import { createLargeSender } from './send-large.ts'
import { createSmallSender } from './send-small.ts'
import type { Answer, Session } from './session.ts'
import type { LaneMemory, Priority } from './shares.ts'
import type { Whereabouts } from './whereabouts.ts'

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
  /** `digest`: SHA-256 of what was sent, or of what the receiver was to copy; null: it was not sent to its end. */
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
  whereabouts(source: SendSource): Whereabouts
  /** Where the destination may have the very contents of some files already, by the files' ids. */
  copySources(dues: readonly Due[]): Map<number, CopySource>
  /** Whether the disk that a file of the source is on, mounted inside the source, is away. */
  isBelowAway(source: SendSource, file: string): boolean
  onBytes(due: Due, bytes: number): void
  /** The receiver has these bytes of it from before. */
  onSkipped(due: Due, bytes: number): void
}

/**
 * What one source may have under way. Kept while its lane is opened anew: a call that hangs outlives the lane
 * that made it, and must go on counting.
 */
export interface Slots {
  /** In bytes. */
  reads: Semaphore
  large: Semaphore
}

/**
 * Small files of one source that are to be read at a time, in bytes with what each costs besides: enough to fill
 * some frames, and little of the memory that all share.
 */
const READS_PER_SOURCE = 2 * 1024 * 1024
/**
 * Large files of one source on the wire at a time; small ones pass between their chunks. The wire takes chunks as
 * they come, so their number is the source's share of the line.
 */
const LARGE_PER_SOURCE: Record<Priority, number> = { high: 4, normal: 2, low: 1 }

export function createSlots(priority: Priority = 'normal'): Slots {
  return { reads: createSemaphore(READS_PER_SOURCE), large: createSemaphore(LARGE_PER_SOURCE[priority]) }
}

/** Reads one source's files and puts them on the wire. */
export interface Lane {
  readonly source: SendSource
  /**
   * Waits until the files may be read, then sends them in the background; `done` hears how each ended. It is one
   * large file, or small ones.
   */
  send(dues: readonly Due[], session: Session, done: (due: Due, attempt: Attempt) => void): Promise<void>
  /** Whether a file of this size could begin at once. */
  hasRoomFor(size: number): boolean
}

export const isLarge = (size: number): boolean => size > SMALL_FILE_BYTES

/** @param mayGoOn false: nothing begins any more, and a large file stops at its next chunk. */
export function openLane(
  source: SendSource,
  { reads, large }: Slots,
  shared: Shared,
  mayGoOn: () => boolean,
): Lane {
  const small = createSmallSender(lanePartsOf(source, reads, shared, mayGoOn))
  const sendLarge = createLargeSender(lanePartsOf(source, large, shared, mayGoOn))
  const failed = (thrown: unknown): Attempt => ({ kind: 'failed', code: String(thrown) })
  return {
    source,
    hasRoomFor: (size) => !isLarge(size) || large.available > 0,
    async send(dues, session, done) {
      const [first] = dues
      if (first !== undefined && isLarge(first.size)) {
        await large.acquire()
        void sendLarge(first, session)
          .catch(failed)
          .then((attempt) => {
            large.release()
            done(first, attempt)
          })
      } else if (await small.admit(dues)) small.send(dues, session, done)
      else for (const due of dues) done(due, { kind: 'halted' })
    },
  }
}
