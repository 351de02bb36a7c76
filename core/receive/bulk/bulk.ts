import { constants } from 'node:fs'
import { closeFd, openFd } from '../../wire/fd.ts'
import type { CallWatch } from '../call-watch.ts'
import type { Commits } from '../commits.ts'
import type { Outcome } from '../file-refused.ts'
import { FileRefused, outcomeOf } from '../file-refused.ts'
import type { FileFacts } from '../store-parts.ts'
import type { TemporaryFiles } from '../temporary-files.ts'
import { createStoreThread } from './call-thread.ts'
import type { Mover } from './mover.ts'
import type { StoreJobResult } from './protocol.ts'
import { SHA256_BYTES, WRONG_DIGEST } from './protocol.ts'
import { canSyncWhole } from './syncfs.ts'

/** A small file that may be stored. */
export interface BulkFile {
  /** The caller's own number for it. */
  index: number
  facts: FileFacts
  components: readonly string[]
  bytes: Uint8Array
  digest: Uint8Array
}

/** What the caller of files that came together hears of each. */
export interface BulkEvents {
  /** Its bytes are in memory no longer. Not called for every file that is not stored. */
  written(file: BulkFile): void
  /** It is durable in its place, or is not stored. */
  stored(file: BulkFile, outcome: Outcome): void
  /** Stores the file by itself. Never rejects. */
  alone(file: BulkFile): Promise<Outcome>
  /** Memory with the files' bytes, in their order, and with nothing else that is needed: it may be given away. */
  memory: ArrayBufferLike | null
}

/** Stores small files that come in great number. */
export interface Bulk {
  /** Each is stored once, together with others or, when only few come, alone. */
  add(files: readonly BulkFile[], events: BulkEvents): void
  close(): void
}

/**
 * So many files at a time are worth a sync of the whole file system. It may have to write what other programs have
 * written lately: for a few files that would cost more than syncing them one by one.
 */
const BULK_FILES = 16
/** Files that one job of a thread writes at most: as many as a frame brings. */
const JOB_FILES = 512
/** A group of fewer files shares its job with those behind it. */
const WORTH_A_JOB = 64
/** Jobs that wait at the writing thread, so that it need not wait for the next one. */
const JOBS_AT_ONCE = 2

/** Instead of bytes that are written. */
export const NO_BYTES = new Uint8Array(0)

/** A file that is on its way, and who waits for it. */
export interface Pending extends BulkFile {
  temporary: string
  events: BulkEvents
}

const unstored = (code: string): Outcome =>
  outcomeOf(code === WRONG_DIGEST ? new FileRefused('digest', '') : Object.assign(new Error(code), { code }))

/**
 * One thread writes files under temporary names; another one, again and again, puts those that are durable there in
 * their places, and has the file system make everything durable (syncfs(2)). So each file goes through two syncs:
 * the first makes its content durable, the second its name, and no name ever leads to half a content. Both are
 * shared by all files that came during the sync before.
 */
export function openBulk(
  root: string,
  script: URL | null,
  parts: { temporaries: TemporaryFiles; watch: CallWatch; commits: Commits; mover: Mover },
): Bulk {
  const { temporaries, watch, commits, mover } = parts
  const writer = script === null ? null : createStoreThread(script)
  const committer = script === null ? null : createStoreThread(script)
  let coming: Pending[][] = []
  let gathering = false
  /** `deciding`: nothing is done yet with what comes. */
  let phase: 'idle' | 'deciding' | 'running' = 'idle'
  let jobs = 0
  /** Syncs that failed. */
  let faults = 0
  /** The round before has told the manifest. */
  let told: Promise<void> = Promise.resolve()
  /** Written under a temporary name, and not durable. */
  let written: Pending[] = []
  let wake: () => void = () => undefined

  const failAll = (files: readonly Pending[], thrown: unknown) => {
    const outcome = outcomeOf(thrown)
    for (const file of files) {
      file.events.stored(file, outcome)
      void temporaries.discard(file.temporary)
    }
  }

  const writeJob = async (files: readonly Pending[]): Promise<void> => {
    const before = faults
    const bytes = bytesOf(files)
    // The frame that they came in is the thread's now, or can go.
    for (const file of files) file.bytes = NO_BYTES
    const digests = Buffer.alloc(files.length * SHA256_BYTES)
    files.forEach(({ digest }, index) => void digests.set(digest, index * SHA256_BYTES))
    const job = {
      kind: 'write',
      files: files.map(({ temporary, facts: { size, mtimeMs, mode } }) => ({
        temporary,
        size,
        mtime: mtimeMs / 1000,
        mode: mode & 0o777,
      })),
      bytes,
      digests,
    } as const
    try {
      const done = await watch.during(
        () => writer?.call(job, [bytes.buffer]) ?? Promise.reject(new Error('closed')),
      )
      // The sync may have been told of these, and says it only once.
      if (faults !== before) throw Object.assign(new Error('a sync failed'), { code: 'EIO' })
      const failures = new Map(done.failures)
      files.forEach((file, index) => {
        const failure = failures.get(index)
        if (failure === undefined) {
          written.push(file)
          file.events.written(file)
        } else file.events.stored(file, unstored(failure))
      })
    } catch (thrown) {
      failAll(files, thrown)
    }
  }

  /** The files of the next job: a group, or several small ones. */
  const nextJob = (): Pending[] => {
    const files = coming.shift() ?? []
    while (files.length < WORTH_A_JOB && (coming[0]?.length ?? JOB_FILES) <= JOB_FILES - files.length)
      files.push(...(coming.shift() ?? []))
    return files
  }

  const feedWriter = () => {
    while (jobs < JOBS_AT_ONCE && coming.length > 0) {
      jobs += 1
      void writeJob(nextJob()).then(() => {
        jobs -= 1
        feedWriter()
        wake()
      })
    }
  }

  const commit = (moves: readonly (readonly [string, string])[], fd: number): Promise<StoreJobResult> =>
    watch.during(() => committer?.call({ kind: 'commit', moves, fd }) ?? Promise.reject(new Error('closed')))

  /** One sync: `placing` get their names by it, and `syncing` their contents; those that got them. */
  const round = async (
    placing: readonly Pending[],
    syncing: readonly Pending[],
    fd: number,
  ): Promise<readonly Pending[]> => {
    const { moves, rest, finish } = await watch.during(() => mover.prepare(placing))
    try {
      const { failures, unsynced } = await commit(
        moves.map(({ file, to }) => [file.temporary, to] as const),
        fd,
      )
      if (unsynced !== null) throw Object.assign(new Error(unsynced), { code: unsynced })
      const failed = new Set(failures.map(([index]) => index))
      const placed = moves.filter((_, index) => !failed.has(index))
      // The manifest's journal is synced while the next round is under way, and no longer than that.
      await told
      told = watch
        .during(() => finish(placed))
        .then(() => {
          for (const { file } of placed) file.events.stored(file, { status: 'durable', detail: '' })
        })
      // Whatever was in the way, the long way deals with it, or says what is wrong.
      rest.push(...moves.filter((_, index) => failed.has(index)).map(({ file }) => file))
    } catch (thrown) {
      await finish([])
      // What was written meanwhile may be what the sync failed at: the next one would not say so again (syncfs(2)).
      faults += 1
      failAll([...moves.map(({ file }) => file), ...rest, ...syncing, ...written], thrown)
      written = []
      return []
    }
    for (const file of rest) {
      void watch
        .during(() => commits.add(mover.asWritten(file)))
        .then((outcome) => {
          if (outcome.status !== 'durable' && outcome.status !== 'same')
            void temporaries.discard(file.temporary)
          file.events.stored(file, outcome)
        })
    }
    return syncing
  }

  /** Runs for as long as files come. The descriptor is older than all that is written: no error escapes it. */
  const run = async (fd: number): Promise<void> => {
    let durable: readonly Pending[] = []
    for (;;) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve
      })
      feedWriter()
      if (written.length + durable.length > 0) {
        const syncing = written
        written = []
        durable = await round(durable, syncing, fd)
      } else if (jobs > 0) await woken
      else break
    }
  }

  const start = async (): Promise<void> => {
    let fd: number | null = null
    try {
      fd = await watch.during(async () => {
        await temporaries.prepare()
        return openFd(root, constants.O_RDONLY)
      })
      phase = 'running'
      await run(fd)
    } catch (thrown) {
      failAll(coming.flat(), thrown)
      coming = []
    } finally {
      phase = 'idle'
      if (fd !== null) await closeFd(fd).catch(() => undefined)
    }
  }

  const gathered = async (): Promise<void> => {
    gathering = false
    if (phase === 'running') feedWriter()
    if (phase !== 'idle') return
    const files = coming.reduce((sum, group) => sum + group.length, 0)
    if (files >= BULK_FILES && writer !== null) {
      phase = 'deciding'
      if (await watch.during(() => canSyncWhole(root)).catch(() => false)) return start()
      phase = 'idle'
    }
    const few = coming.flat()
    coming = []
    for (const file of few) void file.events.alone(file).then((outcome) => file.events.stored(file, outcome))
  }

  return {
    add(files, events) {
      coming.push(files.map((file) => Object.assign(file, { temporary: temporaries.name(), events })))
      if (gathering) return
      gathering = true
      setImmediate(() => void gathered())
    },
    close() {
      writer?.close()
      committer?.close()
    },
  }
}

/** The files' contents one after the other, in memory that a thread can be given. */
function bytesOf(files: readonly Pending[]): Uint8Array<ArrayBuffer> {
  const total = files.reduce((sum, file) => sum + file.bytes.length, 0)
  const [first] = files
  const last = files.at(-1)
  // That of the frame in which they came, if all of it goes: what is between them would have been refused.
  if (first !== undefined && last !== undefined && first.events.memory instanceof ArrayBuffer) {
    const { byteOffset: begin } = first.bytes
    const isWhole = last.bytes.byteOffset + last.bytes.length === begin + total
    if (isWhole && files.every(({ events }) => events === first.events))
      return new Uint8Array(first.events.memory, begin, total)
  }
  const copied = new Uint8Array(total)
  let at = 0
  for (const { bytes } of files) {
    copied.set(bytes, at)
    at += bytes.length
  }
  return copied
}
