import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { SourceFilters } from '../settings/schema.ts'
import { SMALL_FILE_BYTES } from '../wire/frames.ts'
import type { Semaphore } from '../wire/semaphore.ts'
import { createSemaphore } from '../wire/semaphore.ts'
import type { Due } from './ledger.ts'
import type { Content, Reading, Unsent } from './read.ts'
import { openReading, readSmall, unsentBecause } from './read.ts'
import type { Answer, Outgoing, Session, Upload } from './session.ts'
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
}

/** How one attempt to send one file ended. */
export type Attempt =
  | { kind: 'answer'; answer: NonNullable<Answer> }
  | { kind: 'lost' }
  /** Given back as it was: a pause, or its disk does not answer. */
  | { kind: 'halted' }
  /** The source's directory itself is not there: its disk is not mounted. */
  | { kind: 'source-missing' }
  /** The file is gone, but the source is on another file system than it was, and nobody knows why. */
  | { kind: 'doubtful' }
  | Unsent

/** What all sources share. */
export interface Shared {
  /** Bytes that may be in memory on their way to the socket. */
  memory: LaneMemory
  whereabouts(source: SendSource): Whereabouts
  onBytes(due: Due, bytes: number): void
}

/**
 * What one source may have under way. Kept while its lane is opened anew: a call that hangs outlives the lane
 * that made it, and must go on counting.
 */
export interface Slots {
  reads: Semaphore
  large: Semaphore
}

/**
 * Files of one source that are read at a time. A source that hangs holds so many threads and no more; the
 * sender's pool has enough of them for many such sources (worker-starter.ts).
 */
const READS_PER_SOURCE = 16
/**
 * Large files of one source on the wire at a time; small ones pass between their chunks. The wire takes chunks as
 * they come, so their number is the source's share of the line.
 */
const LARGE_PER_SOURCE: Record<Priority, number> = { high: 4, normal: 2, low: 1 }
/** What a file costs in memory besides its bytes. */
const FILE_COST = 4096
/** A read that is out for longer than this holds nothing any more that other sources need. */
const STALLED_MS = 3_000
/** The same for a chunk of a large file, which then has to begin anew. */
const STALLED_LARGE_MS = 10_000

export function createSlots(priority: Priority = 'normal'): Slots {
  return { reads: createSemaphore(READS_PER_SOURCE), large: createSemaphore(LARGE_PER_SOURCE[priority]) }
}

/** Reads one source's files and puts them on the wire. */
export interface Lane {
  readonly source: SendSource
  /** Waits until the file may be read, then sends it in the background; `done` hears how it ended. */
  send(due: Due, session: Session, done: (attempt: Attempt) => void): Promise<void>
  /** Whether a file of this size could begin at once. */
  hasRoomFor(size: number): boolean
}

const isUnsent = (value: object): value is Unsent =>
  'kind' in value && ['changed', 'vanished', 'unreadable', 'failed'].includes(String(value.kind))

export const isLarge = (size: number): boolean => size > SMALL_FILE_BYTES

/** @param mayGoOn false: nothing begins any more, and a large file stops at its next chunk. */
export function openLane(
  source: SendSource,
  { reads, large }: Slots,
  shared: Shared,
  mayGoOn: () => boolean,
): Lane {
  const outgoing = (due: Due, mode: number): Outgoing => ({
    source: source.name,
    path: due.path,
    size: due.size,
    mtimeMs: Number(due.mtimeNs) / 1e6,
    mode,
  })

  const asAttempt = (answer: Answer): Attempt =>
    answer === null ? { kind: 'lost' } : { kind: 'answer', answer }

  /** What is found, or not found, under a disk that is away says nothing about the file. */
  const judge = async (unsent: Unsent, due: Due): Promise<Attempt> => {
    const where = shared.whereabouts(source)
    if (where === 'away') return { kind: 'source-missing' }
    if (unsent.kind !== 'vanished') return unsent
    const root = await stat(source.path, { bigint: true }).catch(() => null)
    if (root === null) return { kind: 'source-missing' }
    return where === 'unknown' && root.dev !== due.device ? { kind: 'doubtful' } : unsent
  }

  const readOrJudge = async (due: Due): Promise<Content | Attempt> => {
    const read = await readSmall(path.join(source.path, due.path), due)
    return read.kind === 'content' ? read : judge(read, due)
  }

  const sendSmall = async (due: Due, session: Session): Promise<Attempt> => {
    const cost = due.size + FILE_COST
    let held = cost
    const letGo = () => {
      shared.memory.release(held)
      held = 0
    }
    const stalled = setTimeout(letGo, STALLED_MS)
    try {
      const content = await readOrJudge(due).finally(() => {
        clearTimeout(stalled)
        reads.release()
      })
      if (content.kind !== 'content') return content
      if (held === 0) {
        await shared.memory.acquire(cost)
        held = cost
      }
      const { bytes, digest, mode } = content
      const answer = await session.sendSmall(outgoing(due, mode), bytes, digest, () => {
        letGo()
        shared.onBytes(due, bytes.length)
      })
      return asAttempt(answer)
    } finally {
      letGo()
    }
  }

  const sendChunks = async (due: Due, reading: Reading, upload: Upload): Promise<Attempt> => {
    let aborted: Promise<Answer> | null = null
    const abort = (): Promise<Answer> => {
      aborted ??= upload.abort()
      return aborted
    }
    /** A read that hangs gives its place on the wire to others; its own thread is all that it keeps. */
    const watched = <T>(call: Promise<T>): Promise<T> => {
      const timer = setTimeout(abort, STALLED_LARGE_MS)
      return call.finally(() => clearTimeout(timer))
    }
    try {
      for (let bytes = await watched(reading.next()); bytes !== null; bytes = await watched(reading.next())) {
        if (!mayGoOn()) void abort()
        if (aborted !== null) return { kind: 'halted' }
        if (!(await upload.chunk(bytes))) return asAttempt(await abort())
        shared.onBytes(due, bytes.length)
      }
      const digest = await watched(reading.finish())
      if (aborted !== null) return { kind: 'halted' }
      if (Buffer.isBuffer(digest)) return asAttempt(await upload.end(digest))
      void abort()
      return await judge(digest, due)
    } catch (thrown) {
      void abort()
      return unsentBecause(thrown)
    }
  }

  const sendLarge = async (due: Due, session: Session): Promise<Attempt> => {
    const reading = await openReading(path.join(source.path, due.path), due)
    if (isUnsent(reading)) return judge(reading, due)
    try {
      if (!mayGoOn()) return { kind: 'halted' }
      const upload = await session.begin(outgoing(due, reading.mode))
      return upload === null ? { kind: 'lost' } : await sendChunks(due, reading, upload)
    } finally {
      await reading.close()
    }
  }

  return {
    source,
    hasRoomFor: (size) => !isLarge(size) || large.available > 0,
    async send(due, session, done) {
      const failed = (thrown: unknown): Attempt => ({ kind: 'failed', code: String(thrown) })
      if (isLarge(due.size)) {
        await large.acquire()
        void sendLarge(due, session)
          .catch(failed)
          .then((attempt) => {
            large.release()
            done(attempt)
          })
        return
      }
      // The source's own slot first: who waits for a disk that hangs must hold nothing that others need.
      await reads.acquire()
      await shared.memory.acquire(due.size + FILE_COST)
      if (!mayGoOn()) {
        reads.release()
        shared.memory.release(due.size + FILE_COST)
        return done({ kind: 'halted' })
      }
      void sendSmall(due, session).catch(failed).then(done)
    },
  }
}
