import type { Semaphore } from '../../../lib/async/semaphore.ts'
import type { FileFacts } from '../../../platform/facts.ts'
import type { RateLease } from '../../rate-limit/bucket.ts'
import type { Answer, Outgoing } from '../destination.ts'
import type { FaultyFile } from './faults.ts'
import type { Names } from './names.ts'
import type { ObjectFacts, ObjectStore } from './object-store.ts'

/** What the calls of a session share. */
export interface ObjectSessionParts {
  store: ObjectStore
  names: Names
  /** Reads the name back; true, with the facts set, if it has this very content. See adoptContent. */
  adopt(name: string, facts: ObjectFacts): Promise<boolean>
  /** Tells a person once of a file whose time the store cannot keep. */
  noteTime(file: Outgoing): void
  pace: RateLease
  /** Small objects that are under way, and their bytes. */
  slots: Semaphore
  bytesOut: Semaphore
  /** Held by the small files that wait for the line. */
  smallTurn: Semaphore
  /** Large ones. */
  uploads: Semaphore
  /** Ends with the session. */
  signal: AbortSignal
  /** What a fault means for a file; where the connection is lost, the session is over. */
  answerTo(error: unknown, file: FaultyFile): Answer
}

/** An object has no position: see Answer. */
export const DURABLE: Answer = { kind: 'durable', position: 0 }

export const objectFacts = ({ size, mtimeNs, mode }: FileFacts, digest: Uint8Array | null): ObjectFacts => ({
  size,
  mtimeNs,
  mode,
  digest,
})
