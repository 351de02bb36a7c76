import { unlink } from 'node:fs/promises'
import { ignoreError } from '../dropped-errors.ts'
import type { CallWatch } from '../lib/async/call-watch.ts'
import { openThread, type Thread } from '../lib/workers/thread.ts'
import { closeQuietly } from '../platform/fd.ts'
import { errorCode, errorText } from '../platform/system-error.ts'
import type { Offered } from './offered.ts'
import { REPLACED } from './open-store.ts'
import { type StoreResult, toStoreResult } from './outcome.ts'
import type {
  CommitCalls,
  OpenedStore,
  Round,
  RoundResult,
  StoreThreadData,
  ToldDirectory,
  ToPlace,
} from './store-messages.ts'

/** Maximum of files in one round; the rest wait for the next round, which begins at once. */
const ROUND_FILES = 1024
/** The same if each file is synced separately: more would take so long that the disk seems to hang. */
const ROUND_SYNCS = 256
/** Idle time in milliseconds after which the store is closed, so that its disk can be unmounted. */
const CLOSE_AFTER_MS = 2_000

/** A file that is written and not yet named. */
export interface Written extends Offered, Omit<ToPlace, 'source'> {
  /** Metadata of the file's parent directories at the source. */
  directories: readonly ToldDirectory[]
  answer(result: StoreResult): void
}

/** Group commit: files that are written while a round is under way share the syncs of the next one. */
export type GroupCommit = ReturnType<typeof openGroupCommit>

/** Collects written files and passes them to the commit thread, a round at a time. */
export function openGroupCommit(
  thread: Pick<CommitThread, 'round'> & { opened: Promise<{ syncsWhole: boolean }> },
) {
  const waiting: Written[] = []
  let running: Promise<void> | null = null
  let current: Promise<void> = Promise.resolve()
  let isClosed = false
  let most = ROUND_SYNCS
  void thread.opened
    .then(({ syncsWhole }) => {
      if (syncsWhole) most = ROUND_FILES
    })
    .catch(ignoreError('a store that cannot be used fails each round'))

  const drop = (some: readonly Written[], result: StoreResult) => {
    for (const { fd, temporary, answer } of some) {
      if (fd !== null) void closeQuietly(fd)
      const answerNow = () => answer(result)
      // A partial file would keep a full disk full. After `aborted` it stays: it can be resumed.
      if (temporary === null || result.status === 'aborted') answerNow()
      else void unlink(temporary).then(answerNow, answerNow)
    }
  }

  const commit = async (some: readonly Written[]): Promise<void> => {
    const sessions = new Map(
      some.flatMap(({ source, session }) =>
        session === null || session.name === null ? [] : [[source.folder, session.name]],
      ),
    )
    const { results, failure, position } = await thread.round({
      files: some.map(toPlace),
      directories: some.flatMap(({ directories }) => directories),
      sessions: [...sessions],
    })
    for (const [index, { answer }] of some.entries())
      answer({ ...(results[index] ?? { status: 'failed', detail: 'EIO' }), position })
    // The error may concern a file written in the meantime: the next sync would not report it again (syncfs(2)).
    if (failure !== null) drop(waiting.splice(0), failure)
  }

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      current = commit(waiting.splice(0, most))
      await current
    }
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
      new Promise<StoreResult>((answer) => {
        add([{ ...written, answer }])
      }),
    /** Resolves when the round that is under way is over. Later ones record no session that has ended by now. */
    current: () => current,
    /** Finishes the rounds of the added files; later files are refused. */
    async close() {
      isClosed = true
      await running
    },
  }
}

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

interface CommitThreadOptions {
  /** The store's directory. */
  root: string
  script: URL
  /** Measures each call: a long call means that the disk hangs. */
  watch: CallWatch
  /** Receives the new totals of each folder that has changed. */
  onTotals(totals: OpenedStore['totals']): void
  /** Called when the manifest was replaced by another one while the store was closed. */
  onReplaced(why: string): void
}

/** Main-thread handle of the thread that names files and maintains the manifest. */
export class CommitThread {
  /** The contents of the store; rejects if the store cannot be used at all. */
  readonly opened: Promise<OpenedStore>
  readonly #options: CommitThreadOptions
  /** Start data of the thread, cloned at each start. A thread that starts again gets its `remembered` as it is then. */
  readonly #data: StoreThreadData & { role: 'commit' }
  readonly #thread: Thread<CommitCalls>
  #users = 0
  /** Opening of the store for writing; null while it is closed. */
  #opening: Promise<unknown> | null = null
  /** Closes the store after a time without use. */
  #closeTimer: NodeJS.Timeout | undefined

  constructor(options: CommitThreadOptions) {
    this.#options = options
    this.#data = { role: 'commit', root: options.root, remembered: null }
    // While the store is in use, the thread must keep its descriptors open: a sync reports write errors only to those.
    const mayRest = () => this.#users === 0
    this.#thread = openThread(options.script, { data: this.#data, youngMb: 4, mayRest })
    this.opened = this.call('look', null)
  }

  readonly call: Thread<CommitCalls>['call'] = async (name, input) => {
    const leave = this.#enter()
    try {
      return await this.#ask(name, input)
    } finally {
      leave()
    }
  }

  /** Never rejects. */
  async round(round: Round): Promise<RoundResult> {
    try {
      return await this.call('round', round)
    } catch (error) {
      const failure = toStoreResult(error)
      return { results: round.files.map(() => failure), failure, position: 0, totals: [] }
    }
  }

  /**
   * Opens the store for writing and keeps it open until the returned function is called. The next sync reports errors
   * of everything that is written in between.
   * @throws system errors
   */
  async use(): Promise<() => void> {
    const leave = this.#enter()
    try {
      this.#opening ??= this.#ask('wake', null)
      await this.#opening
      return leave
    } catch (error) {
      this.#opening = null
      leave()
      throw error
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#closeTimer)
    await this.#thread.close()
  }

  readonly #ask: Thread<CommitCalls>['call'] = async (name, input) => {
    const { watch, onTotals, onReplaced } = this.#options
    const output = await watch
      .during(() => this.#thread.call(name, input))
      .catch((error: unknown) => {
        if (errorCode(error) === REPLACED) onReplaced(errorText(error))
        throw error
      })
    if (output !== null && typeof output === 'object' && 'totals' in output) onTotals(output.totals)
    return output
  }

  #enter(): () => void {
    this.#users += 1
    let hasLeft = false
    return () => {
      if (hasLeft) return
      hasLeft = true
      this.#users -= 1
      if (this.#users > 0) return
      clearTimeout(this.#closeTimer)
      this.#closeTimer = setTimeout(() => this.#closeIdle(), CLOSE_AFTER_MS)
      this.#closeTimer.unref()
    }
  }

  #closeIdle(): void {
    if (this.#users > 0) return
    this.#opening = null
    void this.#ask('rest', null).then(
      (remembered) => {
        this.#data.remembered = remembered
      },
      () => undefined,
    )
  }
}
