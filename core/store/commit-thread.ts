import { openThread, type Thread } from '../lib/workers/thread.ts'
import { errorCode, errorText } from '../platform/system-error.ts'
import { REPLACED } from './open-store.ts'
import { toOutcome } from './outcome.ts'
import type { CallWatch } from './parts.ts'
import type { CommitCalls, OpenedStore, Round, RoundResult, StoreThreadData } from './store-messages.ts'

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

/** Idle time in milliseconds after which the store is closed, so that its disk can be unmounted. */
const REST_MS = 2_000

/** Main-thread handle of the thread that names files and maintains the manifest. */
export class CommitThread {
  /** The contents of the store; rejects if the store cannot be used at all. */
  readonly opened: Promise<OpenedStore>
  readonly #options: CommitThreadOptions
  readonly #data: StoreThreadData & { role: 'commit' }
  readonly #thread: Thread<CommitCalls>
  #users = 0
  #waking: Promise<unknown> | null = null
  #resting: NodeJS.Timeout | undefined

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
      const failure = toOutcome(error)
      return { outcomes: round.files.map(() => failure), failure, position: 0, totals: [] }
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
      this.#waking ??= this.#ask('wake', null)
      await this.#waking
      return leave
    } catch (error) {
      this.#waking = null
      leave()
      throw error
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#resting)
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
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.#users -= 1
      if (this.#users > 0) return
      clearTimeout(this.#resting)
      this.#resting = setTimeout(() => this.#rest(), REST_MS)
      this.#resting.unref()
    }
  }

  #rest(): void {
    if (this.#users > 0) return
    this.#waking = null
    void this.#ask('rest', null).then(
      (remembered) => {
        this.#data.remembered = remembered
      },
      () => undefined,
    )
  }
}
