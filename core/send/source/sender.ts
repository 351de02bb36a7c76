import type { Due } from '../../ledger/ledger.ts'
import type { Semaphore } from '../../pacing/semaphore.ts'
import { createSemaphore } from '../../pacing/semaphore.ts'
import type { Session } from '../destinations/destination.ts'
import type { Attempt, SendSource, Shared } from './contract.ts'
import { failedBy } from './contract.ts'
import type { Priority } from './fair-memory.ts'
import { createLargeSender } from './large.ts'
import { createSmallSender } from './small.ts'

/**
 * What one source may have under way. Kept while its worker is replaced: a call that hangs outlives the worker that made
 * it, and must go on counting.
 */
export interface Window {
  /** In bytes. */
  reads: Semaphore
  /** Large files that are being sent. */
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
 * Large files of one source that are sent at a time; small ones pass between their chunks. The line takes chunks as they
 * come, so their number is the source's share of it.
 */
const LARGE_PER_SOURCE: Record<Priority, number> = { high: 4, normal: 2, low: 1 }
/**
 * Large files of one source that are being sent, or wait for the destination's disk behind that (those that are too short
 * to be resumed): it syncs many together in little more time than one.
 */
const UNANSWERED_PER_SOURCE = 32

export function createWindow(priority: Priority = 'normal'): Window {
  return {
    reads: createSemaphore(READS_PER_SOURCE),
    large: createSemaphore(LARGE_PER_SOURCE[priority]),
    unanswered: createSemaphore(UNANSWERED_PER_SOURCE),
  }
}

/** Reads one source's files and sends them. */
export interface FileSender {
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

export const isLarge = (size: number, { limits }: Session): boolean => size > limits.fileBytes

/** @param mayGoOn see SourceParts. */
export function openFileSender(
  source: SendSource,
  { reads, large, unanswered }: Window,
  shared: Shared,
  mayGoOn: () => boolean,
): FileSender {
  const parts = { source, shared, mayGoOn }
  const small = createSmallSender(parts, reads)
  const sendLarge = createLargeSender(parts)
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
          .catch(failedBy)
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
