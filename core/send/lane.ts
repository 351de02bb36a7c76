import { stat } from 'node:fs/promises'
import path from 'node:path'
import { SMALL_FILE_BYTES } from '../wire/frames.ts'
import type { Semaphore } from '../wire/semaphore.ts'
import { createSemaphore } from '../wire/semaphore.ts'
import type { Due } from './ledger.ts'
import type { Unsent } from './read.ts'
import { openReading, readSmall, unsentBecause } from './read.ts'
import type { Answer, Outgoing, Session } from './session.ts'

/** A source as the sender sees it. */
export interface SendSource {
  id: string
  /** Absolute path of its directory. */
  path: string
  /** Its folder's name at the destination. */
  name: string
  groupWriteMark: boolean
  paused: boolean
}

/** How one attempt to send one file ended. */
export type Attempt =
  | { kind: 'answer'; answer: NonNullable<Answer> }
  | { kind: 'lost' }
  /** The source's directory itself is not there: its disk is not mounted. */
  | { kind: 'source-missing' }
  | Unsent

/** What all sources share. */
export interface Shared {
  /** Bytes that may be in memory on their way to the socket. */
  memory: Semaphore
  onBytes(due: Due, bytes: number): void
}

/** Files of one source that are read at a time: a source that hangs holds no more threads than these. */
const READS_PER_SOURCE = 16
/** Large files of one source on the wire at a time; small ones pass between their chunks. */
const LARGE_PER_SOURCE = 2
/** What a file costs in memory besides its bytes. */
const FILE_COST = 4096

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

export function openLane(source: SendSource, shared: Shared): Lane {
  const reads = createSemaphore(READS_PER_SOURCE)
  const large = createSemaphore(LARGE_PER_SOURCE)

  const outgoing = (due: Due, mode: number): Outgoing => ({
    source: source.name,
    path: due.path,
    size: due.size,
    mtimeMs: Number(due.mtimeNs) / 1e6,
    mode,
  })

  const asAttempt = (answer: Answer): Attempt =>
    answer === null ? { kind: 'lost' } : { kind: 'answer', answer }

  /** A file that is missing on a disk that is missing has not vanished. */
  const judge = async (unsent: Unsent, due: Due): Promise<Attempt> => {
    if (unsent.kind !== 'vanished') return unsent
    const root = await stat(source.path, { bigint: true }).catch(() => null)
    const other = root !== null && root.dev !== due.device && due.attempts < 5
    return root === null || other ? { kind: 'source-missing' } : unsent
  }

  const sendSmall = async (due: Due, session: Session): Promise<Attempt> => {
    let held = due.size + FILE_COST
    const letGo = () => {
      shared.memory.release(held)
      held = 0
    }
    try {
      const content = await readSmall(path.join(source.path, due.path), due).finally(() => reads.release())
      if (content.kind !== 'content') return await judge(content, due)
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

  const sendLarge = async (due: Due, session: Session): Promise<Attempt> => {
    const reading = await openReading(path.join(source.path, due.path), due)
    if (isUnsent(reading)) return judge(reading, due)
    try {
      const upload = await session.begin(outgoing(due, reading.mode))
      if (upload === null) return { kind: 'lost' }
      try {
        for (let bytes = await reading.next(); bytes !== null; bytes = await reading.next()) {
          if (!(await upload.chunk(bytes))) return asAttempt(await upload.abort())
          shared.onBytes(due, bytes.length)
        }
        const digest = await reading.finish()
        if (Buffer.isBuffer(digest)) return asAttempt(await upload.end(digest))
        await upload.abort()
        return await judge(digest, due)
      } catch (thrown) {
        void upload.abort()
        return unsentBecause(thrown)
      }
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
      await shared.memory.acquire(due.size + FILE_COST)
      await reads.acquire()
      void sendSmall(due, session).catch(failed).then(done)
    },
  }
}
