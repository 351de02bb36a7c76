import { readFileSync } from 'node:fs'
import { warnUnlessCode } from '../dropped-errors.ts'
import { createSemaphore, withPermit } from '../lib/async/semaphore.ts'
import type { Thread } from '../lib/workers/thread.ts'
import { DIGEST_BYTES } from '../platform/digest.ts'
import { batchBuffers } from '../protocol/frame-buffers.ts'
import type { Written } from './group-commit.ts'
import { temporaryIn } from './layout.ts'
import { FileRefused, type Outcome, outcomeOf } from './outcome.ts'
import { judgePath, type Offered, placeNameOf, type StoreParts, timeToDurable } from './parts.ts'
import {
  type ToldDirectory,
  WRONG_DIGEST,
  type WriteCalls,
  type WriteJob,
  type WriteResult,
} from './store-messages.ts'

/** A whole small file. */
export interface SmallIncoming extends Offered {
  bytes: Uint8Array
  digest: Uint8Array
}

/** What is heard of each of some small files, by its index. */
export interface StoreSmallEvents {
  /** What the directories on the way to them are at the source. */
  directories: readonly ToldDirectory[]
  /** Its bytes are held in memory no longer; not called for every file that is not stored. */
  onWritten(index: number): void
  /** It is durable by this position of the store, or why it is not stored. */
  onStored(index: number, outcome: Outcome, position: number): void
  /** Memory with all their bytes, in their order, and with nothing else that is needed: it may be given away. */
  memory?: ArrayBufferLike
}

/** One of those that came together. */
interface Numbered {
  file: SmallIncoming
  index: number
}

/** One of them on its way. */
interface Pending {
  file: SmallIncoming
  /** The first one of a batch has them. */
  directories: readonly ToldDirectory[]
  onWritten(): void
  answer(outcome: Outcome, position: number): void
}

/**
 * Bytes that may be written and not durable. One sync writes all of them: on a slow disk gigabytes would look like a
 * disk that hangs.
 */
const MOST_UNSYNCED_BYTES = 256 * 1024 * 1024
/** Files that may be open while they wait for their names, and the part of the process's limit that they may take. */
const MOST_OPEN = 8192
const SHARE = 4
/** The limit where the system does not tell it. */
const USUAL_LIMIT = 1024

/** Blocks for an instant: /proc is no disk. */
function mostOpen(): number {
  let limits = ''
  try {
    limits = readFileSync('/proc/self/limits', 'utf8')
  } catch (error) {
    warnUnlessCode(error, ['ENOENT'], 'the limit of open files cannot be read')
  }
  const found = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? USUAL_LIMIT)
  return Math.min(MOST_OPEN, Math.floor(found / SHARE))
}

/** Jobs that wait at the writing thread, so that it need not wait for the next one. */
const JOBS_AT_ONCE = 2
const NO_BYTES = new Uint8Array(0)

/** Stores whole small files. Bytes and files on their way to the writing thread, and to their names, are bounded. */
export class SmallStoring {
  readonly #parts: StoreParts
  readonly #writer: Pick<Thread<WriteCalls>, 'call'>
  readonly #most = mostOpen()
  readonly #unsynced = createSemaphore(MOST_UNSYNCED_BYTES)
  readonly #jobs = createSemaphore(JOBS_AT_ONCE)
  #isOver = false

  constructor(parts: StoreParts, writer: Pick<Thread<WriteCalls>, 'call'>) {
    this.#parts = parts
    this.#writer = writer
  }

  /** Stores whole small files of one sender that came together. Never throws. */
  store(files: readonly SmallIncoming[], events: StoreSmallEvents) {
    const good = files.flatMap((file, index): Numbered[] => {
      const refused = judgePath(file.path)
      if (refused === null) return [{ file, index }]
      events.onStored(index, refused, 0)
      return []
    })
    const failAll = (outcome: Outcome) => {
      for (const { index } of good) events.onStored(index, outcome, 0)
    }
    if (this.#isOver) return failAll({ status: 'aborted', detail: '' })
    void this.#admit(good, files.length, events).catch((thrown: unknown) => failAll(outcomeOf(thrown)))
  }

  /** Resolves when the thread has nothing in its hands any more; what has not come to it is not stored. */
  async end(): Promise<void> {
    this.#isOver = true
    this.#unsynced.close()
    await this.#jobs.acquire(JOBS_AT_ONCE)
    // Those that have waited for room are told.
    this.#jobs.release(JOBS_AT_ONCE)
  }

  /** `all`: so many files have come with the memory. */
  async #admit(good: readonly Numbered[], all: number, events: StoreSmallEvents): Promise<void> {
    const pending = await this.#reserve(good, events)
    const [leading] = pending
    if (leading === undefined) return
    leading.directories = events.directories
    // Half of what there may be at a time, so that the others need not wait for all of them.
    const step = Math.max(1, Math.floor(this.#most / 2))
    const isWhole = pending.length === all && pending.length <= step
    for (let at = 0; at < pending.length; at += step)
      void this.#writeInTurn(pending.slice(at, at + step), isWhole ? (events.memory ?? null) : null)
  }

  /** Those that there is room for. */
  async #reserve(good: readonly Numbered[], events: StoreSmallEvents): Promise<Pending[]> {
    const { admission, partials, watch } = this.#parts
    const timed = timeToDurable(this.#parts)
    const [first] = good
    if (first === undefined) return []
    const places = good.map(({ file }) => ({ place: placeNameOf(file), size: file.facts.size }))
    const rooms = await watch.during(() => admission.enterAll(first.file.source.folder, places))
    return good.flatMap(({ file, index }, at): Pending[] => {
      const room = rooms[at]
      if (room === undefined || room instanceof FileRefused) {
        events.onStored(index, outcomeOf(room ?? new FileRefused('failed', '')), 0)
        return []
      }
      const answer = (outcome: Outcome, position: number) => {
        this.#unsynced.release(this.#weightOf(file))
        room.leave()
        if (outcome.status === 'durable') partials.superseded(file.source.id, file.path)
        timed(outcome)
        events.onStored(index, outcome, position)
      }
      return [{ file, directories: [], onWritten: () => events.onWritten(index), answer }]
    })
  }

  /** A file is open as long, and takes its part of that, too. */
  #weightOf({ facts }: SmallIncoming): number {
    return Math.max(facts.size, MOST_UNSYNCED_BYTES / this.#most)
  }

  async #writeInTurn(files: readonly Pending[], memory: ArrayBufferLike | null): Promise<void> {
    await this.#unsynced.acquire(files.reduce((sum, { file }) => sum + this.#weightOf(file), 0))
    await withPermit(this.#jobs, () => this.#write(files, memory))
  }

  async #write(files: readonly Pending[], memory: ArrayBufferLike | null): Promise<void> {
    const { temporary: directory, commitThread, groupCommit, watch } = this.#parts
    try {
      if (this.#isOver) throw new FileRefused('aborted', '')
      const leave = await commitThread.use()
      try {
        const { hasUnnamed } = await commitThread.opened
        const names = hasUnnamed ? null : files.map(() => temporaryIn(directory))
        const { job, transfer } = writeJobOf(files, memory, directory, names)
        const result = await watch.during(() => this.#writer.call('write', job, transfer))
        if (result.memory !== null) batchBuffers.give(result.memory)
        // Together: a round begins with the first.
        groupCommit.add(writtenOf(files, result.written, names))
      } finally {
        leave()
      }
    } catch (thrown) {
      for (const { answer } of files) answer(outcomeOf(thrown), 0)
    }
  }
}

/** Those that are written; the others are answered. */
function writtenOf(
  files: readonly Pending[],
  results: WriteResult['written'],
  names: WriteJob['names'],
): Written[] {
  return files.flatMap(({ file, directories, onWritten, answer }, index) => {
    const result = results[index] ?? 'EIO'
    if (typeof result === 'string') {
      const why = outcomeOf(Object.assign(new Error(result), { code: result }))
      answer(result === WRONG_DIGEST ? { status: 'digest', detail: '' } : why, 0)
      return []
    }
    onWritten()
    const temporary = names?.[index] ?? null
    return [{ ...file, fd: result, temporary, isUntimed: false, moved: null, directories, answer }]
  })
}

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
      isSparse: facts.more?.sparse === true,
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
