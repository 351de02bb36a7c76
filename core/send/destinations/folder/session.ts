import { createSemaphore } from '../../../pacing/semaphore.ts'
import { untilAborted } from '../../../pacing/until-aborted.ts'
import type { ToldDirectory } from '../../../store/messages.ts'
import { outcomeOf } from '../../../store/outcome.ts'
import type { Offered, Store, Stored, StoreSource } from '../../../store/store.ts'
import type { Bucket, Pace } from '../../limit/bucket.ts'
import { bytesAhead } from '../../limit/bucket.ts'
import type { FoundDirectory } from '../../reading/group.ts'
import type { Answer, Outgoing, OutgoingSource, OwnSession, Session, Space } from '../destination.ts'
import { openNews } from '../news.ts'
import { answerOf } from '../store-answers.ts'
import { sendSmallFiles } from './small-files.ts'
import { beginUpload } from './upload.ts'

/** Files in one call, and that wait for the disk. */
const FILES = 512
const FILES_OUT = 8192
/** Bytes that are not written yet. */
const BYTES_OUT = 16 * 1024 * 1024
const UPLOADS = 16
/** Copies and proofs that ask the store at a time. */
const COPIES_AT_ONCE = 8

export interface FolderSessionOptions {
  /** The destination's name, for what people are told. */
  name: string
  store: Store
  /** What the files of this session are stored as. */
  session: string
  asksFirst: boolean
  bucket: Bucket
  /** Its file system. */
  space(): Promise<Space>
  /** Where a source is stored. @throws what the system says. */
  sourceOf(source: OutgoingSource): Promise<StoreSource>
}

/** What the parts of a session share. */
export interface SessionParts {
  store: Store
  pace: Pace
  bytesOut: ReturnType<typeof createSemaphore>
  filesOut: ReturnType<typeof createSemaphore>
  uploads: ReturnType<typeof createSemaphore>
  /** Ends with the session. */
  signal: AbortSignal
  /** What the disk answers, which may be never, or `lost` once the session has ended. */
  orLost<T>(answer: Promise<T>, lost: T): Promise<T>
  /** The file as the store takes it, and what the directories on the way to it are. @throws what the system says. */
  offer(file: Outgoing): Promise<Offered>
  told(source: OutgoingSource, directories: readonly FoundDirectory[]): Promise<ToldDirectory[]>
  /** What was said of a file. */
  answer(stored: Stored, file: Outgoing): Answer
}

/** The store's own code on a path, in this process: what a connection to a receiver does, without the wire. */
export function openFolderSession(options: FolderSessionOptions): OwnSession {
  const { name, store, session, asksFirst, bucket, space, sourceOf } = options
  const ending = new AbortController()
  const { signal } = ending
  const pace = bucket.open()
  const bytesOut = createSemaphore(BYTES_OUT)
  const filesOut = createSemaphore(FILES_OUT)
  const uploads = createSemaphore(UPLOADS)
  const copyTurns = createSemaphore(COPIES_AT_ONCE)
  const news = openNews()

  const parts: SessionParts = {
    ...{ store, pace, bytesOut, filesOut, uploads, signal },
    orLost: (answer, lost) =>
      untilAborted(signal, answer).catch((thrown) => {
        if (signal.aborted) return lost
        throw thrown
      }),
    offer: async ({ source, path, facts }) => ({ source: await sourceOf(source), path, facts, session }),
    async told(source, directories) {
      const { id } = await sourceOf(source)
      return news(source, directories).map(({ path, facts }) => ({ source: id, path, facts }))
    },
    answer: (stored, { source, path, facts }) => answerOf(stored, name, { source, path, size: facts.size }),
  }

  const copy: Session['copy'] = async (file, directories, digest, from) => {
    const stored = await Promise.resolve()
      .then(async () => {
        const [offered, fromSource] = await Promise.all([parts.offer(file), sourceOf(from.source)])
        const told = await parts.told(file.source, directories)
        const of = { from: { source: fromSource, path: from.path }, isMoved: from.isMoved }
        return store.copy(offered, { ...of, digest, directories: told }, signal, copyTurns)
      })
      .catch((thrown: unknown): Stored => ({ outcome: outcomeOf(thrown), position: 0 }))
    return stored.outcome.status === 'unknown' ? null : parts.answer(stored, file)
  }

  const prove: Session['prove'] = async (source, path, size, nonce) => {
    if (!(await copyTurns.acquire())) return { kind: 'unavailable' }
    try {
      const at = { source: await sourceOf(source), path }
      return { kind: 'digest', digest: await store.prove(at, size, nonce, signal) }
    } catch (thrown) {
      return { kind: outcomeOf(thrown).status === 'unknown' ? 'absent' : 'unavailable' }
    } finally {
      copyTurns.release()
    }
  }

  const lost: Answer = { kind: 'lost' }
  return {
    asksFirst,
    limits: {
      files: FILES,
      get bytes() {
        return bytesAhead(bucket)
      },
    },
    sendSmall: (files, directories, events) => sendSmallFiles(parts, files, directories, events),
    begin: (file, directories, identity) => beginUpload(parts, file, directories, identity),
    copy: (...of) => parts.orLost(copy(...of), lost),
    prove: (...of) => parts.orLost(prove(...of), { kind: 'unavailable' }),
    space,
    close() {
      ending.abort()
      pace.close()
      for (const one of [bytesOut, filesOut, uploads, copyTurns]) one.close()
    },
    get closed() {
      return signal.aborted
    },
  }
}
