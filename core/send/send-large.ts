import type { CopySource } from './copy.ts'
import { digestOf } from './copy.ts'
import type { Attempt } from './lane.ts'
import type { LaneParts } from './lane-parts.ts'
import { asAttempt } from './lane-parts.ts'
import type { Due } from './ledger.ts'
import type { Reading, Unsent } from './read.ts'
import { openReading, unsentBecause } from './read.ts'
import type { Answer, Session, Upload } from './session.ts'

/** A chunk whose read is out for longer than this holds no place on the wire; the file then has to begin anew. */
const STALLED_MS = 10_000

const isUnsent = (value: object): value is Unsent =>
  'kind' in value && ['changed', 'vanished', 'unreadable', 'failed'].includes(String(value.kind))

/** Sends a file that travels in chunks. */
export type LargeSender = (due: Due, session: Session) => Promise<Attempt>

export function createLargeSender(parts: LaneParts): LargeSender {
  const { shared, mayGoOn } = parts

  const sendChunks = async (due: Due, reading: Reading, upload: Upload): Promise<Attempt> => {
    let aborted: Promise<Answer> | null = null
    const abort = (): Promise<Answer> => {
      aborted ??= upload.abort()
      return aborted
    }
    /** A read that hangs gives its place on the wire to others; its own thread is all that it keeps. */
    const watched = <T>(call: Promise<T>): Promise<T> => {
      const timer = setTimeout(abort, STALLED_MS)
      return call.finally(() => clearTimeout(timer))
    }
    try {
      for (let bytes = await watched(reading.next()); bytes !== null; bytes = await watched(reading.next())) {
        if (!mayGoOn()) void abort()
        if (aborted !== null) return { kind: 'halted' }
        if (!(await upload.chunk(bytes))) return asAttempt(await abort(), null)
        shared.onBytes(due, bytes.length)
      }
      const digest = await watched(reading.finish())
      if (aborted !== null) return { kind: 'halted' }
      if (Buffer.isBuffer(digest)) return asAttempt(await upload.end(digest), digest)
      void abort()
      return await parts.judge(digest, due)
    } catch (thrown) {
      void abort()
      return unsentBecause(thrown)
    }
  }

  /**
   * Reads the file before a byte of it is sent, to see whether it is what the receiver has; null: it is not, or
   * the receiver has it no more.
   */
  const copy = async (due: Due, session: Session, from: CopySource): Promise<Attempt | null> => {
    const reading = await openReading(parts.fileOf(due), due)
    if (isUnsent(reading)) return parts.judge(reading, due)
    try {
      const digest = await digestOf(reading, () => mayGoOn() && !session.closed)
      if (digest === null) return { kind: 'halted' }
      if (!Buffer.isBuffer(digest)) return await parts.judge(digest, due)
      return digest.equals(from.digest) ? await parts.askForCopy(due, reading.mode, from, session) : null
    } catch (thrown) {
      return unsentBecause(thrown)
    } finally {
      await reading.close()
    }
  }

  const sendContents = async (due: Due, session: Session): Promise<Attempt> => {
    const reading = await openReading(parts.fileOf(due), due)
    if (isUnsent(reading)) return parts.judge(reading, due)
    try {
      if (!mayGoOn()) return { kind: 'halted' }
      const upload = await session.begin(parts.outgoing(due, reading.mode))
      return upload === null ? { kind: 'lost' } : await sendChunks(due, reading, upload)
    } finally {
      await reading.close()
    }
  }

  return async (due, session) => {
    const from = parts.copySource(due, session)
    return (from === null ? null : await copy(due, session, from)) ?? sendContents(due, session)
  }
}
