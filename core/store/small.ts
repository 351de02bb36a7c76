import { readFileSync } from 'node:fs'
import { warnUnlessCode } from '../dropped-errors.ts'
import { createSemaphore, withPermit } from '../lib/async/semaphore.ts'
import type { Thread } from '../lib/workers/thread.ts'
import { DIGEST_BYTES } from '../platform/digest.ts'
import { batchBuffers } from '../protocol/frame-buffers.ts'
import type { Written } from './group-commit.ts'
import { temporaryIn } from './layout.ts'
import { checkPath, getPlaceName, type Offered } from './offered.ts'
import { StorageError, type StoreResult, toStoreResult } from './outcome.ts'
import { type StoreParts, timeToDurable } from './parts.ts'
import type { ToldDirectory, WriteCalls, WriteJob, WriteResult } from './store-messages.ts'

/** A complete small file. */
export interface SmallIncoming extends Offered {
  bytes: Uint8Array
  digest: Uint8Array
}

/** Callbacks for a group of small files; each file is identified by its index. */
export interface StoreSmallEvents {
  /** Metadata of the files' parent directories at the source. */
  directories: readonly ToldDirectory[]
  /** Called when a file's bytes are no longer in memory; not always called for a file that is not stored. */
  onWritten(index: number): void
  onStored(index: number, result: StoreResult): void
  /** A buffer with the bytes of all files in order. Its other content is not needed: it may be transferred. */
  memory?: ArrayBufferLike
}

/** A file and its index in the group. */
interface Numbered {
  file: SmallIncoming
  index: number
}

/** An admitted file. */
interface Pending {
  file: SmallIncoming
  /** Set only on the first file of a batch. */
  directories: readonly ToldDirectory[]
  onWritten(): void
  answer(result: StoreResult): void
}

/**
 * Maximum of bytes that are written and not yet durable. A single sync writes all of them: on a slow disk, gigabytes
 * would look like a disk that hangs.
 */
const MOST_UNSYNCED_BYTES = 256 * 1024 * 1024
/** Maximum of files that are open until they are named; and the divisor of the process's limit of open files. */
const MOST_OPEN = 8192
const SHARE = 4
/** Assumed limit if the system does not report it. */
const USUAL_LIMIT = 1024

/** Returns how many files may be open. Blocks only briefly: /proc is not on a disk. */
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

/** Jobs queued at the write thread, so that it never waits for the next one. */
const JOBS_AT_ONCE = 2
const NO_BYTES = new Uint8Array(0)

/** Stores complete small files. Limits the bytes and files that wait for the write thread, or for their names. */
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

  /** Stores a group of small files of one sender. Never throws. */
  store(files: readonly SmallIncoming[], events: StoreSmallEvents) {
    const good = files.flatMap((file, index): Numbered[] => {
      const refused = checkPath(file.path)
      if (refused === null) return [{ file, index }]
      events.onStored(index, refused)
      return []
    })
    const failAll = (result: StoreResult) => {
      for (const { index } of good) events.onStored(index, result)
    }
    if (this.#isOver) return failAll({ status: 'aborted', detail: '' })
    void this.#admit(good, files.length, events).catch((thrown: unknown) => failAll(toStoreResult(thrown)))
  }

  /** Stops storing. Resolves when the write thread is idle; files that have not reached it are not stored. */
  async end(): Promise<void> {
    this.#isOver = true
    this.#unsynced.close()
    await this.#jobs.acquire(JOBS_AT_ONCE)
    // Lets waiting jobs run, which then report `aborted`.
    this.#jobs.release(JOBS_AT_ONCE)
  }

  /** @param all number of files in the memory. */
  async #admit(good: readonly Numbered[], all: number, events: StoreSmallEvents): Promise<void> {
    const pending = await this.#reserve(good, events)
    const [leading] = pending
    if (leading === undefined) return
    leading.directories = events.directories
    // Half of the limit of open files, so that other groups need not wait for all of this one.
    const step = Math.max(1, Math.floor(this.#most / 2))
    const isWhole = pending.length === all && pending.length <= step
    for (let at = 0; at < pending.length; at += step)
      void this.#writeInTurn(pending.slice(at, at + step), isWhole ? (events.memory ?? null) : null)
  }

  /** Returns the files for which there is room; answers the rest. */
  async #reserve(good: readonly Numbered[], events: StoreSmallEvents): Promise<Pending[]> {
    const { admission, partials, watch } = this.#parts
    const timed = timeToDurable(this.#parts)
    const [first] = good
    if (first === undefined) return []
    const places = good.map(({ file }) => ({ place: getPlaceName(file), size: file.facts.size }))
    const rooms = await watch.during(() => admission.enterAll(first.file.source.folder, places))
    return good.flatMap(({ file, index }, at): Pending[] => {
      const room = rooms[at]
      if (room === undefined || room instanceof StorageError) {
        events.onStored(index, toStoreResult(room ?? new StorageError('failed', '')))
        return []
      }
      const answer = (result: StoreResult) => {
        this.#unsynced.release(this.#getWeight(file))
        room.leave()
        if (result.status === 'durable') partials.superseded(file.source.id, file.path)
        timed(result)
        events.onStored(index, result)
      }
      return [{ file, directories: [], onWritten: () => events.onWritten(index), answer }]
    })
  }

  /** Returns a file's weight: its bytes, but at least its share of the limit of open files. */
  #getWeight({ facts }: SmallIncoming): number {
    return Math.max(facts.size, MOST_UNSYNCED_BYTES / this.#most)
  }

  async #writeInTurn(files: readonly Pending[], memory: ArrayBufferLike | null): Promise<void> {
    await this.#unsynced.acquire(files.reduce((sum, { file }) => sum + this.#getWeight(file), 0))
    await withPermit(this.#jobs, () => this.#write(files, memory))
  }

  async #write(files: readonly Pending[], memory: ArrayBufferLike | null): Promise<void> {
    const { temporary: directory, commitThread, groupCommit, watch } = this.#parts
    try {
      if (this.#isOver) throw new StorageError('aborted', '')
      const leave = await commitThread.use()
      try {
        const { hasUnnamed } = await commitThread.opened
        const names = hasUnnamed ? null : files.map(() => temporaryIn(directory))
        const { job, transfer } = buildWriteJob(files, memory, directory, names)
        const result = await watch.during(() => this.#writer.call('write', job, transfer))
        if (result.memory !== null) batchBuffers.give(result.memory)
        // All files in one call: the first one starts a round.
        groupCommit.add(collectWritten(files, result.written, names))
      } finally {
        leave()
      }
    } catch (thrown) {
      for (const { answer } of files) answer(toStoreResult(thrown))
    }
  }
}

/** Returns the files that were written; answers the rest. */
function collectWritten(
  files: readonly Pending[],
  results: WriteResult['written'],
  names: WriteJob['names'],
): Written[] {
  return files.flatMap(({ file, directories, onWritten, answer }, index) => {
    const result = results[index] ?? { status: 'failed', detail: 'EIO' }
    if (typeof result !== 'number') {
      answer(result)
      return []
    }
    onWritten()
    const temporary = names?.[index] ?? null
    return [{ ...file, fd: result, temporary, isUntimed: false, moved: null, directories, answer }]
  })
}

/** Creates the write job and the list of memory to transfer. Removes the bytes from the files. */
function buildWriteJob(
  files: readonly Pending[],
  memory: ArrayBufferLike | null,
  directory: string,
  names: WriteJob['names'],
) {
  const bytes = joinBytes(files, memory)
  // Uses separate memory: Buffer.concat takes it from a pool, which would be copied to the thread as a whole.
  const digests = new Uint8Array(files.length * DIGEST_BYTES)
  for (const [index, { file }] of files.entries()) {
    digests.set(file.digest, index * DIGEST_BYTES)
    // The frame's memory is transferred to the thread, or can be freed.
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

/** Returns the files' contents one after the other, in memory that can be transferred to a thread. */
function joinBytes(files: readonly Pending[], memory: ArrayBufferLike | null): Uint8Array<ArrayBuffer> {
  const total = files.reduce((sum, { file }) => sum + file.bytes.length, 0)
  const [first] = files
  // Uses the frame's own memory if it has only these files: then there are no refused files in between.
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
