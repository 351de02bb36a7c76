import type { Semaphore } from '../../../lib/async/semaphore.ts'
import type { FileMetadata } from '../../../platform/facts.ts'
import type { RateLease } from '../../rate-limit/bucket.ts'
import type { Answer, Outgoing } from '../destination.ts'
import type { FaultyFile } from './faults.ts'
import type { Names } from './names.ts'
import type { ObjectFacts, ObjectStore } from './object-store.ts'

/** The shared parts of a session. */
export interface ObjectSessionParts {
  store: ObjectStore
  names: Names
  /**
   * Returns true if the object has this very content, after reading it back and setting its facts. See adoptContent.
   */
  adopt(name: string, facts: ObjectFacts): Promise<boolean>
  /** Notifies the person once if the store cannot keep the file's time. */
  noteTime(file: Outgoing): void
  pace: RateLease
  /** Small objects under way, and their bytes. */
  slots: Semaphore
  bytesOut: Semaphore
  /** Held by the group of small files that waits for the line. */
  smallTurn: Semaphore
  /** Large objects under way. */
  uploads: Semaphore
  /** Aborted when the session closes. */
  signal: AbortSignal
  /** Returns the answer for a fault; closes the session if the connection is lost. */
  answerTo(error: unknown, file: FaultyFile): Answer
}

/** Objects have no position: see Answer. */
export const DURABLE: Answer = { kind: 'durable', position: 0 }

export const objectFacts = (
  { size, mtimeNs, mode }: FileMetadata,
  digest: Uint8Array | null,
): ObjectFacts => ({
  size,
  mtimeNs,
  mode,
  digest,
})
