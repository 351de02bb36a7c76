import { isZero } from '../../files/holes.ts'
import type { Due } from '../../ledger/ledger.ts'
import { chunkBuffers } from '../../wire/frame-buffers.ts'
import type { Answer, Session, Upload } from '../destinations/destination.ts'
import { type Unsent, unsentBecause } from '../reading/facts.ts'
import { directoriesAbove, openReading, type Reading } from '../reading/read.ts'
import { asAttempt, type SendAttempt, type SourceParts } from './contract.ts'
import { askForCopy, type CopySource, copySourcesOf, mayBe } from './copy.ts'
import { createJudge } from './judge.ts'

/** From this size on an interrupted file may go on where it ended. */
const RESUME_LEAST_BYTES = 4 * 1024 * 1024
/** A chunk whose read is out for longer than this holds no place on the line; the file then has to begin anew. */
const STALLED_MS = 10_000

/** Chunks are of so many bytes, or a multiple: what the disk there takes best. */
const CHUNK_UNIT_BYTES = 16 * 1024

/** Under a limit of the line less is read for a chunk, as a chunk goes at once. */
const chunkBytes = ({ limits }: Session): number =>
  Math.max(CHUNK_UNIT_BYTES, limits.bytes - (limits.bytes % CHUNK_UNIT_BYTES))

const isUnsent = (value: object): value is Unsent => 'kind' in value

/** Tells this file from others of its name, size and time; the device's number may change with its mount. */
const identityOf = ({ inode, mtimeNs }: Due): string => `${inode}.${mtimeNs}`

/** All of a file is on the line. */
interface Ended {
  kind: 'ended'
  answer: Promise<Answer>
  digest: Buffer
}

/** Reads a file and sends its chunks, until its end or until it cannot go on. */
async function sendChunks(
  parts: SourceParts,
  due: Due,
  session: Session,
  reading: Reading,
  upload: Upload,
): Promise<SendAttempt | Ended> {
  const { shared, mayGoOn } = parts
  const isSparse = reading.facts.more?.sparse === true
  let aborted: Promise<Answer> | null = null
  const abort = (keep = true): Promise<Answer> => {
    aborted ??= upload.abort(keep)
    return aborted
  }
  /** A read that hangs gives its place on the line to others; its own thread is all that it keeps. */
  const watched = <T>(call: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => void abort(), STALLED_MS)
    return call.finally(() => clearTimeout(timer))
  }
  try {
    let skipped = 0
    for (;;) {
      // What is there already has to be in the digest: it is the proof of the whole file.
      const isThere = skipped < upload.offset
      const bytes = await watched(reading.next(isThere ? upload.offset : due.size, chunkBytes(session)))
      if (bytes === null) break
      // Answered, it is kept there: whoever goes on right after a pause goes on with it.
      if (!mayGoOn()) await abort()
      if (aborted !== null) return { kind: 'halted' }
      const { length } = bytes
      if (isThere) {
        if (session.closed) return { kind: 'lost' }
        skipped += length
        shared.onSkipped(due, length)
        chunkBuffers.give(bytes)
        continue
      }
      const zeros = isSparse && isZero(bytes) ? upload.zeros : undefined
      if (zeros !== undefined) chunkBuffers.give(bytes)
      if (!(await (zeros?.(length) ?? upload.chunk(bytes)))) return asAttempt(await abort(), null)
      shared.onBytes(due, length)
    }
    const digest = await watched(reading.finish())
    if (aborted !== null) return { kind: 'halted' }
    if (Buffer.isBuffer(digest)) return { kind: 'ended', answer: upload.end(digest), digest }
    void abort(false)
    return await createJudge(parts)(digest, due)
  } catch (thrown) {
    void abort()
    return unsentBecause(thrown)
  }
}

/** Reads all of a file before a byte of it is sent; null: no more is wanted. */
async function digestOf(reading: Reading, mayGoOn: () => boolean): Promise<Buffer | Unsent | null> {
  for (let bytes = await reading.next(); bytes !== null; bytes = await reading.next()) {
    chunkBuffers.give(bytes)
    if (!mayGoOn()) return null
  }
  return reading.finish()
}

/**
 * Sends a file that travels in chunks. `onEnd` is called when all of it is on the line and only the answer is waited
 * for, unless it is a long one.
 */
export function createLargeSender(parts: SourceParts) {
  const { source, mayGoOn } = parts
  const judge = (unsent: Unsent, due: Due) => createJudge(parts)(unsent, due)

  /** Sees whether a file is what the destination has; null: it is not, or the destination has it no more. */
  const copy = async (due: Due, session: Session, from: CopySource): Promise<SendAttempt | null> => {
    const reading = await openReading({ root: source.path, path: due.path }, due)
    if (isUnsent(reading)) return judge(reading, due)
    try {
      const digest = await digestOf(reading, () => mayGoOn() && !session.closed)
      if (digest === null) return { kind: 'halted' }
      if (!Buffer.isBuffer(digest)) return await judge(digest, due)
      return mayBe(parts, due, from, digest)
        ? await askForCopy(parts, due, reading.facts, digest, from, session)
        : null
    } catch (thrown) {
      return unsentBecause(thrown)
    } finally {
      await reading.close()
    }
  }

  const sendContent = async (due: Due, session: Session, onEnd: () => void): Promise<SendAttempt> => {
    let sent: SendAttempt | Ended
    const file = { root: source.path, path: due.path }
    const isLong = due.size >= RESUME_LEAST_BYTES
    const reading = await openReading(file, due)
    if (isUnsent(reading)) return judge(reading, due)
    try {
      if (!mayGoOn()) return { kind: 'halted' }
      const identity = isLong ? identityOf(due) : undefined
      const outgoing = { source, path: due.path, facts: reading.facts }
      const upload = await session.begin(outgoing, await directoriesAbove(file), identity)
      if (upload === null) return { kind: 'lost' }
      sent = await sendChunks(parts, due, session, reading, upload)
    } finally {
      await reading.close()
    }
    if (sent.kind !== 'ended') return sent
    // The receiver's disk writes one file while the next one comes; of long ones it would get more than it can take in
    // time.
    if (!isLong) onEnd()
    return asAttempt(await sent.answer, sent.digest)
  }

  return async (due: Due, session: Session, onEnd: () => void): Promise<SendAttempt> => {
    const from = copySourcesOf(parts, [due], session).get(due.id)
    return (from === undefined ? null : await copy(due, session, from)) ?? sendContent(due, session, onEnd)
  }
}
