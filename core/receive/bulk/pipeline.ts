import { closeFd } from '../../files/fd.ts'
import type { Outcome } from '../file-refused.ts'
import { FileRefused, outcomeOf } from '../file-refused.ts'
import type { CallWatch } from '../placement/call-watch.ts'
import type { Commits } from '../placement/commits.ts'
import type { TemporaryFiles } from '../placement/temporary-files.ts'
import type { StoreThread } from './call-thread.ts'
import type { Move, Mover } from './mover.ts'
import type { Pending } from './pending.ts'
import type { StoreJobResult } from './protocol.ts'
import { NO_DESCRIPTOR, WRONG_DIGEST } from './protocol.ts'
import { mostUnnamed } from './unnamed.ts'
import { takeJob, writeJobOf } from './writing.ts'

/** Jobs that wait at the writing thread, so that it need not wait for the next one. */
const JOBS_AT_ONCE = 2
/**
 * What is written and no sync has seen yet is no more than this, and the job that goes beyond it: one sync writes all
 * of it, and a slow disk that has gigabytes to write would look like one that hangs.
 */
const MOST_UNSYNCED_BYTES = 256 * 1024 * 1024

export interface PipelineParts {
  temporaries: TemporaryFiles
  watch: CallWatch
  commits: Commits
  mover: Mover
}

/** Files go through it from memory to durable in their places. */
export interface Pipeline {
  add(files: Pending[]): void
  /** To be called after `add` while it runs. */
  feed(): void
  /** Runs for as long as files come. `root` is older than all that is written: no error of a sync escapes it. */
  run(root: number): Promise<void>
  /** What was added and is not begun. */
  readonly coming: { files: number; bytes: number }
  /** Those files, which are the caller's again. */
  takeComing(): Pending[]
  /** Nothing more is begun. What is under way goes on to its end: until then it is open, and has no name. */
  end(): void
}

const bytesOf = (files: readonly Pending[]): number =>
  files.reduce((sum, { facts: { size } }) => sum + size, 0)

const unstored = (code: string): Outcome =>
  outcomeOf(code === WRONG_DIGEST ? new FileRefused('digest', '') : Object.assign(new Error(code), { code }))

export function createPipeline(
  writer: StoreThread,
  committer: StoreThread,
  { temporaries, watch, commits, mover }: PipelineParts,
): Pipeline {
  const coming: Pending[][] = []
  let jobs = 0
  /** Syncs that failed. */
  let faults = 0
  /** The round before has told the manifest. */
  let told: Promise<void> = Promise.resolve()
  /** Written, without a name, and not durable. */
  let written: Pending[] = []
  const most = mostUnnamed()
  let unnamed = 0
  let unsyncedBytes = 0
  let ending = false
  let wake: () => void = () => undefined

  const failAll = (files: readonly Pending[], thrown: unknown) => {
    const outcome = outcomeOf(thrown)
    for (const file of files) file.events.stored(file, outcome)
  }

  /** Files without a name are gone when they are closed. */
  const dropAll = (files: readonly Pending[], thrown: unknown) => {
    unnamed -= files.length
    unsyncedBytes -= bytesOf(files)
    for (const { descriptor } of files) void closeFd(descriptor).catch(() => undefined)
    failAll(files, thrown)
  }

  /** Answers those that are not written; returns the others. */
  const withDescriptors = (files: readonly Pending[], { failures, descriptors }: StoreJobResult) => {
    const whyNot = new Map(failures)
    unnamed -= failures.length
    return files.filter((file, index) => {
      const failure = whyNot.get(index)
      if (failure !== undefined) {
        unsyncedBytes -= file.facts.size
        file.events.stored(file, unstored(failure))
      }
      file.descriptor = descriptors[index] ?? NO_DESCRIPTOR
      return failure === undefined
    })
  }

  const writeFiles = async (files: readonly Pending[]): Promise<void> => {
    const before = faults
    const { job, transfer } = writeJobOf(files, temporaries.directory)
    try {
      const done = withDescriptors(files, await watch.during(() => writer.call(job, transfer)))
      // The sync may have been told of these, and says it only once.
      if (faults !== before) return dropAll(done, Object.assign(new Error('a sync failed'), { code: 'EIO' }))
      for (const file of done) {
        written.push(file)
        file.events.written(file)
      }
    } catch (thrown) {
      unnamed -= files.length
      unsyncedBytes -= bytesOf(files)
      failAll(files, thrown)
    }
  }

  const mayWrite = () =>
    !ending && jobs < JOBS_AT_ONCE && unnamed < most && unsyncedBytes < MOST_UNSYNCED_BYTES

  const feed = () => {
    while (coming.length > 0 && mayWrite()) {
      const files = takeJob(coming, most - unnamed)
      jobs += 1
      unnamed += files.length
      unsyncedBytes += bytesOf(files)
      void writeFiles(files).then(() => {
        jobs -= 1
        feed()
        wake()
      })
    }
  }

  /** The long way: whatever is in the way, it is dealt with, or it is said what is wrong. */
  const placeAlone = async (file: Pending): Promise<void> => {
    const outcome = await watch.during(() => commits.add(mover.asWritten(file)))
    if (outcome.status !== 'durable' && outcome.status !== 'same') void temporaries.discard(file.temporary)
    file.events.stored(file, outcome)
  }

  const commit = (moves: readonly Move[], root: number): Promise<StoreJobResult> => {
    const files = moves.map(({ file: { descriptor, temporary }, to }) => ({ descriptor, to, temporary }))
    return watch.during(() => committer.call({ kind: 'commit', files, root }))
  }

  /** One sync: `placing` get their names by it, and `syncing` their contents; those that got them. */
  const round = async (
    placing: readonly Pending[],
    syncing: readonly Pending[],
    root: number,
  ): Promise<readonly Pending[]> => {
    const { moves, finish } = await watch.during(() => mover.prepare(placing))
    try {
      // The thread closes each of them. One that died in the middle of it nobody can know.
      const { failures, lost, unsynced } = await commit(moves, root).finally(() => {
        unnamed -= moves.length
      })
      if (unsynced !== null) throw Object.assign(new Error(unsynced), { code: unsynced })
      const failed = new Map(failures)
      const without = new Set(lost)
      const placed = moves.filter((_, index) => !failed.has(index))
      // The manifest's journal is synced while the next round is under way, and no longer than that.
      await told
      told = watch
        .during(() => finish(placed))
        .then(() => {
          for (const { file } of placed) file.events.stored(file, { status: 'durable', detail: '' })
        })
      for (const [index, code] of failures) {
        const file = moves[index]?.file
        if (file === undefined) continue
        if (without.has(index)) file.events.stored(file, unstored(code))
        else void placeAlone(file)
      }
      unsyncedBytes -= bytesOf(syncing)
      return syncing
    } catch (thrown) {
      await finish([])
      // What was written meanwhile may be what the sync failed at: the next one would not say so again (syncfs(2)).
      faults += 1
      for (const { file } of moves) void temporaries.discard(file.temporary)
      failAll(
        moves.map(({ file }) => file),
        thrown,
      )
      dropAll([...syncing, ...written], thrown)
      written = []
      return []
    }
  }

  return {
    add: (files) => void coming.push(files),
    feed,
    get coming() {
      const files = coming.flat()
      return { files: files.length, bytes: bytesOf(files) }
    },
    takeComing: () => coming.splice(0).flat(),
    end() {
      ending = true
    },
    async run(root) {
      let durable: readonly Pending[] = []
      for (;;) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve
        })
        feed()
        if (written.length + durable.length > 0) {
          const syncing = written
          written = []
          durable = await round(durable, syncing, root)
        } else if (jobs > 0) await woken
        else break
      }
    },
  }
}
