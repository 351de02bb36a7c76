import path from 'node:path'
import type { Session, Upload } from '../../backends/destination.ts'
import type { QueuedFile, TransferResult } from '../../ledger/ledger.ts'
import { message } from '../../lib/i18n/message.ts'
import { type FileStat, MAX_FILE_BYTES, sameFile } from '../../platform/file-metadata.ts'
import { isZero } from '../../platform/sparse.ts'
import { chunkBuffers } from '../../protocol/frame-buffers.ts'
import { type ContentDigests, directoriesAbove, openReading, type Reading } from '../reading/read.ts'
import { type Unsent, unsentBecause } from '../reading/read-result.ts'
import { createJudge, findStoredAt, type SourceParts, toTransferResult } from './attempt.ts'
import { askForCopy, type CopySource, findCopySources, mayHaveContent } from './copy.ts'

// Sends a large file. If the destination may already have its content, the file is read once for its digest, and the
// destination copies the content. Otherwise its chunks are sent while it is read, and the bytes are proven to be one
// content of the file before the upload ends.

/** From this size on, an interrupted upload can be resumed. */
const RESUME_LEAST_BYTES = 4 * 1024 * 1024
/** A chunk whose read takes longer than this gives up its place on the line; its file has to start again. */
const STALLED_MS = 10_000
/** Interval between two checks whether the file is being rewritten, which would otherwise show only at its end. */
const CHECK_MS = 1_000
/** Chunks are multiples of this size, which suits the destination's disk best. */
const CHUNK_UNIT_BYTES = 16 * 1024

/** A complete content that the file had at one moment. */
interface Proven extends ContentDigests {
  /** The file has changed since. */
  isOlder: boolean
}

/** The file was sent completely, and its result is pending. */
interface Ended extends Proven {
  kind: 'ended'
  result: Promise<TransferResult>
}

/**
 * Sends a file in chunks. `onEnd` is called when all of it is on the line and only the answer is pending, unless the
 * file is long enough to resume.
 */
export function createLargeSender(parts: SourceParts) {
  const { source, mayGoOn } = parts
  const how = { mayGrow: true, fixity: source.digests ?? [] }
  const judge = (unsent: Unsent, due: QueuedFile) => createJudge(parts)(unsent, due)

  /** Copies the content at the destination; returns null if the destination does not have it. */
  const copy = async (
    due: QueuedFile,
    session: Session,
    from: CopySource,
  ): Promise<TransferResult | null> => {
    const file = { root: source.path, path: due.path }
    const reading = await openReading(file, due, how)
    if (isUnsent(reading)) return judge(reading, due)
    try {
      const content = await readContent(reading, () => mayGoOn() && !session.closed)
      if (content === null) return { kind: 'lost' }
      if (isUnsent(content)) return await judge(content, due)
      if (!mayHaveContent(parts, due, from, content.digest)) return null
      const whole = { ...content, facts: reading.facts }
      const copied = await askForCopy(parts, due, whole, from, session, () => directoriesAbove(file))
      return copied === null ? null : withContent(copied, content, reading.stat, due)
    } catch (error) {
      return toTransferResult(unsentBecause(error), source, due.path)
    } finally {
      await reading.close()
    }
  }

  const sendContent = async (
    due: QueuedFile,
    session: Session,
    onEnd: () => void,
  ): Promise<TransferResult> => {
    let sent: TransferResult | Ended
    const file = { root: source.path, path: due.path }
    const reading = await openReading(file, due, how)
    if (isUnsent(reading)) return judge(reading, due)
    const isLong = reading.facts.size >= RESUME_LEAST_BYTES
    try {
      if (!mayGoOn()) return { kind: 'lost' }
      const identity = isLong ? getIdentity(reading.stat) : undefined
      const isSame = reading.facts.size === due.size
      const storedAt = isSame ? findStoredAt(parts, due) : undefined
      const outgoing = { source, path: due.path, facts: reading.facts, storedAt }
      const upload = await session.begin(outgoing, await directoriesAbove(file), identity)
      if (upload === null) return { kind: 'lost' }
      sent = await sendChunks(parts, due, session, reading, upload)
    } finally {
      await reading.close()
    }
    if (sent.kind !== 'ended') return sent
    // The disk there writes one file while the next arrives. Several long files would arrive faster than it writes.
    if (!isLong) onEnd()
    return withContent(await sent.result, sent, reading.stat, due)
  }

  return async (due: QueuedFile, session: Session, onEnd: () => void): Promise<TransferResult> => {
    if (due.size > MAX_FILE_BYTES) {
      const words = { path: path.join(source.path, due.path), size: due.size }
      return { kind: 'rejected', reason: message('transfer.tooLarge', words) }
    }
    const from = findCopySources(parts, [due], session).get(due.id)
    return (from === undefined ? null : await copy(due, session, from)) ?? sendContent(due, session, onEnd)
  }
}

/** Reads the whole file before any byte is sent; returns null if sending was stopped. */
async function readContent(reading: Reading, mayGoOn: () => boolean): Promise<Proven | Unsent | null> {
  for (let bytes = await reading.next(); bytes !== null; bytes = await reading.next()) {
    chunkBuffers.give(bytes)
    if (!mayGoOn()) return null
  }
  return proveContent(reading, (call) => call, mayGoOn)
}

/** Reads a file and sends its chunks until the end or the first failure. */
async function sendChunks(
  parts: SourceParts,
  due: QueuedFile,
  session: Session,
  reading: Reading,
  upload: Upload,
): Promise<TransferResult | Ended> {
  const { shared, mayGoOn } = parts
  const { size, more } = reading.facts
  const isSparse = more?.sparse === true
  const findRewritten = createRewrittenCheck(reading)
  let aborted: Promise<TransferResult> | null = null
  const abort = (keep = true): Promise<TransferResult> => {
    aborted ??= upload.abort(keep)
    return aborted
  }
  /** Frees the file's place on the line if a read hangs; the hanging call keeps only its own thread. */
  const watched = <T>(call: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => void abort(), STALLED_MS)
    return call.finally(() => clearTimeout(timer))
  }
  /** Sends bytes of the file; zeros of a sparse file are sent as their number, if the destination supports that. */
  const send = (bytes: Buffer): Promise<boolean> => {
    const { length } = bytes
    const zeros = isSparse && isZero(bytes) ? upload.zeros : undefined
    if (zeros === undefined) return upload.chunk(bytes)
    chunkBuffers.give(bytes)
    return zeros(length)
  }
  const discard = (unsent: Unsent): Promise<TransferResult> => {
    void abort(false)
    return createJudge(parts)(unsent, due)
  }
  /** Ends the upload if the bytes read are one content of the file. */
  const end = async (): Promise<TransferResult | Ended> => {
    const proven = await proveContent(reading, watched, mayGoOn)
    if (proven === null) await abort()
    if (proven === null || aborted !== null) return { kind: 'lost' }
    if (isUnsent(proven)) return discard(proven)
    return { kind: 'ended', result: upload.end(proven.digest), ...proven }
  }
  try {
    let skipped = 0
    for (;;) {
      // Bytes that are already there are read for the digest, which proves the whole file.
      const isThere = skipped < upload.offset
      const bytes = await watched(reading.next(isThere ? upload.offset : size, chunkBytes(session)))
      if (bytes === null) return await end()
      // Waits for the answer, so that the destination keeps the part and the upload can resume right after a pause.
      if (!mayGoOn()) await abort()
      if (aborted !== null) return { kind: 'lost' }
      const { length } = bytes
      if (isThere) {
        if (session.closed) return { kind: 'lost' }
        skipped += length
        shared.onSkipped(due, length)
        chunkBuffers.give(bytes)
        continue
      }
      if (!(await send(bytes))) return await abort()
      shared.onBytes(due, length)
      const rewritten = await watched(findRewritten())
      if (rewritten === null) continue
      if (aborted !== null) return { kind: 'lost' }
      return await discard({ kind: 'changed', stat: rewritten })
    }
  } catch (error) {
    void abort()
    return toTransferResult(unsentBecause(error), parts.source, due.path)
  }
}

/** Returns a check for a rewrite since opening, other than by appending; it runs once a second at most. */
function createRewrittenCheck(reading: Reading): () => Promise<FileStat | null> {
  let lookAt = performance.now() + CHECK_MS
  return async () => {
    if (performance.now() < lookAt) return null
    const now = await reading.now()
    lookAt = performance.now() + CHECK_MS
    const { size, mtimeNs } = reading.stat
    return now.size < size || (now.size === size && now.mtimeNs !== mtimeNs) ? now : null
  }
}

/**
 * Proves that the bytes read are a content that the file had at one moment. A file that changed meanwhile, such as one
 * that grows, is read again up to the same length: if both readings agree, the file held that content between them. The
 * second reading must also find the file unchanged or growing: bytes that are rewritten back and forth prove nothing.
 * @returns null if sending was stopped.
 */
async function proveContent(
  reading: Reading,
  watched: <T>(call: Promise<T>) => Promise<T>,
  mayGoOn: () => boolean,
): Promise<Proven | Unsent | null> {
  const whole = await watched(reading.finish())
  if (!isUnsent(whole)) return { ...whole, isOlder: false }
  if (whole.kind !== 'changed' || whole.stat.size < reading.stat.size) return whole
  const digests = reading.rewind()
  if (digests === null) return whole
  for (let bytes = await watched(reading.next()); bytes !== null; bytes = await watched(reading.next())) {
    chunkBuffers.give(bytes)
    if (!mayGoOn()) return null
  }
  const now = await watched(reading.now())
  const isAtRest = sameFile(now, whole.stat) || now.size > whole.stat.size
  const isSame = reading.rewind()?.digest.equals(digests.digest) === true
  return isSame && isAtRest ? { ...digests, isOlder: true } : { kind: 'changed', stat: now }
}

/** Adds to the result of a stored file which content was sent. */
function withContent(
  result: TransferResult,
  { digest, fixity, isOlder }: Proven,
  stat: FileStat,
  due: QueuedFile,
): TransferResult {
  if (result.kind !== 'stored') return result
  return { ...result, digest, fixity, isOlder, ...(sameFile(stat, due) ? {} : { stat }) }
}

/** Identifies a file for resuming, beside name and size. Without the device, which can change with a mount. */
const getIdentity = ({ inode, mtimeNs }: FileStat): string => `${inode}.${mtimeNs}`

/** Returns the size of a chunk. A rate limit lowers the session's limit, because a chunk is sent at once. */
const chunkBytes = ({ limits }: Session): number =>
  Math.max(CHUNK_UNIT_BYTES, limits.bytes - (limits.bytes % CHUNK_UNIT_BYTES))

const isUnsent = (value: object): value is Unsent => 'kind' in value
