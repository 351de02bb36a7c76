import { unlink } from 'node:fs/promises'
import { ignoreError } from '../dropped-errors.ts'
import { closeQuietly } from '../platform/fd.ts'
import type { CommitThread } from './commit-thread.ts'
import type { Outcome, Stored } from './outcome.ts'
import type { Offered } from './parts.ts'
import type { ToldDirectory, ToPlace } from './store-messages.ts'

/** A file that is written and not yet named. */
export interface Written extends Offered, Omit<ToPlace, 'source'> {
  /** Metadata of the file's parent directories at the source. */
  directories: readonly ToldDirectory[]
  /** Receives the outcome, and the store's position at which the file became durable. */
  answer(outcome: Outcome, position: number): void
}

/** Maximum of files in one round; the rest wait for the next round, which begins at once. */
const ROUND_FILES = 1024
/** The same if each file is synced separately: more would take so long that the disk seems to hang. */
const ROUND_SYNCS = 256

/** Group commit: files that are written while a round is under way share the syncs of the next one. */
export type GroupCommit = ReturnType<typeof openGroupCommit>

const toPlace = ({ fd, temporary, source, path, facts, digest, isUntimed, moved }: Written): ToPlace => ({
  fd,
  temporary,
  source: source.id,
  path,
  facts,
  digest,
  isUntimed,
  moved,
})

export function openGroupCommit(
  thread: Pick<CommitThread, 'round'> & { opened: Promise<{ syncsWhole: boolean }> },
) {
  const waiting: Written[] = []
  let running: Promise<void> | null = null
  let isClosed = false
  let most = ROUND_SYNCS
  void thread.opened
    .then(({ syncsWhole }) => {
      if (syncsWhole) most = ROUND_FILES
    })
    .catch(ignoreError('a store that cannot be used fails each round'))

  const drop = (some: readonly Written[], outcome: Outcome) => {
    for (const { fd, temporary, answer } of some) {
      if (fd !== null) void closeQuietly(fd)
      const answerNow = () => answer(outcome, 0)
      // A partial file would keep a full disk full. After `aborted` it stays: it can be resumed.
      if (temporary === null || outcome.status === 'aborted') answerNow()
      else void unlink(temporary).then(answerNow, answerNow)
    }
  }

  const commit = async (some: readonly Written[]): Promise<void> => {
    const sessions = new Map(
      some.flatMap(({ source, session }) => (session === null ? [] : [[source.folder, session]])),
    )
    const { outcomes, failure, position } = await thread.round({
      files: some.map(toPlace),
      directories: some.flatMap(({ directories }) => directories),
      sessions: [...sessions],
    })
    for (const [index, { answer }] of some.entries())
      answer(outcomes[index] ?? { status: 'failed', detail: 'EIO' }, position)
    // The error may concern a file written in the meantime: the next sync would not report it again (syncfs(2)).
    if (failure !== null) drop(waiting.splice(0), failure)
  }

  const run = async (): Promise<void> => {
    while (waiting.length > 0) await commit(waiting.splice(0, most))
  }

  const start = () => {
    running ??= run().finally(() => {
      running = null
      if (waiting.length > 0) start()
    })
  }

  const add = (some: readonly Written[]) => {
    if (isClosed) return drop(some, { status: 'aborted', detail: '' })
    waiting.push(...some)
    if (waiting.length > 0) start()
  }

  return {
    add,
    addOne: (written: Omit<Written, 'answer'>) =>
      new Promise<Stored>((resolve) => {
        add([{ ...written, answer: (outcome, position) => resolve({ outcome, position }) }])
      }),
    /** Finishes the rounds of the added files; later files are refused. */
    async close() {
      isClosed = true
      await running
    },
  }
}
