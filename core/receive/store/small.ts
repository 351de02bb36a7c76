import { DIGEST_BYTES } from '../../files/digest.ts'
import type { FileFacts } from '../../files/facts.ts'
import { batchBuffers } from '../../wire/frame-buffers.ts'
import type { Thread } from '../../worker/thread.ts'
import type { Offered } from '../file-facts.ts'
import type { Outcome } from '../file-refused.ts'
import { FileRefused, outcomeOf } from '../file-refused.ts'
import type { Admission } from '../limits/admission.ts'
import type { CallWatch } from './call-watch.ts'
import type { Committing } from './committing.ts'
import type { ToldDirectory, WriteJob, WriteResult, WriterCalls } from './messages.ts'
import { WRONG_DIGEST } from './messages.ts'
import { judgePath, placeNameOf } from './names.ts'
import type { Rounds, Written } from './rounds.ts'

/** A whole small file as it came. */
export interface SmallIncoming extends Offered {
  bytes: Uint8Array
  digest: Uint8Array
}

/** What is heard of each of some small files, by its index. */
export interface SmallEvents {
  /** What the directories on the way to them are at the source. */
  directories: readonly ToldDirectory[]
  /** Its bytes are held in memory no longer; not called for every file that is not stored. */
  onWritten(index: number): void
  /** It is durable by this position of the store, or why it is not stored. */
  onStored(index: number, outcome: Outcome, position: number): void
  /** Memory with all their bytes, in their order, and with nothing else that is needed: it may be given away. */
  memory?: ArrayBufferLike
}

/** Stores whole small files of one sender that came together. Never throws. */
export type StoreSmall = (files: readonly SmallIncoming[], events: SmallEvents) => void

/** One of them on its way. */
interface Pending {
  index: number
  file: SmallIncoming
  events: SmallEvents
  /** The first one of a group has them. */
  directories: readonly ToldDirectory[]
  /** Lets go of its room; `landed`: it is on the disk. */
  leave(landed: boolean): void
}

/** Files that came together. */
interface Group {
  files: Pending[]
  bytes: number
  /** See SmallEvents; null: some of what came in it is not stored. */
  memory: ArrayBufferLike | null
}

/** Jobs that wait at the writing thread, so that it need not wait for the next one. */
const JOBS_AT_ONCE = 2
/** Files that one job writes at most: as many as a frame brings. */
const JOB_FILES = 512
/** A group of fewer files shares its job with those behind it, up to so many bytes: what shares one is copied. */
const WORTH_A_JOB = 64
const SHARED_JOB_BYTES = 256 * 1024
const NO_BYTES = new Uint8Array(0)

export interface SmallParts {
  admission: Admission
  committing: Committing
  rounds: Rounds
  watch: CallWatch
  writer: Thread<WriterCalls>
  /** Content was stored in this place in another way than by going on with a partial file. */
  superseded(source: number, path: string): void
}

/** @returns how to store them, what has to be called when there is room for more, and the end. */
export function openStoreSmall(parts: SmallParts): { store: StoreSmall; feed(): void; end(): Promise<void> } {
  const { admission, committing, rounds, watch, writer } = parts
  const coming: Group[] = []
  const jobs = new Set<Promise<void>>()
  let isOver = false
  let names = 0

  const nextName = (directory: string): string => {
    names += 1
    return `${directory}/${names}`
  }

  const answer = ({ index, events, leave }: Pending, outcome: Outcome, position: number) => {
    leave(outcome.status === 'durable')
    events.onStored(index, outcome, position)
  }

  const written = (
    files: readonly Pending[],
    { written: results }: WriteResult,
    paths: WriteJob['names'],
  ) => {
    const toName = files.flatMap((pending, at): Written[] => {
      const { file, index, events } = pending
      const result = results[at] ?? 'EIO'
      if (typeof result === 'string') {
        rounds.giveUp(1, file.facts.size)
        const why = outcomeOf(Object.assign(new Error(result), { code: result }))
        answer(pending, result === WRONG_DIGEST ? { status: 'digest', detail: '' } : why, 0)
        return []
      }
      events.onWritten(index)
      const { source, path, facts, digest, session } = file
      return [
        {
          file: {
            fd: result,
            file: paths?.[at] ?? null,
            source: source.id,
            path,
            facts,
            digest,
            isUntimed: false,
            moved: null,
          },
          folder: source.folder,
          session,
          directories: pending.directories,
          answer(outcome, position) {
            if (outcome.status === 'durable') parts.superseded(source.id, path)
            answer(pending, outcome, position)
          },
        },
      ]
    })
    // Together: a round begins with the first.
    rounds.add(toName)
  }

  const write = async (files: readonly Pending[], memory: ArrayBufferLike | null): Promise<void> => {
    const bytes = files.reduce((sum, { file }) => sum + file.facts.size, 0)
    rounds.reserve(files.length, bytes)
    try {
      const sleep = await committing.awake()
      try {
        const { directory, hasUnnamed } = await committing.opened
        const paths = hasUnnamed ? null : files.map(() => nextName(directory))
        const { job, transfer } = writeJobOf(files, memory, directory, paths)
        const result = await watch.during(() => writer.call('write', job, transfer))
        if (result.memory !== null) batchBuffers.give(result.memory)
        written(files, result, paths)
      } finally {
        sleep()
      }
    } catch (thrown) {
      rounds.giveUp(files.length, bytes)
      for (const pending of files) answer(pending, outcomeOf(thrown), 0)
    }
  }

  const feed = () => {
    while (coming.length > 0 && jobs.size < JOBS_AT_ONCE && rounds.room > 0) {
      const { files, memory } = takeJob(coming, Math.min(JOB_FILES, rounds.room))
      const job = write(files, memory)
      jobs.add(job)
      void job.then(() => {
        jobs.delete(job)
        feed()
      })
    }
  }

  const admit = async (files: readonly SmallIncoming[], events: SmallEvents): Promise<void> => {
    const good = files.flatMap((file, index) => {
      const refused = judgePath(file.path)
      if (refused === null) return [{ file, index }]
      events.onStored(index, refused, 0)
      return []
    })
    const [first] = good
    if (first === undefined) return
    const { folder } = first.file.source
    const places = good.map(({ file }) => ({ place: placeNameOf(file), size: file.facts.size }))
    const reserved = await watch.during(() => admission.enterAll(folder, places))
    const pending = good.flatMap(({ file, index }, at): Pending[] => {
      const room = reserved[at]
      if (room === undefined || room instanceof FileRefused) {
        events.onStored(index, room === undefined ? { status: 'failed', detail: '' } : outcomeOf(room), 0)
        return []
      }
      return [{ file, index, events, directories: [], leave: room.leave }]
    })
    const [leading] = pending
    if (leading === undefined) return
    leading.directories = events.directories
    const isWhole = pending.length === files.length
    const bytes = pending.reduce((sum, { file }) => sum + file.bytes.length, 0)
    coming.push({ files: pending, bytes, memory: isWhole ? (events.memory ?? null) : null })
    feed()
  }

  return {
    store(files, events) {
      if (isOver) {
        for (const index of files.keys()) events.onStored(index, { status: 'aborted', detail: '' }, 0)
        return
      }
      void admit(files, events).catch((thrown: unknown) => {
        for (const index of files.keys()) events.onStored(index, outcomeOf(thrown), 0)
      })
    },
    feed,
    /** Resolves when the thread has nothing in its hands any more. */
    async end() {
      isOver = true
      for (const { files } of coming.splice(0))
        for (const pending of files) answer(pending, { status: 'aborted', detail: '' }, 0)
      await Promise.all(jobs)
    },
  }
}

/** Takes the files of the next job out of those that wait: a group, several small ones, or the beginning of one. */
function takeJob(coming: Group[], most: number): Pick<Group, 'files' | 'memory'> {
  const first = coming.shift()
  if (first === undefined) return { files: [], memory: null }
  const { files } = first
  if (files.length > most) {
    const rest = files.splice(most)
    // What is left shares the memory: it has to last until the last of them is written.
    coming.unshift({
      files: rest,
      bytes: rest.reduce((sum, { file }) => sum + file.bytes.length, 0),
      memory: null,
    })
    return { files, memory: null }
  }
  let { bytes, memory } = first
  for (;;) {
    const next = coming[0]
    if (next === undefined || files.length >= WORTH_A_JOB || files.length + next.files.length > most) break
    if (bytes + next.bytes >= SHARED_JOB_BYTES) break
    coming.shift()
    files.push(...next.files)
    bytes += next.bytes
    memory = null
  }
  return { files, memory }
}

const isSparse = ({ more }: FileFacts) => more?.sparse === true

/** The job that writes these files, and the memory that goes with it: the files have no bytes any more. */
function writeJobOf(
  files: readonly Pending[],
  memory: ArrayBufferLike | null,
  directory: string,
  names: WriteJob['names'],
) {
  const bytes = bytesOf(files, memory)
  // In memory of its own: Buffer.concat takes it from a pool, all of which would be copied for the thread.
  const digests = new Uint8Array(files.length * DIGEST_BYTES)
  for (const [index, { file }] of files.entries()) {
    digests.set(file.digest, index * DIGEST_BYTES)
    // The frame that they came in is the thread's now, or can go.
    file.bytes = NO_BYTES
  }
  const job: WriteJob = {
    directory,
    names,
    files: files.map(({ file: { facts } }) => ({
      size: facts.size,
      mtimeNs: facts.mtimeNs,
      isSparse: isSparse(facts),
    })),
    bytes,
    digests,
  }
  return { job, transfer: [bytes.buffer, digests.buffer] }
}

/** The files' contents one after the other, in memory that a thread can be given. */
function bytesOf(files: readonly Pending[], memory: ArrayBufferLike | null): Uint8Array<ArrayBuffer> {
  const total = files.reduce((sum, { file }) => sum + file.bytes.length, 0)
  const [first] = files
  // That of the frame in which they came, if all of it goes: what is between them would have been refused.
  if (first !== undefined && memory instanceof ArrayBuffer)
    return new Uint8Array(memory, first.file.bytes.byteOffset, total)
  const copied = new Uint8Array(total)
  let at = 0
  for (const { file } of files) {
    copied.set(file.bytes, at)
    at += file.bytes.length
  }
  return copied
}
