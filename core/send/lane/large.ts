import { isZero } from '../../files/holes.ts'
import type { Due } from '../../ledger/ledger.ts'
import { chunkBuffers } from '../../wire/frame-buffers.ts'
import { RESUME_LEAST_BYTES } from '../../wire/limits.ts'
import type { Reading, Unsent } from '../reading/read.ts'
import { directoriesAbove, openReading, unsentBecause } from '../reading/read.ts'
import type { Answer, Session, Upload } from '../session/session.ts'
import type { Attempt } from './contract.ts'
import type { CopySource } from './copy.ts'
import { digestOfReading, mayBe } from './copy.ts'
import type { LaneParts } from './parts.ts'
import { asAttempt } from './parts.ts'

/** A chunk whose read is out for longer than this holds no place on the wire; the file then has to begin anew. */
const STALLED_MS = 10_000

const isUnsent = (value: object): value is Unsent =>
  'kind' in value && ['changed', 'vanished', 'unreadable', 'failed'].includes(String(value.kind))

/** Tells this file from others of its name, size and time; the device's number may change with its mount. */
const identityOf = ({ inode, mtimeNs }: Due): string => `${inode}.${mtimeNs}`

/**
 * Sends a file that travels in chunks. `onEnd` is called when all of it is on the line and only the answer is waited
 * for, unless it is a long one.
 */
export type LargeSender = (due: Due, session: Session, onEnd: () => void) => Promise<Attempt>

/** All of a file is on the line. */
interface Ended {
  kind: 'ended'
  answer: Promise<Answer>
  digest: Buffer
}

export function createLargeSender(parts: LaneParts): LargeSender {
  const { shared, mayGoOn } = parts

  const sendChunks = async (
    due: Due,
    session: Session,
    reading: Reading,
    upload: Upload,
  ): Promise<Attempt | Ended> => {
    const isSparse = reading.facts.more?.sparse === true
    let aborted: Promise<Answer> | null = null
    const abort = (keep = true): Promise<Answer> => {
      aborted ??= upload.abort(keep)
      return aborted
    }
    /** A read that hangs gives its place on the wire to others; its own thread is all that it keeps. */
    const watched = <T>(call: Promise<T>): Promise<T> => {
      const timer = setTimeout(() => void abort(), STALLED_MS)
      return call.finally(() => clearTimeout(timer))
    }
    try {
      // What is there already has to be in the digest: it is the proof of the whole file.
      for (let known = 0; known < upload.offset; ) {
        const bytes = await watched(reading.next(upload.offset))
        if (!mayGoOn()) void abort()
        if (aborted !== null) return { kind: 'halted' }
        if (session.closed) return { kind: 'lost' }
        // It is shorter than it was, as the end of reading will say.
        if (bytes === null) break
        known += bytes.length
        shared.onSkipped(due, bytes.length)
        chunkBuffers.give(bytes)
      }
      for (let bytes = await watched(reading.next()); bytes !== null; bytes = await watched(reading.next())) {
        if (!mayGoOn()) void abort()
        if (aborted !== null) return { kind: 'halted' }
        const { length } = bytes
        const isHole = isSparse && isZero(bytes)
        if (isHole) chunkBuffers.give(bytes)
        if (!(await (isHole ? upload.zeros(length) : upload.chunk(bytes))))
          return asAttempt(await abort(), null)
        shared.onBytes(due, length)
      }
      const digest = await watched(reading.finish())
      if (aborted !== null) return { kind: 'halted' }
      if (Buffer.isBuffer(digest)) return { kind: 'ended', answer: upload.end(digest), digest }
      void abort(false)
      return await parts.judge()(digest, due)
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
    if (isUnsent(reading)) return parts.judge()(reading, due)
    try {
      const digest = await digestOfReading(reading, () => mayGoOn() && !session.closed)
      if (digest === null) return { kind: 'halted' }
      if (!Buffer.isBuffer(digest)) return await parts.judge()(digest, due)
      return mayBe(from, digest) ? await parts.askForCopy(due, reading.facts, digest, from, session) : null
    } catch (thrown) {
      return unsentBecause(thrown)
    } finally {
      await reading.close()
    }
  }

  const sendContents = async (due: Due, session: Session, onEnd: () => void): Promise<Attempt> => {
    const { attempt, resumed } = await sendOnce(due, session, onEnd)
    // What the receiver had was not the beginning of this file. It has thrown it away.
    const isWrong = resumed && attempt.kind === 'answer' && attempt.answer.status === 'digest'
    return isWrong ? (await sendOnce(due, session, onEnd)).attempt : attempt
  }

  /** `resumed`: a part of it was at the receiver already. */
  const sendOnce = async (
    due: Due,
    session: Session,
    onEnd: () => void,
  ): Promise<{ attempt: Attempt; resumed: boolean }> => {
    const whole = (attempt: Attempt) => ({ attempt, resumed: false })
    let sent: Attempt | Ended
    let resumed: boolean
    const file = parts.fileOf(due)
    const reading = await openReading(file, due)
    if (isUnsent(reading)) return whole(await parts.judge()(reading, due))
    try {
      if (!mayGoOn()) return whole({ kind: 'halted' })
      const identity = due.size >= RESUME_LEAST_BYTES ? identityOf(due) : undefined
      const outgoing = parts.outgoing(due, reading.facts)
      const upload = await session.begin(outgoing, await directoriesAbove(file), identity)
      if (upload === null) return whole({ kind: 'lost' })
      sent = await sendChunks(due, session, reading, upload)
      resumed = upload.offset > 0
    } finally {
      await reading.close()
    }
    if (sent.kind !== 'ended') return { attempt: sent, resumed }
    // The receiver's disk writes one file while the next one comes; of long ones it would get more than it can take in
    // time. One that was resumed may have to be sent anew, and is long.
    if (due.size < RESUME_LEAST_BYTES) onEnd()
    return { attempt: asAttempt(await sent.answer, sent.digest), resumed }
  }

  return async (due, session, onEnd) => {
    const from = parts.copySources([due], session).get(due.id)
    return (from === undefined ? null : await copy(due, session, from)) ?? sendContents(due, session, onEnd)
  }
}
