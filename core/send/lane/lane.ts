import type { Due } from '../../ledger/ledger.ts'
import type { Semaphore } from '../../pacing/semaphore.ts'
import { createSemaphore } from '../../pacing/semaphore.ts'
import type { Session } from '../session/session.ts'
import type { Attempt, SendSource, Shared } from './contract.ts'
import { createLargeSender } from './large.ts'
import { lanePartsOf } from './parts.ts'
import type { Priority } from './shares.ts'
import { createSmallSender } from './small.ts'

/**
 * What one source may have under way. Kept while its lane is opened anew: a call that hangs outlives the lane
 * that made it, and must go on counting.
 */
export interface Slots {
  /** In bytes. */
  reads: Semaphore
  /** Large files on the wire. */
  large: Semaphore
  /** Large files that are begun and not answered. */
  unanswered: Semaphore
}

/**
 * Small files of one source that are to be read at a time, in bytes with what each costs besides: enough to fill
 * some frames, and little of the memory that all share.
 */
const READS_PER_SOURCE = 4 * 1024 * 1024
/**
 * Large files of one source on the wire at a time; small ones pass between their chunks. The wire takes chunks as
 * they come, so their number is the source's share of the line.
 */
const LARGE_PER_SOURCE: Record<Priority, number> = { high: 4, normal: 2, low: 1 }
/**
 * Large files of one source that are on the wire, or wait for the receiver's disk behind it (those of less than 4 MiB):
 * that syncs many together in little more time than one.
 */
const UNANSWERED_PER_SOURCE = 32

export function createSlots(priority: Priority = 'normal'): Slots {
  return {
    reads: createSemaphore(READS_PER_SOURCE),
    large: createSemaphore(LARGE_PER_SOURCE[priority]),
    unanswered: createSemaphore(UNANSWERED_PER_SOURCE),
  }
}

/** Reads one source's files and puts them on the wire. */
export interface Lane {
  readonly source: SendSource
  /**
   * Waits until the files may be read, then sends them in the background; `done` hears how each ended, `onRoom` that
   * another large file may begin before this one has ended. It is one large file, or small ones.
   */
  send(
    dues: readonly Due[],
    session: Session,
    done: (due: Due, attempt: Attempt) => void,
    onRoom: () => void,
  ): Promise<void>
  /** Whether a file of this size could begin at once. */
  hasRoomFor(size: number, session: Session): boolean
}

/** Whether it travels in chunks. The answer may change with the time of day, as the limit of the line does. */
export const isLarge = (size: number, { smallLimits }: Session): boolean => size > smallLimits.fileBytes

/** @param mayGoOn false: nothing begins any more, a large file stops at its next chunk, and small ones before the line. */
export function openLane(
  source: SendSource,
  { reads, large, unanswered }: Slots,
  shared: Shared,
  mayGoOn: () => boolean,
): Lane {
  const small = createSmallSender(lanePartsOf(source, reads, shared, mayGoOn))
  const sendLarge = createLargeSender(lanePartsOf(source, large, shared, mayGoOn))
  const failed = (thrown: unknown): Attempt => ({ kind: 'failed', code: String(thrown) })
  return {
    source,
    hasRoomFor: (size, session) =>
      !isLarge(size, session) || (large.available > 0 && unanswered.available > 0),
    async send(dues, session, done, onRoom) {
      const [first] = dues
      if (first !== undefined && isLarge(first.size, session)) {
        await unanswered.acquire()
        await large.acquire()
        let isOnWire = true
        const leaveWire = () => {
          if (isOnWire) large.release()
          isOnWire = false
        }
        void sendLarge(first, session, () => {
          leaveWire()
          onRoom()
        })
          .catch(failed)
          .then((attempt) => {
            leaveWire()
            unanswered.release()
            done(first, attempt)
          })
      } else if (await small.admit(dues)) small.send(dues, session, done)
      else for (const due of dues) done(due, { kind: 'halted' })
    },
  }
}
