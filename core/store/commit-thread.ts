import { inTime } from '../pacing/in-time.ts'
import type { StoreLayout } from './layout.ts'
import type { CommitJob, CommitResults, Opened, RoundResult } from './messages.ts'
import { outcomeOf } from './outcome.ts'
import { createStoreThread } from './thread.ts'

/** The thread that gives files their names and keeps the manifest, as the main thread sees it. */
export interface CommitThread {
  /** What is stored; rejects where the store cannot be used at all. */
  readonly opened: Promise<Opened>
  call<Job extends CommitJob>(job: Job): Promise<CommitResults[Job['kind']]>
  /** Never rejects. */
  round(job: Omit<Extract<CommitJob, { kind: 'round' }>, 'kind'>): Promise<RoundResult>
  /**
   * Opens the store for writing, and keeps it open until the result is called. What is written meanwhile the next sync
   * vouches for.
   * @throws what the system says.
   */
  use(): Promise<() => void>
  /** How long the disk has left a call unanswered, in milliseconds. */
  stalledMs(): number
  close(): Promise<void>
}

/** A store that nobody uses for so long, in milliseconds, is closed: its disk can be unmounted. */
const REST_MS = 2_000
const SAMPLE_MS = 500
/** Closing waits so long, in milliseconds, for what is under way: a disk may hang. */
const END_WITHIN_MS = 2_000

/** @param onTotals hears what the folders that have changed hold. */
export function openCommitThread(
  layout: StoreLayout,
  script: URL,
  onTotals: (totals: Opened['totals']) => void,
): CommitThread {
  const beat = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
  const beats = new Int32Array(beat)
  const thread = createStoreThread<CommitJob>(script, { role: 'commit', root: layout.root, beat })
  let out = 0
  let heard = { beats: 0, at: 0 }
  let users = 0
  let waking: Promise<unknown> | null = null
  let resting: NodeJS.Timeout | undefined

  const listen = () => {
    const now = Atomics.load(beats, 0)
    if (out === 0 || now !== heard.beats) heard = { beats: now, at: performance.now() }
  }
  const sampling = setInterval(listen, SAMPLE_MS)
  sampling.unref()

  const ask = async <Job extends CommitJob>(job: Job): Promise<CommitResults[Job['kind']]> => {
    listen()
    out += 1
    try {
      const result = (await thread.call(job)) as CommitResults[Job['kind']]
      if (result !== null && 'totals' in result) onTotals(result.totals)
      return result
    } finally {
      out -= 1
      listen()
    }
  }

  const rest = () => {
    if (users > 0) return
    waking = null
    void ask({ kind: 'rest' }).catch(() => undefined)
  }

  const enter = (): (() => void) => {
    users += 1
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      users -= 1
      if (users > 0) return
      clearTimeout(resting)
      resting = setTimeout(rest, REST_MS)
      resting.unref()
    }
  }

  const call = async <Job extends CommitJob>(job: Job): Promise<CommitResults[Job['kind']]> => {
    const leave = enter()
    try {
      return await ask(job)
    } finally {
      leave()
    }
  }

  return {
    opened: call({ kind: 'look' }),
    call,
    async round(job) {
      try {
        return await call({ kind: 'round', ...job })
      } catch (thrown) {
        const failure = outcomeOf(thrown)
        return { outcomes: job.files.map(() => failure), failure, position: 0, totals: [] }
      }
    },
    async use() {
      const leave = enter()
      try {
        waking ??= ask({ kind: 'wake' })
        await waking
        return leave
      } catch (thrown) {
        waking = null
        leave()
        throw thrown
      }
    },
    stalledMs() {
      listen()
      return out === 0 ? 0 : performance.now() - heard.at
    },
    async close() {
      clearInterval(sampling)
      clearTimeout(resting)
      await inTime(
        END_WITHIN_MS,
        ask({ kind: 'rest' }).catch(() => undefined),
      )
      thread.close()
    },
  }
}
